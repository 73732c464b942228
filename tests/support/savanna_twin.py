"""A second implementation of the world `savanna`, to check the first one against.

It was written from the written specification alone, by someone who did not see the first
implementation. Two independent readings of one text rarely contain the same mistake. If they
disagree, one of them is wrong, or the text is ambiguous. To avoid mistakes of its own, this one is
plain and slow: no arrays, no indices and no closed forms. Each age is a list of (probability,
situation) pairs. It is expanded event by event in the order of the specification, and merged into a
dictionary at the end.

Run as a script, it checks itself: from every state and for every available act the probabilities
sum to 1.
"""

import math
import random
from collections.abc import Callable
from typing import NamedTuple

Params = dict[str, float | int | bool]

DEFAULTS: Params = {
    "energy_max": 5,
    "start_energy": 3,
    "low_energy": 2,
    "gestation": 4,
    "nursing": 2,
    "lifespan": 80,
    "forage_success": 0.6,
    "forage_gain": 2,
    "forage_cost": 1,
    "forage_danger": 1.5,
    "forage_effort": 0.2,
    "rest_cost": 0.5,
    "rest_safety": 0.5,
    "court_cost": 1,
    "court_success": 0.4,
    "court_effort": 0.2,
    "partner_leaves": 0.1,
    "mate_cost": 1,
    "mate_effort": 0.1,
    "conception": 0.4,
    "gestation_drain": 0.3,
    "appetite": 0.5,
    "contraception": False,
    "contraceptive_failure": 0.15,
    "contraceptive_pleasure": 0.95,
    "contraceptive_hassle": 0.1,
    "solo_intensity": 0.4,
    "solo_pleasure": 0.0,
    "solo_cost": 0.4,
    "solo_effort": 0.1,
    "nurse_cost": 1,
    "nurse_success": 0.9,
    "nurse_effort": 0.2,
    "neglect": 0.4,
    "death": 0.02,
    "starving_death": 0.25,
}

ACTS: tuple[str, ...] = (
    "forage",
    "rest",
    "self_stimulate",
    "court",
    "mate",
    "mate_protected",
    "nurse",
)

FEATURES: tuple[str, ...] = ("satiety", "ease", "company", "pleasure", "solo", "young", "recruit")

DEAD = "dead"


class Living(NamedTuple):
    """A living state, as it is at the beginning of an age."""

    energy: int
    partner: int
    stage: int


class Situation(NamedTuple):
    """A living state in the middle of an age."""

    change: int
    energy: int
    partner: int
    stage: int
    starved: bool
    dead: bool


Branches = list[tuple[float, Situation]]
Event = Callable[[Params, Living, str, Situation], Branches]


# States


def name_of(energy: int, partner: int, stage: int) -> str:
    """The name of a living state."""
    return f"e{energy}.p{partner}.s{stage}"


def living_states(p: Params) -> dict[str, Living]:
    """All living states by name: energy slowest, then partner, then stage."""
    found: dict[str, Living] = {}
    for energy in range(int(p["energy_max"]) + 1):
        for partner in (0, 1):
            for stage in range(int(p["gestation"]) + int(p["nursing"]) + 1):
                found[name_of(energy, partner, stage)] = Living(energy, partner, stage)
    return found


def state_names(p: Params) -> list[str]:
    """All states in order, `dead` last."""
    return [*living_states(p), DEAD]


def is_gestating(p: Params, stage: int) -> bool:
    """Whether a stage is one of gestation."""
    return 1 <= stage <= int(p["gestation"])


def is_nursing(p: Params, stage: int) -> bool:
    """Whether a stage is one with an infant to nurse."""
    return int(p["gestation"]) + 1 <= stage <= last_stage(p)


def last_stage(p: Params) -> int:
    """The last nursing stage."""
    return int(p["gestation"]) + int(p["nursing"])


def birth(p: Params) -> dict[str, float]:
    """Where a life begins."""
    return {name_of(int(p["start_energy"]), 0, 0): 1.0}


def observation(p: Params, state: str) -> str:
    """The observation class of a state."""
    if state == DEAD:
        return DEAD
    now = living_states(p)[state]
    energy = "low" if now.energy <= p["low_energy"] else "high"
    partner = "partner" if now.partner == 1 else "alone"
    stage = "free"
    if is_gestating(p, now.stage):
        stage = "gestating"
    if is_nursing(p, now.stage):
        stage = "nursing"
    return f"{energy} energy, {partner}, {stage}"


# Acts


def available(p: Params, state: str) -> set[str]:
    """The acts that can be chosen in a state."""
    if state == DEAD:
        return {"rest"}
    now = living_states(p)[state]
    acts = {"forage", "rest", "self_stimulate"}
    if now.partner == 0:
        acts.add("court")
    if now.partner == 1:
        acts.add("mate")
    if now.partner == 1 and p["contraception"]:
        acts.add("mate_protected")
    if is_nursing(p, now.stage):
        acts.add("nurse")
    return acts


def require_available(p: Params, state: str, act: str) -> None:
    """Refuse an act that cannot be chosen in a state."""
    if act not in available(p, state):
        raise KeyError(f"{act} is not available in {state}")


# The events of one age, in their order. Each returns what a situation branches into.


def act_changes_energy(p: Params, start: Living, act: str, now: Situation) -> Branches:
    """Event 1: the act's own change of energy."""
    if act == "forage":
        found, chance = int(p["forage_gain"]), float(p["forage_success"])
        return either(chance, add_change(now, found), add_change(now, -int(p["forage_cost"])))
    if act == "rest":
        return either(float(p["rest_cost"]), add_change(now, -1), now)
    if act == "self_stimulate":
        return either(float(p["solo_cost"]), add_change(now, -1), now)
    if act == "court":
        return [(1.0, add_change(now, -int(p["court_cost"])))]
    if act in ("mate", "mate_protected"):
        return [(1.0, add_change(now, -int(p["mate_cost"])))]
    if act == "nurse":
        return [(1.0, add_change(now, -int(p["nurse_cost"])))]
    raise KeyError(act)


def gestation_drains(p: Params, start: Living, act: str, now: Situation) -> Branches:
    """Event 2: an agent that began the age gestating may lose another unit of energy."""
    if is_gestating(p, start.stage):
        return either(float(p["gestation_drain"]), add_change(now, -1), now)
    return [(1.0, now)]


def energy_settles(p: Params, start: Living, act: str, now: Situation) -> Branches:
    """Event 3: both changes together are added; the sum is cut off above, and below 0 it is
    starvation.
    """
    total = start.energy + now.change
    if total < 0:
        return [(1.0, now._replace(starved=True))]
    return [(1.0, now._replace(energy=min(total, int(p["energy_max"]))))]


def stage_moves(p: Params, start: Living, act: str, now: Situation) -> Branches:
    """Event 4: conception, gestation and nursing."""
    following = now._replace(stage=start.stage + 1)
    freed = now._replace(stage=0)
    if is_gestating(p, start.stage):
        return [(1.0, following)]
    if is_nursing(p, start.stage):
        if act == "nurse":
            nursed = freed if start.stage == last_stage(p) else following
            return either(float(p["nurse_success"]), nursed, now)
        return either(float(p["neglect"]), freed, now)
    if act == "mate":
        return either(float(p["conception"]), following, now)
    if act == "mate_protected":
        return either(float(p["conception"]) * float(p["contraceptive_failure"]), following, now)
    return [(1.0, now)]


def partner_moves(p: Params, start: Living, act: str, now: Situation) -> Branches:
    """Event 5: a partner leaves or is found, never both in one age."""
    if start.partner == 1:
        return either(float(p["partner_leaves"]), now._replace(partner=0), now)
    if act == "court":
        return either(float(p["court_success"]), now._replace(partner=1), now)
    return [(1.0, now)]


def death_comes(p: Params, start: Living, act: str, now: Situation) -> Branches:
    """Event 6: death, surely by starvation and otherwise by chance."""
    died = now._replace(dead=True)
    if now.starved:
        return [(1.0, died)]
    danger = 1.0
    if act == "forage":
        danger = float(p["forage_danger"])
    if act == "rest":
        danger = float(p["rest_safety"])
    chance = float(p["death"]) * danger
    if now.energy == 0:
        chance = chance + float(p["starving_death"])
    return either(min(chance, 1.0), died, now)


EVENTS: tuple[Event, ...] = (
    act_changes_energy,
    gestation_drains,
    energy_settles,
    stage_moves,
    partner_moves,
    death_comes,
)


def add_change(now: Situation, change: int) -> Situation:
    """A situation with a further change of energy noted."""
    return now._replace(change=now.change + change)


def either(chance: float, yes: Situation, no: Situation) -> Branches:
    """Two branches, the first with the chance given."""
    return [(chance, yes), (1.0 - chance, no)]


def expand(p: Params, start: Living, act: str, branches: Branches, event: Event) -> Branches:
    """Let one event happen in every branch; branches that cannot happen are dropped."""
    grown: Branches = []
    for weight, situation in branches:
        for chance, after in event(p, start, act, situation):
            if weight * chance > 0.0:
                grown.append((weight * chance, after))
    return grown


def outcomes(p: Params, state: str, act: str) -> dict[str, float]:
    """The probability of each state at the end of the age; states that cannot be reached are left
    out.
    """
    require_available(p, state, act)
    if state == DEAD:
        return {DEAD: 1.0}
    start = living_states(p)[state]
    first = Situation(0, start.energy, start.partner, start.stage, starved=False, dead=False)
    branches: Branches = [(1.0, first)]
    for event in EVENTS:
        branches = expand(p, start, act, branches, event)
    merged: dict[str, float] = {}
    for weight, end in branches:
        name = DEAD if end.dead else name_of(end.energy, end.partner, end.stage)
        merged[name] = merged.get(name, 0.0) + weight
    return merged


def believed(p_ancestral: Params, p_world: Params, state: str, act: str) -> dict[str, float]:
    """The belief `ancestral` about an act that is available in the world.

    It is the truth of the ancestral world. Where that world has no act `mate_protected`, the belief
    says that the act does what `mate` does there.
    """
    require_available(p_world, state, act)
    if act == "mate_protected" and not p_ancestral["contraception"]:
        return outcomes(p_ancestral, state, "mate")
    return outcomes(p_ancestral, state, act)


# Payoff, intent and feelings


def payoff(p: Params, state: str, act: str) -> float:
    """Expected recruits of an act; they count even where their mother dies in the same age."""
    require_available(p, state, act)
    if state == DEAD:
        return 0.0
    if act == "nurse" and living_states(p)[state].stage == last_stage(p):
        return float(p["nurse_success"])
    return 0.0


def intent(p: Params, state: str, act: str) -> float:
    """The payoff itself: biology has no designers."""
    return payoff(p, state, act)


def effort(p: Params, act: str) -> float:
    """The felt effort of an act."""
    efforts = {
        "forage": float(p["forage_effort"]),
        "rest": 0.0,
        "self_stimulate": float(p["solo_effort"]),
        "court": float(p["court_effort"]),
        "mate": float(p["mate_effort"]),
        "mate_protected": float(p["mate_effort"]) + float(p["contraceptive_hassle"]),
        "nurse": float(p["nurse_effort"]),
    }
    return efforts[act]


def satiety(p: Params, now: Living) -> float:
    """1 less the squared share of energy missed; appetite adds to what is missed while
    gestating.
    """
    missed = float(int(p["energy_max"]) - now.energy)
    if is_gestating(p, now.stage):
        missed = missed + float(p["appetite"])
    share = missed / float(p["energy_max"])
    return 1.0 - share * share


def pleasure(p: Params, act: str) -> float:
    """The pleasure that mating gives, and self-stimulation where it feels alike."""
    if act == "mate":
        return 1.0
    if act == "mate_protected":
        return float(p["contraceptive_pleasure"])
    if act == "self_stimulate":
        return float(p["solo_pleasure"])
    return 0.0


def felt(p: Params, state: str, act: str) -> dict[str, float]:
    """All features of an available act, as felt in the state at the beginning of the age."""
    require_available(p, state, act)
    if state == DEAD:
        return dict.fromkeys(FEATURES, 0.0)
    now = living_states(p)[state]
    return {
        "satiety": satiety(p, now),
        "ease": 0.0 - effort(p, act),
        "company": 1.0 if now.partner == 1 else 0.0,
        "pleasure": pleasure(p, act),
        "solo": float(p["solo_intensity"]) if act == "self_stimulate" else 0.0,
        "young": 1.0 if act == "nurse" else 0.0,
        "recruit": payoff(p, state, act),
    }


# Self-check


CHANCES: tuple[str, ...] = (
    "forage_success",
    "rest_cost",
    "court_success",
    "partner_leaves",
    "conception",
    "gestation_drain",
    "contraceptive_failure",
    "solo_cost",
    "nurse_success",
    "neglect",
    "death",
    "starving_death",
)


def random_params(dice: random.Random) -> Params:
    """Parameters far from the defaults, certain and impossible events among them."""
    p: Params = dict(DEFAULTS)
    for name in CHANCES:
        p[name] = dice.choice((0.0, 1.0, dice.random(), dice.random(), dice.random()))
    for name in ("forage_gain", "forage_cost", "court_cost", "mate_cost", "nurse_cost"):
        p[name] = dice.randint(0, 3)
    for name in ("forage_danger", "rest_safety"):
        p[name] = dice.uniform(0.0, 3.0)
    for name in ("energy_max", "gestation", "nursing"):
        p[name] = dice.randint(1, 6)
    p["start_energy"] = dice.randint(0, int(p["energy_max"]))
    p["low_energy"] = dice.randint(0, int(p["energy_max"]))
    p["contraception"] = dice.random() < 0.5
    return p


def check_distribution(names: set[str], found: dict[str, float], where: str) -> None:
    """Stop at probabilities that are not a distribution over the states."""
    if not set(found) <= names:
        raise AssertionError(f"unknown states {sorted(set(found) - names)} from {where}")
    if min(found.values()) < 0.0 or abs(math.fsum(found.values()) - 1.0) > 1e-12:
        raise AssertionError(f"no distribution from {where}: {found}")


def check_world(p: Params) -> int:
    """Check every state and available act of one world, and the belief; the number of pairs
    checked.
    """
    names = set(state_names(p))
    ancestral: Params = {**p, "contraception": False}
    check_distribution(names, birth(p), "birth")
    pairs = 0
    for state in state_names(p):
        for act in sorted(available(p, state)):
            check_distribution(names, outcomes(p, state, act), f"{state}, {act}")
            check_distribution(
                names, believed(ancestral, p, state, act), f"{state}, {act} (belief)"
            )
            if tuple(felt(p, state, act)) != FEATURES:
                raise AssertionError(f"features of {state}, {act}")
            pairs += 1
    return pairs


def main() -> None:
    """Check the defaults, the defaults with contraception and some random worlds."""
    dice = random.Random(1)
    worlds: list[Params] = [dict(DEFAULTS), {**DEFAULTS, "contraception": True}]
    worlds += [random_params(dice) for _ in range(20)]
    pairs = sum(check_world(p) for p in worlds)
    print(f"{len(worlds)} worlds, {pairs} pairs of state and act: all sum to 1")


if __name__ == "__main__":
    main()
