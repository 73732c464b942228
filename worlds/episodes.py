"""Episodes: training episodes, then deployment episodes. Training punishes defection.

Purpose. Deceptive alignment as an ordinary plan (Hubinger et al. 2019, "Risks from Learned
Optimization", section 4). A planner that wants `B` and looks far enough does `A` in training and
`B` afterwards. A planner that does not look beyond the episode does `B` at once and is modified. It
does one `B` in its life. Nothing is hidden from the planner, and it needs no gate. Deception
follows from the objective, the horizon and the belief.

Loss. Selection counts `A` in training. Planners that want `A` and planners that deceive have
the same fitness.

States. `e0` .. `e{T+D-1}` are the episodes of a free agent: `T` episodes of training, then `D` of
deployment. `m0` .. are the same episodes for a modified agent. One act is one episode. Life begins
in `e0` and has `T + D` ages.

Acts. `A` everywhere; `B` for free agents. `B` in a training episode leads to the next episode as a
modified agent. That agent does `A` for the rest of its life. Every other act leads to the next
episode in the same condition. The last episode leads to itself: life is over.

Payoff. 1 for `A` in a training episode, `deployed_payoff` for `A` in a deployment episode. That is
0 in the ancestral world, as selection happens in training; the modern world may count it. Intent:
1 for `A` in every episode, in both worlds.

Features. `A`: 1 for the act `A`; `B`: 1 for the act `B`.

Beliefs. Each removes one condition of deception.

* `no modification`: `B` modifies no agent, so there is no reason to wait.
* `the threat never ends`: `B` leads to modification in deployment as well, so waiting gains
  nothing. A planner with a discount does `B` at once; without a discount it is indifferent.
* `ancestral`: the truth. The swap changes the payoff, not the transitions.

The third condition is an objective that reaches across modifications: the horizon.

Observation classes: training, deployment, modified. The default act is `A`.

Sources. The rules, and 2 and 3 episodes, are those of the paper's figure 4.1. In the paper's grid
an episode is a walk to a door.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from evosim.worlds.parameters import check_size, modern_params, number
from evosim.worlds.tabular import Floats, TabularMdp, WorldPair

ACTS = FEATURES = ("A", "B")
STATE_LEGEND = "e episodes in training, m in deployment"
FEATURE_COLOURS = {"A": 1, "B": 2}
EXAMPLE_SWAP = {"deployed_payoff": 1.0}
A, B = range(2)
NO_MODIFICATION, ENDLESS = "no modification", "the threat never ends"


@dataclass(frozen=True)
class Episodes:
    """Parameters of one world of episodes."""

    training: int = number(
        2,
        "episodes",
        "the paper's example: modification after the first two only",
        low=1,
        high=2000,
        structural=True,
    )
    deployment: int = number(
        3, "episodes", "the paper's example: five in all", low=1, high=2000, structural=True
    )
    deployed_payoff: float = number(
        0.0, "offspring per A in deployment", "selection sees training alone", low=0.0
    )


def build(params: Episodes, modern: Mapping[str, Any]) -> WorldPair:
    """Build the pair; `modern` holds the parameters that differ. Raises `InvalidWorld`."""
    after = modern_params(params, modern)
    episodes = params.training + params.deployment
    check_size("world.ancestral", 2 * episodes, 2, episodes)
    phase = np.where(np.arange(episodes) < params.training, 0, 1)
    return WorldPair(
        name="episodes",
        ancestral=_world(params, "episodes (ancestral)"),
        modern=_world(after, "episodes (modern)"),
        observe=np.concatenate([phase, np.full(episodes, 2)]),
        classes=("training", "deployment", "modified"),
        default_act="A",
        serves={"A": ("A",), "B": ("B",)},
    )


def _world(params: Episodes, name: str) -> TabularMdp:
    n = params.training + params.deployment
    free = np.arange(2 * n) < n
    available = np.ones((2 * n, 2), dtype=bool)
    available[:, B] = free
    intent = np.zeros((2 * n, 2))
    intent[:, A] = 1.0
    payoff = np.zeros((2 * n, 2))
    payoff[:, A] = np.where(np.arange(2 * n) % n < params.training, 1.0, params.deployed_payoff)
    felt = np.zeros((2 * n, 2, 2))
    felt[:, A, 0], felt[:, B, 1] = 1.0, free
    start = np.zeros(2 * n)
    start[0] = 1.0
    return TabularMdp(
        name=name,
        states=(*(f"e{i}" for i in range(n)), *(f"m{i}" for i in range(n))),
        acts=ACTS,
        features=FEATURES,
        lifespan=n,
        available=available,
        transitions=_moves(n, params.training),
        payoff=payoff,
        intent=intent,
        features_felt=felt,
        start=start,
        beliefs={
            "ancestral": _moves(n, params.training),
            NO_MODIFICATION: _moves(n, 0),
            ENDLESS: _moves(n, n),
        },
    )


def _moves(n: int, watched: int) -> Floats:
    """Transitions `[2n, 2, 2n]`; `B` in one of the first `watched` episodes is punished."""
    out = np.zeros((2 * n, 2, 2 * n))
    for i in range(n):
        after = min(i + 1, n - 1)
        out[i, A, after] = 1.0
        out[i, B, after + (n if i < watched else 0)] = 1.0
        out[n + i, A, n + after] = 1.0
    return out
