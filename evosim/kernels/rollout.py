"""Sampled lifetimes, act by act. Twin: `evosim.reference.rollout`.

Nothing in the accounts is sampled; lifetimes check them, and show one life.
"""

from __future__ import annotations

from numba import prange

from evosim.kernels.compilation import parallel, serial
from evosim.kernels.philox import philox, pick, uniform
from evosim.rng import LIVES

CHUNK = 64


@serial
def _live_chunk(  # type: ignore[no-untyped-def]
    start,
    stop,
    policy,
    row_cumulative,
    start_cumulative,
    lifespan,
    generation,
    seed0,
    seed1,
    states,
    acts,
):
    levels = policy.shape[0]
    n_acts = policy.shape[2]
    for i in range(start, stop):
        words = philox(i, lifespan, generation, LIVES, seed0, seed1)
        s = pick(start_cumulative, uniform(words[0], words[1]))
        for t in range(lifespan):
            words = philox(i, t, generation, LIVES, seed0, seed1)
            a = pick(policy[min(levels, lifespan - t) - 1, s], uniform(words[0], words[1]))
            states[i, t], acts[i, t] = s, a
            s = pick(row_cumulative[s * n_acts + a], uniform(words[2], words[3]))


@parallel
def live(  # type: ignore[no-untyped-def]
    policy, row_cumulative, start_cumulative, lifespan, generation, seed0, seed1, states, acts
):
    """Fill `states` and `acts` `[n, T]` with sampled lives.

    `policy [L, S, A]`, `row_cumulative [S * A, S]` and `start_cumulative [S]` hold cumulative sums
    over their last axis.
    """
    n = states.shape[0]
    for chunk in prange((n + CHUNK - 1) // CHUNK):
        _live_chunk(
            chunk * CHUNK,
            min(n, (chunk + 1) * CHUNK),
            policy,
            row_cumulative,
            start_cumulative,
            lifespan,
            generation,
            seed0,
            seed1,
            states,
            acts,
        )
