"""Sampled lives in plain NumPy: the readable twin of `evosim.kernels.rollout`.

Both use the same random numbers and give the same lives.
"""

from __future__ import annotations

import numpy as np

from evosim import rng
from evosim.reference.dynamic_programming import level_at
from evosim.reference.reproduction import Floats, Ints
from evosim.worlds import TabularMdp


def live(
    world: TabularMdp, policy: Floats, n: int, generation: int, seed: int
) -> tuple[Ints, Ints]:
    """Sample lives under a policy.

    Parameters
    ----------
    world : TabularMdp
        The world.
    policy : numpy.ndarray
        `[L, S, A]` probabilities of acts.
    n : int
        Number of lives.
    generation, seed : int
        Address of the random numbers.

    Returns
    -------
    tuple of numpy.ndarray
        States and acts, `[n, T]` each.
    """
    key = rng.key_of(seed)
    lives = np.arange(n)
    words = rng.philox((lives, world.lifespan, generation, rng.LIVES), key)
    state = _draw(np.broadcast_to(world.start, (n, len(world.start))), rng.uniform(*words[:2]))
    states = np.empty((n, world.lifespan), dtype=np.int64)
    acts = np.empty_like(states)
    for t in range(world.lifespan):
        words = rng.philox((lives, t, generation, rng.LIVES), key)
        act = _draw(
            policy[level_at(t, world.lifespan, len(policy)), state], rng.uniform(*words[:2])
        )
        states[:, t], acts[:, t] = state, act
        state = _draw(world.transitions[state, act], rng.uniform(*words[2:]))
    return states, acts


def _draw(weights: Floats, u: Floats) -> Ints:
    """For each row, the first index whose cumulative weight exceeds `u` times the row's total."""
    cumulative = np.cumsum(weights, axis=1)
    first = (cumulative > (u * cumulative[:, -1])[:, None]).argmax(axis=1)
    return first.astype(np.int64)
