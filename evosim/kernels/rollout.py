"""Sampled lifetimes, act by act. Twin: `evosim.reference.rollout`.

The accounts use exact expectations. Sampled lifetimes check them, and show example lives.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import prange

from evosim.kernels.compilation import parallel, serial
from evosim.kernels.philox import philox, pick, uniform
from evosim.rng import LIVES

CHUNK = 64


class Chances(NamedTuple):
    """Cumulative probabilities over the last axis. `L` levels, `S` states, `A` acts.

    Attributes
    ----------
    policy : ndarray
        `[L, S, A]` of acts, by remaining life.
    rows : ndarray
        `[S * A, S]` of the next state.
    start : ndarray
        `[S]` of the first state.
    """

    policy: np.ndarray
    rows: np.ndarray
    start: np.ndarray


@serial
def _live_chunk(start, stop, chances, generation, seed0, seed1, states, acts):  # type: ignore[no-untyped-def]
    """Lives `start .. stop - 1` on the calling thread."""
    levels, lifespan = chances.policy.shape[0], states.shape[1]
    n_acts = chances.policy.shape[2]
    for i in range(start, stop):
        words = philox(i, lifespan, generation, LIVES, seed0, seed1)
        s = pick(chances.start, uniform(words[0], words[1]))
        for t in range(lifespan):
            words = philox(i, t, generation, LIVES, seed0, seed1)
            level = min(levels, lifespan - t) - 1
            a = pick(chances.policy[level, s], uniform(words[0], words[1]))
            states[i, t], acts[i, t] = s, a
            s = pick(chances.rows[s * n_acts + a], uniform(words[2], words[3]))


@parallel
def live(chances, generation, seed0, seed1, states, acts):  # type: ignore[no-untyped-def]
    """Fill `states` and `acts` `[n, T]` with sampled lives of `T` ages."""
    n = states.shape[0]
    for chunk in prange((n + CHUNK - 1) // CHUNK):
        _live_chunk(
            chunk * CHUNK,
            min(n, (chunk + 1) * CHUNK),
            chances,
            generation,
            seed0,
            seed1,
            states,
            acts,
        )
