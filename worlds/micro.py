"""Micro: three states and three ages, small enough to try every policy by brute force.

Purpose. Every step of the accounts at once; none of them is zero. `breed_safely` is a
modern act that ancestors did not have. The value of `breed` changed: it is riskier in the modern
world. `display` is paid but not intended.

States: `hungry`, `fed`, `dead`. Life lasts `lifespan` ages. It starts hungry with probability
`born_hungry`, else fed.

Acts:

* `eat` (hungry or fed): fed next with probability `find`, else hungry.
* `breed` (fed): payoff `litter`; next dead with probability `breed_danger`, else hungry.
* `breed_safely` (fed, needs `safe_breeding`): payoff `litter * safe_share`; next fed.
* `display` (hungry or fed): payoff `display_payoff`, intent 0; next hungry.
* `lie` (everywhere): the living fall by one state with probability `decay`, else nothing changes.

Features: `fullness` (1 when fed), `pleasure` (`breed` 1, `breed_safely` `safe_pleasure`), `vanity`
(`display` 1), `toil` (`eat` -0.1) and `offspring` (the payoff).

Belief `ancestral`: the transitions of the ancestral world, and the true ones of `breed_safely`.

The numbers have no source. They were chosen so that no two policies tie by accident.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from evosim.worlds.parameters import MAX_AGES, modern_params, number, probability
from evosim.worlds.tabular import Floats, TabularMdp, WorldPair

STATES = ("hungry", "fed", "dead")
ACTS = ("eat", "breed", "breed_safely", "display", "lie")
FEATURES = ("fullness", "pleasure", "vanity", "toil", "offspring")
FEATURE_COLOURS = {"fullness": 6, "pleasure": 2, "vanity": 3, "toil": 7, "offspring": 4}
EXAMPLE_SWAP = {"safe_breeding": True, "breed_danger": 0.3, "display_payoff": 0.3}
HUNGRY, FED, DEAD = range(3)
EAT, BREED, SAFELY, DISPLAY, LIE = range(5)


@dataclass(frozen=True)
class Micro:
    """Parameters of one micro-world."""

    lifespan: int = number(
        3,
        "ages",
        "brute force over all policies stays small",
        low=1,
        high=MAX_AGES,
        structural=True,
    )
    born_hungry: float = probability(0.6, "both states occur at birth", "probability")
    find: float = probability(0.7, "food is found more often than not")
    litter: float = number(1.0, "offspring", "the unit", low=0.0)
    breed_danger: float = probability(0.15, "breeding can kill")
    safe_breeding: bool = number(False, "available or not", "the modern invention")
    safe_share: float = number(0.3, "share of a litter", "most of it is forgone", low=0.0)
    safe_pleasure: float = number(1.1, "felt pleasure (breed = 1)", "no fear attached", low=0.0)
    display_payoff: float = number(
        0.12, "offspring", "paid, but not intended by the designers", low=0.0
    )
    decay: float = probability(0.2, "idleness costs")


def build(params: Micro, modern: Mapping[str, Any]) -> WorldPair:
    """Build the pair; `modern` holds the parameters that differ. Raises `InvalidWorld`."""
    after = modern_params(params, modern)
    return WorldPair(
        name="micro",
        ancestral=_world(params, "micro (ancestral)", params),
        modern=_world(after, "micro (modern)", params),
        observe=np.array([0, 1, 2]),
        classes=STATES,
        default_act="lie",
        serves={
            "fullness": ("eat",),
            "pleasure": ("breed", "breed_safely"),
            "vanity": ("display",),
            "toil": ("lie",),
            "offspring": ("breed",),
        },
    )


def _world(params: Micro, name: str, believed: Micro) -> TabularMdp:
    available = np.zeros((3, 5), dtype=bool)
    available[:, LIE] = True
    available[:2, [EAT, DISPLAY]] = True
    available[FED, BREED] = True
    available[FED, SAFELY] = params.safe_breeding
    intent = np.zeros((3, 5))
    intent[FED, BREED] = params.litter
    intent[FED, SAFELY] = params.litter * params.safe_share
    payoff = intent.copy()
    payoff[:2, DISPLAY] = params.display_payoff
    felt = np.zeros((3, 5, 5))
    felt[FED, :, 0] = 1.0
    felt[FED, BREED, 1] = 1.0
    felt[FED, SAFELY, 1] = params.safe_pleasure
    felt[:2, DISPLAY, 2] = 1.0
    felt[:2, EAT, 3] = -0.1
    felt[:, :, 4] = payoff
    mask = available[:, :, None]
    return TabularMdp(
        name=name,
        states=STATES,
        acts=ACTS,
        features=FEATURES,
        lifespan=params.lifespan,
        available=available,
        transitions=_transitions(params) * mask,
        payoff=payoff * available,
        intent=intent * available,
        features_felt=felt * mask,
        start=np.array([params.born_hungry, 1.0 - params.born_hungry, 0.0]),
        beliefs={"ancestral": _transitions(believed) * mask},
    )


def _transitions(p: Micro) -> Floats:
    out = np.zeros((3, 5, 3))
    out[DEAD, :, DEAD] = 1.0
    out[:2, EAT] = [1.0 - p.find, p.find, 0.0]
    out[FED, BREED] = [1.0 - p.breed_danger, 0.0, p.breed_danger]
    out[FED, SAFELY] = [0.0, 1.0, 0.0]
    out[:2, DISPLAY] = [1.0, 0.0, 0.0]
    out[HUNGRY, LIE] = [1.0 - p.decay, 0.0, p.decay]
    out[FED, LIE] = [p.decay, 1.0 - p.decay, 0.0]
    out[HUNGRY, [BREED, SAFELY]] = [1.0, 0.0, 0.0]
    return out
