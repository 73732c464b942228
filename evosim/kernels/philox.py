"""Philox4x32-10 for kernels; `evosim.rng` has its NumPy twin, the addresses and the source."""

from __future__ import annotations

import numpy as np
from numba import prange

from evosim.kernels.compilation import parallel, serial
from evosim.rng import INCREMENTS, MULTIPLIERS, ROUNDS

_M0, _M1 = np.uint64(MULTIPLIERS[0]), np.uint64(MULTIPLIERS[1])
_W0, _W1 = np.uint64(INCREMENTS[0]), np.uint64(INCREMENTS[1])
GUIDE_CHUNK = 4096
_LOW, _SHIFT = np.uint64(0xFFFFFFFF), np.uint64(32)


@serial
def philox(c0, c1, c2, c3, key0, key1):  # type: ignore[no-untyped-def]
    """Four 32-bit words (held in uint64) at a counter under a key."""
    x0, x1, x2, x3 = (
        np.uint64(c0) & _LOW,
        np.uint64(c1) & _LOW,
        np.uint64(c2) & _LOW,
        np.uint64(c3) & _LOW,
    )
    k0, k1 = np.uint64(key0), np.uint64(key1)
    for _ in range(ROUNDS):
        p0, p1 = x0 * _M0, x2 * _M1
        x0, x1, x2, x3 = (p1 >> _SHIFT) ^ x1 ^ k0, p1 & _LOW, (p0 >> _SHIFT) ^ x3 ^ k1, p0 & _LOW
        k0, k1 = (k0 + _W0) & _LOW, (k1 + _W1) & _LOW
    return x0, x1, x2, x3


@serial
def uniform(high, low):  # type: ignore[no-untyped-def]
    """A 53-bit uniform number in [0, 1) from two words."""
    a, b = np.float64(high >> np.uint64(5)), np.float64(low >> np.uint64(6))
    return (a * 67108864.0 + b) * (1.0 / 9007199254740992.0)


@serial
def pick(cumulative, u):  # type: ignore[no-untyped-def]
    """First index whose cumulative weight exceeds `u` times the total; items of weight 0 are never
    picked.
    """
    return first_above(cumulative, u * cumulative[cumulative.size - 1])


@serial
def first_above(cumulative, target):  # type: ignore[no-untyped-def]
    """First index whose cumulative weight exceeds `target`; items of weight 0 are never it."""
    n = cumulative.size
    low, high = 0, n
    while low < high:
        middle = (low + high) // 2
        if cumulative[middle] > target:
            high = middle
        else:
            low = middle + 1
    return _last(cumulative) if low == n else low


@serial
def _last(cumulative):  # type: ignore[no-untyped-def]
    """The last item that has weight: where rounding carries a target up to the total."""
    low = cumulative.size - 1
    while low > 0 and cumulative[low] == cumulative[low - 1]:
        low -= 1
    return low


@serial
def alone(cumulative):  # type: ignore[no-untyped-def]
    """The only item that has weight; -1 if several have, or none."""
    only = -1
    before = 0.0
    for i in range(cumulative.size):
        if cumulative[i] > before:
            if only >= 0:
                return -1
            only = i
        before = cumulative[i]
    return only


@serial
def guide_chunk(start, stop, cumulative, out):  # type: ignore[no-untyped-def]
    """Entries `start .. stop - 1` of a guide on the calling thread."""
    n = cumulative.size
    total = cumulative[n - 1]
    at, high, target = 0, n - 1, start / n * total
    while at < high:
        middle = (at + high) // 2
        if cumulative[middle] > target:
            high = middle
        else:
            at = middle + 1
    for j in range(start, stop):
        target = j / n * total
        while at < n - 1 and cumulative[at] <= target:
            at += 1
        out[j] = at


@parallel
def guide(n, cumulative, out):  # type: ignore[no-untyped-def]
    """Shortcuts into cumulative weights: `out[j]` is where `guided_pick` begins to look for numbers
    in `[j, j + 1) / n`.
    """
    for chunk in prange((n + GUIDE_CHUNK - 1) // GUIDE_CHUNK):
        guide_chunk(chunk * GUIDE_CHUNK, min(n, (chunk + 1) * GUIDE_CHUNK), cumulative, out)


@serial
def guided_pick(cumulative, guide, u):  # type: ignore[no-untyped-def]
    """The index of `pick` for `u` times the total, in a step or two.

    Source: guide tables (Chen and Asau 1974).
    """
    n = cumulative.size
    target = u * cumulative[n - 1]
    at = guide[min(int(u * n), n - 1)]
    while at > 0 and cumulative[at - 1] > target:
        at -= 1
    while at < n and cumulative[at] <= target:
        at += 1
    return _last(cumulative) if at == n else at
