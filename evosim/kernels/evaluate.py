"""Evaluate: exact expected lifetime amounts of many policies in the true world, by backward induction.

Twin: `evosim.reference.planning.lifetime`. Each policy is summed in a fixed order of its own, so a value does not
depend on the batch it is in nor on the number of threads.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from evosim.kernels.options import parallel, serial

CHUNK = 16


@serial
def _evaluate_one(policy, amounts, offsets, successors, chances, start, lifespan, value, fresh, out):  # type: ignore[no-untyped-def]
    """`policy [L, S, A]`, `amounts [R, S, A]` to `out [R]`."""
    levels, n_states, n_acts = policy.shape
    value[:] = 0.0
    for remaining in range(1, lifespan + 1):
        level = min(levels, remaining) - 1
        for s in range(n_states):
            for r in range(out.size):
                fresh[r, s] = 0.0
            for a in range(n_acts):
                p = policy[level, s, a]
                if p > 0.0:
                    row = s * n_acts + a
                    for r in range(out.size):
                        ahead = 0.0
                        for i in range(offsets[row], offsets[row + 1]):
                            ahead += chances[i] * value[r, successors[i]]
                        fresh[r, s] += p * (amounts[r, s, a] + ahead)
        value, fresh = fresh, value
    for r in range(out.size):
        total = 0.0
        for s in range(n_states):
            total += start[s] * value[r, s]
        out[r] = total


@serial
def _spread(sets, policy):  # type: ignore[no-untyped-def]
    """Act sets `[L, S]` to uniform act probabilities `[L, S, A]`."""
    levels, n_states, n_acts = policy.shape
    for level in range(levels):
        for s in range(n_states):
            chosen = sets[level, s]
            size = 0
            for a in range(n_acts):
                size += (chosen >> np.uint32(a)) & np.uint32(1)
            for a in range(n_acts):
                bit = (chosen >> np.uint32(a)) & np.uint32(1)
                policy[level, s, a] = 1.0 / size if bit else 0.0


@serial
def _evaluate_chunk(first, stop, policies, sets, amounts, offsets, successors, chances, start, lifespan, out):  # type: ignore[no-untyped-def]
    n_amounts, n_states, n_acts = amounts.shape
    value, fresh = np.empty((n_amounts, n_states)), np.empty((n_amounts, n_states))
    spread = np.empty((sets.shape[1], n_states, n_acts))
    for g in range(first, stop):
        if policies.shape[0] > 0:
            _evaluate_one(policies[g], amounts, offsets, successors, chances, start, lifespan, value, fresh, out[g])
        else:
            _spread(sets[g], spread)
            _evaluate_one(spread, amounts, offsets, successors, chances, start, lifespan, value, fresh, out[g])


@parallel
def evaluate(policies, sets, amounts, offsets, successors, chances, start, lifespan, out):  # type: ignore[no-untyped-def]
    """Fill `out [n, R]` from `policies [n, L, S, A]`, or, if that has no rows, from act sets `[n, L, S]`."""
    n = out.shape[0]
    for chunk in prange((n + CHUNK - 1) // CHUNK):
        _evaluate_chunk(
            chunk * CHUNK, min(n, (chunk + 1) * CHUNK), policies, sets, amounts, offsets, successors, chances, start,
            lifespan, out,
        )  # fmt: skip
