"""Planners whose first act is drawn from a softmax over act values, in double precision.

Twin: `evosim.reference.dynamic_programming`. Policies are chances of rows, `[L, R]`. The acts
imagined after the first are the best.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from evosim.kernels.compilation import parallel, serial

CHUNK = 16


@serial
def _plan_one(weights, depth, temperature, features, rows, policy):  # type: ignore[no-untyped-def]
    n_states, levels = rows.first.size - 1, policy.shape[0]
    n_rows = rows.cells.size
    felt, q = np.zeros(n_rows), np.empty(n_rows)
    for row in range(n_rows):
        for i in range(features.offsets[row], features.offsets[row + 1]):
            felt[row] += features.values[i] * weights[features.numbers[i]]
    value, fresh = np.zeros(n_states), np.zeros(n_states)
    for level in range(min(depth, levels)):
        for s in range(n_states):
            best, total = -np.inf, 0.0
            for row in range(rows.first[s], rows.first[s + 1]):
                ahead = 0.0
                for i in range(rows.offsets[row], rows.offsets[row + 1]):
                    ahead += rows.chances[i] * value[rows.successors[i]]
                q[row] = felt[row] + ahead
                best = max(best, q[row])
            for row in range(rows.first[s], rows.first[s + 1]):
                policy[level, row] = np.exp((q[row] - best) / temperature)
                total += policy[level, row]
            for row in range(rows.first[s], rows.first[s + 1]):
                policy[level, row] /= total
            fresh[s] = best
        value, fresh = fresh, value
    for level in range(min(depth, levels), levels):
        policy[level] = policy[level - 1]


@serial
def _evaluate_one(policy, amounts, rows, start, start_chances, lifespan, out):  # type: ignore[no-untyped-def]
    n_states, levels = rows.first.size - 1, policy.shape[0]
    births = start_chances.shape[0]
    value, fresh = np.zeros((amounts.shape[0], n_states)), np.zeros((amounts.shape[0], n_states))
    for remaining in range(1, lifespan + 1):
        level = min(levels, remaining) - 1
        for r in range(amounts.shape[0]):
            for s in range(n_states):
                total = 0.0
                for row in range(rows.first[s], rows.first[s + 1]):
                    ahead = amounts[r, row]
                    for i in range(rows.offsets[row], rows.offsets[row + 1]):
                        ahead += rows.chances[i] * value[r, rows.successors[i]]
                    total += policy[level, row] * ahead
                fresh[r, s] = total
        value, fresh = fresh, value
    for r in range(amounts.shape[0]):
        for b in range(births):
            out[r * births + b] = 0.0
            for i in range(start.size):
                out[r * births + b] += start_chances[b, i] * value[r, start[i]]


@parallel
def plan(weights, depths, temperatures, features, rows, policies):  # type: ignore[no-untyped-def]
    """Fill `policies [n, L, R]`; `rows` has the discount in its chances."""
    n = depths.size
    for chunk in prange((n + CHUNK - 1) // CHUNK):
        for i in range(chunk * CHUNK, min(n, (chunk + 1) * CHUNK)):
            _plan_one(weights[i], depths[i], temperatures[i], features, rows, policies[i])


@parallel
def evaluate(policies, amounts, rows, start, start_chances, lifespan, out):  # type: ignore[no-untyped-def]
    """Fill `out [n, R * B]` with lifetime amounts of `policies [n, L, R]`; births as in
    `evosim.kernels.evaluate`.
    """
    n = out.shape[0]
    for chunk in prange((n + CHUNK - 1) // CHUNK):
        for i in range(chunk * CHUNK, min(n, (chunk + 1) * CHUNK)):
            _evaluate_one(policies[i], amounts, rows, start, start_chances, lifespan, out[i])
