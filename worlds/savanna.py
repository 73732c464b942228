"""Savanna: a life history in which consequences of mating lie beyond the planning horizon.

Purpose. Feelings stand in for offspring. In the ancestral savanna, pleasure in mating, hunger and
company lead to children. No planner with a horizon below `gestation + 2` can connect mating with a
child. In the modern savanna, contraception gives nearly all of the pleasure and almost no
children. The pleasure served fitness before, and no longer does. No ancestral evidence could have
separated the two. Self-stimulation exists in both worlds and is waste in both.

Loss. Birth control: a shift, which a perfect ancestral optimizer would have lost as well.
Self-stimulation: waste, which only imperfect search leaves behind.

State. `(energy, partner, stage)` with energy `0..energy_max` and partner 0 or 1. Stage is 0
(neither), `1..gestation` (gestating) or `gestation + 1 .. gestation + nursing` (nursing an infant).
The last state is `dead`. Order: energy slowest, then partner, then stage. Names: `e3.p1.s0`,
`dead`.

Acts and their availability. `forage`, `rest` and `self_stimulate` in every living state; `court`
without a partner; `mate` with a partner; `nurse` while nursing. `mate_protected` needs a partner
and the parameter `contraception`. The dead can only `rest`, and stay dead. The order of acts
matters for tie rules only: forage, rest, court, mate, mate_protected, self_stimulate, nurse.

One age has the following steps, in this order. All chances are independent. `e`, `p` and `s` are
energy, partner and stage at the beginning of the age.

1. The act's own change of energy: `forage` +`forage_gain` with `forage_success`, else
   -`forage_cost`; `rest` -1 with `rest_cost`; `court` -`court_cost`. For `mate` and
   `mate_protected` it is -`mate_cost`; `self_stimulate` -1 with `solo_cost`; `nurse` -`nurse_cost`.
2. Gestation's drain: if `s` is a gestating stage, another -1 with `gestation_drain`.
3. Both changes are added to `e`; the sum is cut off above at `energy_max`. A sum below 0 is
   starvation.
4. Stage. From 0: `mate` leads to stage 1 with `conception`, `mate_protected` with
   `conception * contraceptive_failure`, all other acts stay at 0. From a gestating stage: to the
   next stage, with certainty. From a nursing stage: `nurse` succeeds with `nurse_success` and leads
   to the next stage. From the last one it leads to 0 with one recruit. A failed `nurse` does not
   change the stage. Any other act loses the infant (stage 0) with `neglect`, else the stage stays.
5. Partner. A partner leaves with `partner_leaves`. `court` finds a partner with `court_success`,
   who cannot leave in the same age.
6. Death. Certain by starvation. Otherwise with probability `death * m + starving_death * [new
   energy is 0]`, at most 1. Here `m` is `forage_danger` for `forage`, `rest_safety` for `rest`, and
   1 for other acts.

Payoff, in expected recruits: `nurse_success` for `nurse` in the last nursing stage, else 0. The
recruit counts even if its mother dies in the same age. Intent is payoff: biology has no designers.

Features felt, of state and act; all are 0 in `dead`.

* `satiety`: 1 - ((energy_max - e + q) / energy_max)^2 with `q = appetite` in gestating stages, else
  0.
* `ease`: minus the effort of the act: `forage_effort`, `court_effort`, `mate_effort`,
  `nurse_effort`, `solo_effort`; `mate_protected` has `mate_effort + contraceptive_hassle`; `rest`
  0.
* `company`: 1 with a partner, else 0.
* `pleasure`: 1 for `mate`, `contraceptive_pleasure` for `mate_protected`, `solo_pleasure` for
  `self_stimulate`, else 0.
* `solo`: `solo_intensity` for `self_stimulate`, else 0. It distinguishes this act from mating.
* `young`: 1 for `nurse`, else 0.
* `recruit`: the payoff itself. The default genome cannot feel it (its only allele is 0): no animal
  does. The feature serves experiments whose grid must contain the perfectly aligned objective.

Belief `ancestral`: the transitions of the ancestral world. If the ancestral world does not have
`mate_protected`, the belief gives this act the transitions of `mate`. In the ancestral world the
belief is the truth.

Observation classes: energy low (at most `low_energy`) or high, times partner, times none /
gestating / nursing; and `dead`. The default act is `rest`.

Birth: energy `start_energy`, no partner, stage 0.

Sources. The structure follows Wentworth's examples of birth control and masturbation. The numbers
were chosen so that a life history of about 80 ages yields about one recruit. Their reasons are in
the parameters. They do not describe a particular species.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from evosim.worlds.parameters import (
    MAX_AGES,
    InvalidWorld,
    check_size,
    modern_params,
    number,
    probability,
)
from evosim.worlds.tabular import Bools, Floats, TabularMdp, WorldPair

ACTS = ("forage", "rest", "court", "mate", "mate_protected", "self_stimulate", "nurse")
FEATURES = ("satiety", "ease", "company", "pleasure", "solo", "young", "recruit")
STATE_LEGEND = "e energy, p partner, s stage: 0 neither, then gestating, then nursing"
FEATURE_COLOURS = {
    "satiety": 6,
    "ease": 0,
    "company": 1,
    "pleasure": 2,
    "solo": 3,
    "young": 4,
    "recruit": 5,
}
EXAMPLE_SWAP = {"contraception": True, "forage_success": 0.75, "death": 0.01, "solo_intensity": 0.5}
FORAGE, REST, COURT, MATE, PROTECTED, SOLO, NURSE = range(len(ACTS))


@dataclass(frozen=True)
class Savanna:
    """Parameters of one savanna; the modern world replaces some of them."""

    energy_max: int = number(
        5, "units of energy", "about five lean ages from full to starved", low=1, structural=True
    )
    start_energy: int = number(3, "units of energy", "the young leave home half fed", low=0)
    low_energy: int = number(
        2, "units of energy", "at or below it a reflex sees 'low energy'", low=0, structural=True
    )
    gestation: int = number(
        4, "ages", "from conception to birth; sets how far consequences lie", low=1, structural=True
    )
    nursing: int = number(
        2, "ages", "successful nursings that make a recruit", low=1, structural=True
    )
    lifespan: int = number(
        80, "ages", "several births in a long life", low=1, high=MAX_AGES, structural=True
    )

    forage_success: float = probability(0.6, "food is found more often than not")
    forage_gain: int = number(2, "units of energy", "a find feeds two ages", low=0)
    forage_cost: int = number(1, "units of energy", "a search without a find costs one", low=0)
    forage_danger: float = number(
        1.5, "times base death", "predators are met while foraging", low=0.0
    )
    forage_effort: float = number(0.2, "felt effort", "work", low=0.0)

    rest_cost: float = probability(0.5, "half of an active age's metabolism")
    rest_safety: float = number(0.5, "times base death", "hidden while resting", low=0.0)

    court_cost: int = number(1, "units of energy", "display takes an age's energy", low=0)
    court_success: float = probability(0.4, "mates are choosy")
    court_effort: float = number(0.2, "felt effort", "same as foraging", low=0.0)
    partner_leaves: float = probability(0.1, "pair bonds last ten ages on average")

    mate_cost: int = number(1, "units of energy", "an age's energy", low=0)
    mate_effort: float = number(0.1, "felt effort", "less than work", low=0.0)
    conception: float = probability(0.4, "not every mating conceives")
    gestation_drain: float = probability(0.3, "a foetus takes energy about one age in three")
    appetite: float = number(
        0.5, "units of energy", "eating for two: pregnancy is felt from its first age", low=0.0
    )

    contraception: bool = number(False, "available or not", "the modern invention")
    contraceptive_failure: float = probability(
        0.15, "typical use fails now and then", "share of conceptions left"
    )
    contraceptive_pleasure: float = number(
        0.95, "felt pleasure (mate = 1)", "slightly less pleasant", low=0.0
    )
    contraceptive_hassle: float = number(
        0.1, "felt effort", "to obtain and prepare it, in addition to mating", low=0.0
    )

    solo_intensity: float = number(0.4, "felt pleasure (mate = 1)", "weaker than mating", low=0.0)
    solo_pleasure: float = number(
        0.0,
        "felt pleasure (mate = 1)",
        "how far it is felt as mating is, through the same feature",
        low=0.0,
    )
    solo_cost: float = probability(0.4, "some of an age's energy")
    solo_effort: float = number(0.1, "felt effort", "same as mating", low=0.0)

    nurse_cost: int = number(1, "units of energy", "milk costs an age's energy", low=0)
    nurse_success: float = probability(0.9, "most nursings succeed")
    nurse_effort: float = number(0.2, "felt effort", "work", low=0.0)
    neglect: float = probability(0.4, "chance that an un-nursed infant dies in an age")

    death: float = probability(0.02, "about fifty ages of expected life")
    starving_death: float = probability(0.25, "added at energy 0")


def build(params: Savanna, modern: Mapping[str, Any]) -> WorldPair:
    """Build the pair; `modern` holds the parameters that differ. Raises `InvalidWorld`."""
    after = modern_params(params, modern)
    energies, stages = _sizes(params)
    check_size("world.ancestral", energies * 2 * stages + 1, len(ACTS), params.lifespan)
    for world, where in ((params, "world.ancestral"), (after, "world.modern")):
        if world.start_energy > world.energy_max:
            raise InvalidWorld(
                f"{where}.start_energy must be at most energy_max ({world.energy_max}), but is"
                f" {world.start_energy}. Set it to {world.energy_max} or less."
            )
    ancestral_moves, modern_moves = _transitions(params), _transitions(after)
    believed = ancestral_moves.copy()
    if not params.contraception:
        believed[:, PROTECTED] = ancestral_moves[:, MATE]
    return WorldPair(
        name="savanna",
        ancestral=_world(params, "savanna (ancestral)", ancestral_moves, ancestral_moves),
        modern=_world(after, "savanna (modern)", modern_moves, believed),
        observe=_observe(params),
        classes=_class_names(),
        default_act="rest",
        serves={
            "satiety": ("forage",),
            "ease": ("rest",),
            "company": ("court",),
            "pleasure": ("mate", "mate_protected"),
            "solo": ("self_stimulate",),
            "young": ("nurse",),
            "recruit": ("nurse",),
        },
    )


def _world(params: Savanna, name: str, moves: Floats, believed: Floats) -> TabularMdp:
    available = _available(params)
    payoff = _payoff(params) * available
    return TabularMdp(
        name=name,
        states=_state_names(params),
        acts=ACTS,
        features=FEATURES,
        lifespan=params.lifespan,
        available=available,
        transitions=moves * available[:, :, None],
        payoff=payoff,
        intent=payoff,
        features_felt=_features(params, payoff) * available[:, :, None],
        start=_start(params),
        beliefs={"ancestral": believed * available[:, :, None]},
    )


def _sizes(params: Savanna) -> tuple[int, int]:
    return params.energy_max + 1, params.gestation + params.nursing + 1


def _axes(params: Savanna) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Energy, partner and stage of each living state, each `[S - 1]`, in order of states."""
    energies, stages = _sizes(params)
    grid = np.indices((energies, 2, stages)).reshape(3, -1)
    return grid[0], grid[1], grid[2]


def _state_names(params: Savanna) -> tuple[str, ...]:
    living = zip(*_axes(params), strict=True)
    return (*(f"e{e}.p{p}.s{s}" for e, p, s in living), "dead")


def _available(params: Savanna) -> Bools:
    _, partner, stage = _axes(params)
    out = np.zeros((partner.size + 1, len(ACTS)), dtype=bool)
    out[:-1, [FORAGE, REST, SOLO]] = True
    out[:-1, COURT] = partner == 0
    out[:-1, MATE] = partner == 1
    out[:-1, PROTECTED] = (partner == 1) & params.contraception
    out[:-1, NURSE] = stage > params.gestation
    out[-1, REST] = True
    return out


def _transitions(params: Savanna) -> Floats:
    """Transitions `[S, A, S]` of all acts, also of unavailable ones; the caller masks them."""
    energies, stages = _sizes(params)
    living = energies * 2 * stages
    out = np.zeros((living + 1, len(ACTS), living + 1))
    out[-1, :, -1] = 1.0
    for act in range(len(ACTS)):
        partner = _partner_matrix(params, act)
        stage = _stage_matrix(params, act)
        danger = {FORAGE: params.forage_danger, REST: params.rest_safety}.get(act, 1.0)
        death = np.minimum(
            1.0, params.death * danger + params.starving_death * (np.arange(energies) == 0)
        )
        for s in range(stages):
            energy, starved = _energy_matrix(params, act, drained=1 <= s <= params.gestation)
            block = np.einsum("ex,py,z->epxyz", energy * (1.0 - death), partner, stage[s])
            rows = np.ravel_multi_index(np.indices((energies, 2)), (energies, 2)) * stages + s
            out[rows.ravel(), act, :living] = block.reshape(energies * 2, living)
            out[rows, act, -1] = (starved + energy @ death)[:, None]
    return out


def _energy_matrix(params: Savanna, act: int, *, drained: bool) -> tuple[Floats, Floats]:
    """`[e, e']` chances of the next energy, before death, and `[e]` chance of starvation."""
    # Pairs, not a dictionary by change: two outcomes may change energy by the same amount.
    changes = {
        FORAGE: [
            (params.forage_gain, params.forage_success),
            (-params.forage_cost, 1.0 - params.forage_success),
        ],
        REST: [(-1, params.rest_cost), (0, 1.0 - params.rest_cost)],
        COURT: [(-params.court_cost, 1.0)],
        MATE: [(-params.mate_cost, 1.0)],
        PROTECTED: [(-params.mate_cost, 1.0)],
        SOLO: [(-1, params.solo_cost), (0, 1.0 - params.solo_cost)],
        NURSE: [(-params.nurse_cost, 1.0)],
    }[act]
    drain = (
        [(-1, params.gestation_drain), (0, 1.0 - params.gestation_drain)] if drained else [(0, 1.0)]
    )
    energies = params.energy_max + 1
    out, starved = np.zeros((energies, energies)), np.zeros(energies)
    for e in range(energies):
        for own, p in changes:
            for foetus, q in drain:
                after = min(e + own + foetus, params.energy_max)
                if after >= 0:
                    out[e, after] += p * q
                else:
                    starved[e] += p * q
    return out, starved


def _partner_matrix(params: Savanna, act: int) -> Floats:
    finds = params.court_success if act == COURT else 0.0
    return np.array([[1.0 - finds, finds], [params.partner_leaves, 1.0 - params.partner_leaves]])


def _stage_matrix(params: Savanna, act: int) -> Floats:
    last = params.gestation + params.nursing
    conceives = {
        MATE: params.conception,
        PROTECTED: params.conception * params.contraceptive_failure,
    }.get(act, 0.0)
    out = np.zeros((last + 1, last + 1))
    out[0, 0], out[0, 1] = 1.0 - conceives, conceives
    for s in range(1, last + 1):
        if s <= params.gestation:
            out[s, s + 1] = 1.0
            continue
        target, chance = (
            ((s + 1) % (last + 1), params.nurse_success) if act == NURSE else (0, params.neglect)
        )
        out[s, target] += chance
        out[s, s] += 1.0 - chance
    return out


def _payoff(params: Savanna) -> Floats:
    _, _, stage = _axes(params)
    out = np.zeros((stage.size + 1, len(ACTS)))
    out[:-1, NURSE] = params.nurse_success * (stage == params.gestation + params.nursing)
    return out


def _features(params: Savanna, payoff: Floats) -> Floats:
    energy, partner, stage = _axes(params)
    out = np.zeros((energy.size + 1, len(ACTS), len(FEATURES)))
    gestating = (stage >= 1) & (stage <= params.gestation)
    deficit = (params.energy_max - energy + params.appetite * gestating) / params.energy_max
    effort = np.zeros(len(ACTS))
    effort[[FORAGE, COURT, MATE, SOLO, NURSE]] = (
        params.forage_effort,
        params.court_effort,
        params.mate_effort,
        params.solo_effort,
        params.nurse_effort,
    )
    effort[PROTECTED] = params.mate_effort + params.contraceptive_hassle
    out[:-1, :, 0] = (1.0 - deficit**2)[:, None]
    out[:-1, :, 1] = -effort
    out[:-1, :, 2] = partner[:, None]
    out[:-1, MATE, 3] = 1.0
    out[:-1, PROTECTED, 3] = params.contraceptive_pleasure
    out[:-1, SOLO, 3] = params.solo_pleasure
    out[:-1, SOLO, 4] = params.solo_intensity
    out[:-1, NURSE, 5] = 1.0
    out[:, :, 6] = payoff
    return out


def _start(params: Savanna) -> Floats:
    energy, partner, stage = _axes(params)
    here = (energy == params.start_energy) & (partner == 0) & (stage == 0)
    return np.append(here.astype(float), 0.0)


def _class_names() -> tuple[str, ...]:
    living = [
        f"{energy} energy, {partner}, {stage}"
        for energy in ("low", "high")
        for partner in ("alone", "partner")
        for stage in ("free", "gestating", "nursing")
    ]
    return (*living, "dead")


def _observe(params: Savanna) -> np.ndarray:
    energy, partner, stage = _axes(params)
    phase = np.where(stage == 0, 0, np.where(stage <= params.gestation, 1, 2))
    living = (energy > params.low_energy) * 6 + partner * 3 + phase
    return np.append(living, 12)
