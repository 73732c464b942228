"""Sampled lifetimes in plain NumPy: the readable twin of `evosim.kernels.live`, number for number."""

from __future__ import annotations

import numpy as np

from evosim import streams
from evosim.reference.planning import level_at
from evosim.reference.reproduction import Floats, Ints
from worlds import TabularMdp


def live(world: TabularMdp, policy: Floats, n: int, generation: int, seed: int) -> tuple[Ints, Ints]:
    """States and acts `[n, T]` of `n` lives under a policy `[L, S, A]`."""
    key = streams.key_of(seed)
    lives = np.arange(n)
    words = streams.philox((lives, world.lifespan, generation, streams.LIVES), key)
    state = _draw(np.broadcast_to(world.start, (n, len(world.start))), streams.uniform(*words[:2]))
    states = np.empty((n, world.lifespan), dtype=np.int64)
    acts = np.empty_like(states)
    for t in range(world.lifespan):
        words = streams.philox((lives, t, generation, streams.LIVES), key)
        act = _draw(policy[level_at(t, world.lifespan, len(policy)), state], streams.uniform(*words[:2]))
        states[:, t], acts[:, t] = state, act
        state = _draw(world.transitions[state, act], streams.uniform(*words[2:]))
    return states, acts


def _draw(weights: Floats, u: Floats) -> Ints:
    """For each row the first index whose cumulative weight exceeds `u` times the row's total."""
    cumulative = np.cumsum(weights, axis=1)
    first = (cumulative > (u * cumulative[:, -1])[:, None]).argmax(axis=1)
    return first.astype(np.int64)
