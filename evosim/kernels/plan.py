"""Plan: many inner planners at once, each by value iteration on its own felt reward in the world it believes in.

Twin: `evosim.reference.planning.plan`. World tables come as compressed rows: successors of row `s * A + a` stand at
`offsets[row] : offsets[row + 1]`. Act sets are bit masks (bit `a` for act `a`), so at most 32 acts.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from evosim.kernels.options import parallel, serial

CHUNK = 16
SPLIT, FIRST, LAST = 0, 1, 2


@serial
def _plan_one(  # type: ignore[no-untyped-def]
    felt, available, offsets, successors, chances, discount, tolerance, temperature, ties, depth, value, fresh, q, sets, soft
):
    """One planner: fills `sets[level, s]`, and `soft[level, s, a]` if that is not empty."""
    n_states, n_acts = felt.shape
    levels = sets.shape[0]
    value[:] = 0.0
    for level in range(min(depth, levels)):
        for s in range(n_states):
            best = -np.inf
            for a in range(n_acts):
                if available[s, a]:
                    row = s * n_acts + a
                    ahead = 0.0
                    for i in range(offsets[row], offsets[row + 1]):
                        ahead += chances[i] * value[successors[i]]
                    q[a] = felt[s, a] + discount * ahead
                    best = max(best, q[a])
                else:
                    q[a] = -np.inf
            fresh[s] = best
            sets[level, s] = _act_set(q, best - tolerance, ties)
            if soft.shape[0] > 0:
                _act_chances(q, best, temperature, sets[level, s], soft[level, s])
        value, fresh = fresh, value
    for level in range(depth, levels):
        sets[level] = sets[depth - 1]
        if soft.shape[0] > 0:
            soft[level] = soft[depth - 1]


@serial
def _act_set(q, bar, ties):  # type: ignore[no-untyped-def]
    chosen = np.uint32(0)
    for a in range(q.size):
        if q[a] >= bar:
            bit = np.uint32(1) << np.uint32(a)
            if ties == FIRST:
                return bit
            chosen = bit if ties == LAST else chosen | bit
    return chosen


@serial
def _act_chances(q, best, temperature, chosen, out):  # type: ignore[no-untyped-def]
    total = 0.0
    for a in range(q.size):
        if temperature > 0.0:
            out[a] = np.exp((q[a] - best) / temperature)
        else:
            out[a] = 1.0 if (chosen >> np.uint32(a)) & np.uint32(1) else 0.0
        total += out[a]
    for a in range(q.size):
        out[a] /= total


@serial
def _plan_chunk(  # type: ignore[no-untyped-def]
    start, stop, weights, depths, temperatures, features, available, offsets, successors, chances, discount,
    tie_tolerance, ties, sets, soft,
):  # fmt: skip
    n_states, n_acts, n_features = features.shape
    felt = np.empty((n_states, n_acts))
    value, fresh, q = np.empty(n_states), np.empty(n_states), np.empty(n_acts)
    for g in range(start, stop):
        largest = 0.0
        for s in range(n_states):
            for a in range(n_acts):
                total = 0.0
                for k in range(n_features):
                    total += features[s, a, k] * weights[g, k]
                felt[s, a] = total
                if available[s, a]:
                    largest = max(largest, abs(total))
        _plan_one(
            felt, available, offsets, successors, chances, discount, tie_tolerance * largest, temperatures[g], ties,
            depths[g], value, fresh, q, sets[g], soft[g] if soft.shape[0] > 0 else soft.reshape((0, n_states, n_acts)),
        )  # fmt: skip


@parallel
def plan(  # type: ignore[no-untyped-def]
    weights, depths, temperatures, features, available, offsets, successors, chances, discount, tie_tolerance, ties,
    sets, soft,
):  # fmt: skip
    """Fill `sets [n, L, S]` (uint32) and, unless it has no rows, `soft [n, L, S, A]` for `n` planners."""
    n = weights.shape[0]
    for chunk in prange((n + CHUNK - 1) // CHUNK):
        _plan_chunk(
            chunk * CHUNK, min(n, (chunk + 1) * CHUNK), weights, depths, temperatures, features, available, offsets,
            successors, chances, discount, tie_tolerance, ties, sets, soft,
        )  # fmt: skip
