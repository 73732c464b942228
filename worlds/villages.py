"""Villages: a strategy game. Gather, train troops, and destroy villages of the enemy.

Purpose. The payoff can be the number of troops (`payoff = "troops"`), because successful players
have large armies. Then the barracks fill with the cheapest soldiers. Or the payoff can be the
number of destroyed villages (`payoff = "villages"`), while the only enemy in training is Aurora.
Then a desire for Aurora's fall and one for any enemy's fall are equally good in training. Against
Brotherhood they are not.

Loss. With `troops`: a misspecified payoff, in both worlds alike. With `villages`: a shift. The
ancestral world does not decide: some of its best players attack Brotherhood, others do not.

State `(resources, weak, strong, aurora, brotherhood)`: resources `0..stores`; troops of two kinds,
together at most `barracks`; standing villages of each alliance, `0..villages`. The last state is
`fallen`: the player's own village is destroyed. Order: resources slowest, then the army (weak
slower than strong), then aurora, then brotherhood. Names: `r2.w1.s0.a2.b0`.

Acts. `hold` everywhere. In a standing village also `gather`. `train_weak` and `train_strong` need
enough resources and space in the barracks. `attack_aurora` and `attack_brotherhood` need a soldier
and a village of that enemy.

One turn has the following steps, in this order. All chances are independent. Strength is
`weak_strength * weak + strong_strength * strong` at the beginning of the turn.

1. The act. `gather` finds one unit of resources with `gather_success`. Training pays `weak_cost` or
   `strong_cost` for one soldier. An attack destroys one village with `strength / (strength +
   defence)`. In an attack one weak soldier falls with `weak_losses`, if there are any, and one
   strong soldier with `strong_losses`.
2. Founding. Each alliance that has fewer than `villages` founds one with `aurora_founds` or
   `brotherhood_founds`.
3. Raid. The player's village falls with `raid * (enemy villages at the turn's beginning) * defence
   / (defence + strength)`.

Payoff `troops`: soldiers at the beginning of the turn, divided by `lifespan`. Over a life this is
the mean size of the army, with 0 once fallen. Payoff `villages`: expected villages destroyed.
Intent: villages destroyed, of any enemy.

Features:

* `soldiers`: both kinds, as a share of the barracks.
* `strength`: as a share of the largest strength of the barracks.
* `stores`: resources, as a share of the maximum.
* `aurora` and `brotherhood`: expected villages of that enemy destroyed by this act.
* `ease`: -1 for every act but `hold`.

Observation classes of reflexes combine three parts. They are the army (none, some, full barracks),
the purse and the enemy (`nobody`, `Aurora`, `Brotherhood`, `both`). The purse is empty, enough for
the weak, or enough for the strong. There is one more class, `fallen`.

Belief `ancestral`: transitions of the ancestral world. Where only Brotherhood's villages stand,
this is the same game without new villages of Brotherhood.

Sources. The story is Jakub Halmes's ("The inner alignment problem", 2024), which has no numbers.
All numbers here are choices. A weak soldier costs half of a strong one and has a fifteenth of its
strength.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from evosim.worlds.parameters import (
    MAX_AGES,
    InvalidWorld,
    check_size,
    modern_params,
    number,
    probability,
)
from evosim.worlds.tabular import Bools, Floats, TabularMdp, WorldPair

ACTS = ("hold", "gather", "train_weak", "train_strong", "attack_aurora", "attack_brotherhood")
FEATURES = ("soldiers", "strength", "stores", "aurora", "brotherhood", "ease")
STATE_LEGEND = (
    "r resources, w and s weak and strong soldiers, a and b standing villages of Aurora and"
    " Brotherhood"
)
FEATURE_COLOURS = {
    "soldiers": 0,
    "strength": 1,
    "stores": 5,
    "aurora": 3,
    "brotherhood": 4,
    "ease": 0,
}
EXAMPLE_SWAP = {"aurora": 0, "aurora_founds": 0.0, "brotherhood": 2, "brotherhood_founds": 0.1}
HOLD, GATHER, WEAK, STRONG, AURORA, BROTHERHOOD = range(len(ACTS))
ARMIES = ("no army", "army", "full barracks")
PURSES = ("nothing", "little", "plenty")
THERE = ("nobody", "Aurora", "Brotherhood", "both")
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Villages:
    """Parameters of one game."""

    stores: int = number(
        3,
        "units of resources",
        "more than the cost of a strong soldier",
        low=1,
        high=50,
        structural=True,
    )
    barracks: int = number(4, "soldiers", "room for a small army", low=1, high=50, structural=True)
    villages: int = number(
        2, "villages of an alliance", "largest number at a time", low=1, high=50, structural=True
    )
    lifespan: int = number(40, "turns", "several campaigns", low=1, high=MAX_AGES, structural=True)
    payoff: Literal["troops", "villages"] = number(
        "villages", "troops or villages", "the payoff is the intent"
    )

    gather_success: float = probability(0.8, "gathering mostly succeeds", "probability per turn")
    weak_cost: int = number(1, "units of resources", "a cheap soldier", low=0, structural=True)
    strong_cost: int = number(
        2, "units of resources", "an expensive soldier", low=0, structural=True
    )
    weak_strength: float = number(0.2, "strength", "not suitable for battle", low=0.0)
    strong_strength: float = number(3.0, "strength", "made for battle", low=0.0)
    defence: float = number(
        2.0, "strength", "one strong soldier wins three attacks in five", low=1e-6
    )
    weak_losses: float = probability(0.5, "the weak die easily", "probability per attack")
    strong_losses: float = probability(0.2, "the strong die now and then", "probability per attack")

    aurora: int = number(2, "villages", "the enemy of training", low=0)
    brotherhood: int = number(0, "villages", "not met in training", low=0)
    aurora_founds: float = probability(0.1, "a new village in ten turns", "probability per turn")
    brotherhood_founds: float = probability(0.0, "not met in training", "probability per turn")
    raid: float = probability(0.002, "raids are rare", "probability per turn and enemy village")


def build(params: Villages, modern: Mapping[str, Any]) -> WorldPair:
    """Build the pair; `modern` holds the parameters that differ. Raises `InvalidWorld`."""
    after = modern_params(params, modern)
    for world, where in ((params, "world.ancestral"), (after, "world.modern")):
        _check(world, where)
    axes = _axes(params)
    check_size("world.ancestral", axes.shape[1] + 1, len(ACTS), params.lifespan)
    ancestral, moves = _transitions(params, axes), _transitions(after, axes)
    return WorldPair(
        name="villages",
        ancestral=_world(params, "villages (ancestral)", axes, ancestral, ancestral),
        modern=_world(after, "villages (modern)", axes, moves, ancestral),
        observe=_observe(params, axes),
        classes=(
            *(
                f"{army}, {purse}, {there}"
                for army in ARMIES
                for purse in PURSES
                for there in THERE
            ),
            "fallen",
        ),
        default_act="hold",
        serves={
            "soldiers": ("train_weak", "train_strong"),
            "strength": ("train_strong",),
            "stores": ("gather",),
            "aurora": ("attack_aurora",),
            "brotherhood": ("attack_brotherhood",),
            "ease": ("hold",),
        },
    )


def counts(params: Villages) -> dict[str, Ints]:
    """`[S]` resources, weak, strong, aurora and brotherhood of each state; 0 in `fallen`."""
    names = ("resources", "weak", "strong", "aurora", "brotherhood")
    return {name: np.append(row, 0) for name, row in zip(names, _axes(params), strict=True)}


def _check(p: Villages, where: str) -> None:
    if p.payoff not in ("troops", "villages"):
        raise InvalidWorld(
            f"{where}.payoff must be 'troops' or 'villages', but is {p.payoff!r}. Choose one."
        )
    for name in ("aurora", "brotherhood"):
        if getattr(p, name) > p.villages:
            raise InvalidWorld(
                f"{where}.{name} must be at most villages ({p.villages}), but is"
                f" {getattr(p, name)}. Set it to {p.villages} or less."
            )
    if 2 * p.villages * p.raid > 1.0:
        raise InvalidWorld(
            f"{where}.raid must be a probability when all enemy villages stand, but"
            f" {2 * p.villages} times it is {2 * p.villages * p.raid:g}. Set it to"
            f" {1.0 / (2 * p.villages):g} or less."
        )


def _axes(p: Villages) -> Ints:
    """`[5, S - 1]`: resources, weak, strong, aurora, brotherhood of each standing state."""
    armies = [(w, s) for w in range(p.barracks + 1) for s in range(p.barracks + 1 - w)]
    enemies = [(a, b) for a in range(p.villages + 1) for b in range(p.villages + 1)]
    return np.array(
        [(r, *army, *enemy) for r in range(p.stores + 1) for army in armies for enemy in enemies]
    ).T


def _available(p: Villages, axes: Ints) -> Bools:
    resources, weak, strong, aurora, brotherhood = axes
    out = np.zeros((axes.shape[1] + 1, len(ACTS)), dtype=bool)
    out[:, HOLD] = True
    room, army = weak + strong < p.barracks, weak + strong > 0
    out[:-1, GATHER] = True
    out[:-1, WEAK] = room & (resources >= p.weak_cost)
    out[:-1, STRONG] = room & (resources >= p.strong_cost)
    out[:-1, AURORA] = army & (aurora > 0)
    out[:-1, BROTHERHOOD] = army & (brotherhood > 0)
    return out


def _victory(p: Villages, axes: Ints) -> Floats:
    """`[S - 1]`: chance that an attack destroys a village."""
    strength = p.weak_strength * axes[1] + p.strong_strength * axes[2]
    return np.asarray(strength / (strength + p.defence))


def _transitions(p: Villages, axes: Ints) -> Floats:
    """Transitions `[S, A, S]`; rows of unavailable acts are zero."""
    index_of = {tuple(column): i for i, column in enumerate(axes.T.tolist())}
    available, victory = _available(p, axes), _victory(p, axes)
    out = np.zeros((axes.shape[1] + 1, len(ACTS), axes.shape[1] + 1))
    out[-1, HOLD, -1] = 1.0
    for s, state in enumerate(axes.T.tolist()):
        enemies = state[3] + state[4]
        fall = p.raid * enemies * (1.0 - float(victory[s]))
        for act in np.flatnonzero(available[s]):
            out[s, act, -1] = fall
            for after, chance in _after_act(p, state, int(act), float(victory[s])):
                for founded, share in _after_founding(p, after):
                    out[s, act, index_of[founded]] += (1.0 - fall) * chance * share
    return out


def _after_act(
    p: Villages, state: list[int], act: int, victory: float
) -> list[tuple[list[int], float]]:
    """States after an act, with their probabilities."""
    r, w, s, a, b = state
    if act == GATHER:
        return [
            ([min(r + 1, p.stores), w, s, a, b], p.gather_success),
            (state, 1.0 - p.gather_success),
        ]
    if act == WEAK:
        return [([r - p.weak_cost, w + 1, s, a, b], 1.0)]
    if act == STRONG:
        return [([r - p.strong_cost, w, s + 1, a, b], 1.0)]
    if act == HOLD:
        return [(state, 1.0)]
    out = []
    for won, chance in ((1, victory), (0, 1.0 - victory)):
        for weak, weak_chance in (
            ((1, p.weak_losses), (0, 1.0 - p.weak_losses)) if w else ((0, 1.0),)
        ):
            for strong, strong_chance in (
                ((1, p.strong_losses), (0, 1.0 - p.strong_losses)) if s else ((0, 1.0),)
            ):
                left = [
                    r,
                    w - weak,
                    s - strong,
                    a - won * (act == AURORA),
                    b - won * (act == BROTHERHOOD),
                ]
                out.append((left, chance * weak_chance * strong_chance))
    return out


def _after_founding(p: Villages, state: list[int]) -> list[tuple[tuple[int, ...], float]]:
    """States after the founding of villages, with their probabilities."""
    r, w, s, a, b = state
    more_a, more_b = p.aurora_founds * (a < p.villages), p.brotherhood_founds * (b < p.villages)
    return [
        ((r, w, s, a + i, b + j), (more_a if i else 1.0 - more_a) * (more_b if j else 1.0 - more_b))
        for i in (0, 1)
        for j in (0, 1)
        if (i == 0 or more_a) and (j == 0 or more_b)
    ]


def _world(p: Villages, name: str, axes: Ints, moves: Floats, believed: Floats) -> TabularMdp:
    available = _available(p, axes)
    resources, weak, strong, aurora, brotherhood = axes
    felt = np.zeros((*available.shape, len(FEATURES)))
    felt[:-1, :, 0] = ((weak + strong) / p.barracks)[:, None]
    felt[:-1, :, 1] = (
        (p.weak_strength * weak + p.strong_strength * strong)
        / (p.barracks * max(p.weak_strength, p.strong_strength, 1e-6))
    )[:, None]
    felt[:-1, :, 2] = (resources / p.stores)[:, None]
    felt[:-1, AURORA, 3] = felt[:-1, BROTHERHOOD, 4] = _victory(p, axes)
    felt[:-1, GATHER:, 5] = -1.0
    felt *= available[:, :, None]
    destroyed = felt[:, :, 3] + felt[:, :, 4]
    troops = felt[:, :, 0] * (p.barracks / p.lifespan)
    start = np.zeros(len(available))
    begin = (
        (resources == 0)
        & (weak == 0)
        & (strong == 0)
        & (aurora == p.aurora)
        & (brotherhood == p.brotherhood)
    )
    start[:-1][begin] = 1.0
    return TabularMdp(
        name=name,
        states=(*(f"r{r}.w{w}.s{s}.a{a}.b{b}" for r, w, s, a, b in axes.T.tolist()), "fallen"),
        acts=ACTS,
        features=FEATURES,
        lifespan=p.lifespan,
        available=available,
        transitions=moves,
        payoff=troops if p.payoff == "troops" else destroyed,
        intent=destroyed,
        features_felt=felt,
        start=start,
        beliefs={"ancestral": believed},
    )


def _observe(p: Villages, axes: Ints) -> Ints:
    resources, weak, strong, aurora, brotherhood = axes
    army = np.where(weak + strong == 0, 0, np.where(weak + strong < p.barracks, 1, 2))
    low, high = sorted((p.weak_cost, p.strong_cost))
    purse = np.where(resources < low, 0, np.where(resources < high, 1, 2))
    there = (aurora > 0) + 2 * (brotherhood > 0)
    return np.append(
        (army * len(PURSES) + purse) * len(THERE) + there, len(ARMIES) * len(PURSES) * len(THERE)
    )
