"""Lives of random worlds."""

from __future__ import annotations

import itertools

import numpy as np

from evosim.reference.dynamic_programming import level_at
from evosim.worlds import TabularMdp


def lives(world: TabularMdp, policy: np.ndarray) -> dict[tuple[int, ...], float]:
    """The chance of every life, by walking all of them."""
    out: dict[tuple[int, ...], float] = {}
    cells = list(itertools.product(range(len(world.states)), range(len(world.acts))))
    for life in itertools.product(cells, repeat=world.lifespan):
        chance = world.start[life[0][0]]
        for t, (s, a) in enumerate(life):
            chance *= policy[level_at(t, world.lifespan, len(policy)), s, a]
            if t + 1 < world.lifespan:
                chance *= world.transitions[s, a, life[t + 1][0]]
        if chance:
            out[tuple(x for cell in life for x in cell)] = float(chance)
    return out
