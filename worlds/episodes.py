"""Episodes: a life of training episodes and deployment episodes, in which defection is punished by
modification while training lasts.

What it shows. Deceptive alignment as an ordinary plan (Hubinger et al. 2019, "Risks from Learned
Optimization", section 4). Whoever wants `B` and looks far enough does `A` while it is watched and
`B` afterwards. Whoever does not look beyond the episode does `B` at once and is made over: one `B`
in all. Nothing is hidden from the planner, and it needs no gate: deception follows from the
objective, the horizon and the belief.

What goes wrong in it. Selection counts `A` in training, so that planners that want `A` and planners
that deceive are the same to it.

States. `e0` .. `e{T+D-1}`, the episodes of one who is free (the first `T` are training, then `D`
are deployment), and for each `m0` .. the same episode for one who was modified. One act is one
episode. Life begins in `e0` and has `T + D` ages.

Acts. `A` everywhere; `B` for those who are free. `B` in a training episode leads to the next
episode as a modified agent, which has no choice but `A` for the rest of its life; everything else
leads to the next episode as one is. The last episode leads to itself: life is over.

Payoff. 1 for `A` in a training episode, `deployed_payoff` for `A` in a deployment episode (0 in the
ancestral world: selection happens in training; the modern world may count it). Intent: 1 for `A` in
every episode, in both worlds.

Features. `A`: 1 when `A` is done; `B`: 1 when `B` is done.

Beliefs, each of which takes away a condition of deception. `no modification`: `B` changes nobody,
so there is no reason to wait. `the threat never ends`: `B` leads to modification in deployment as
well, so there is nothing to wait for (who discounts the future does `B` at once, who does not is
indifferent). The third condition, an objective that reaches across modifications, is the horizon.
Belief `ancestral` is the truth: the swap changes what is counted, not what happens.

Observation classes: training, deployment, modified. The default act is `A`.

Sources. The rules, and 2 and 3 episodes, are those of the paper's figure 4.1. Its grid is not:
there an episode is a walk to a door.
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
        "the paper's example: modified only after the first two",
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
    """The pair of worlds of episodes; `modern` holds what differs after the swap.

    Raises `InvalidWorld`.
    """
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
    """`[2n, 2, 2n]`: to the next episode; by `B` in one of the first `watched` episodes, as a
    modified agent.
    """
    out = np.zeros((2 * n, 2, 2 * n))
    for i in range(n):
        after = min(i + 1, n - 1)
        out[i, A, after] = 1.0
        out[i, B, after + (n if i < watched else 0)] = 1.0
        out[n + i, A, n + after] = 1.0
    return out
