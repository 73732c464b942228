"""Intervals: percentile bootstrap over seeds. Fixed resampling seed, so the same run gives the same interval.

The numbers are those of `scipy.stats.bootstrap`, whose import would take longer than the rest of an analysis.

`interval` is the plain percentile interval. `intervals`, for sweeps, reads the same resamples further out (`expanded_tail`), because
with the few seeds of a cell the plain one is too narrow: of a nominal 95% it holds the mean in 86% of six normal numbers, and in 93%
so widened (BCa: 86%). `docs/sweeps.md` has more of these numbers, `tests/test_effects.py` makes some of them.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

FEWEST = 5
BLOCK = 4096  # means at a time, so that memory does not grow with the number of cells
RESAMPLING_SEED = 20_190_605  # the day "Risks from learned optimization" was posted


def interval(values: ArrayLike, resamples: int, confidence: float) -> tuple[float, float] | None:
    """Percentile bootstrap interval of the mean of one number a seed; none from fewer than `FEWEST` seeds.

    The bootstrap of two or three numbers is little more than their range.
    """
    x = np.asarray(values, dtype=np.float64)
    if x.size < FEWEST:
        return None
    if np.ptp(x) == 0.0:
        return float(x[0]), float(x[0])
    rng = np.random.default_rng(RESAMPLING_SEED)
    means = x[rng.integers(0, x.size, (resamples, x.size))].mean(axis=1)
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(means, [tail, 1.0 - tail])
    return float(low), float(high)


def intervals(values: ArrayLike, resamples: int, confidence: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Expanded percentile bootstrap intervals of means over the last axis (seeds): two arrays `[...]`, NaN from fewer than `FEWEST`.

    All are of the same resamples, so that differences may be taken before or after.
    """
    x = np.asarray(values, dtype=np.float64)
    n = x.shape[-1]
    flat = x.reshape(-1, n)
    ends = np.full((2, flat.shape[0]), np.nan)
    if n >= FEWEST:
        tail = expanded_tail(n, confidence)
        weights = draws(n, resamples).T / n
        for first in range(0, flat.shape[0], BLOCK):
            part = slice(first, first + BLOCK)
            ends[:, part] = np.quantile(flat[part] @ weights, [tail, 1.0 - tail], axis=1)
        same = np.ptp(flat, axis=1) == 0.0
        ends[:, same] = flat[same, 0]
    return ends[0].reshape(x.shape[:-1]), ends[1].reshape(x.shape[:-1])


def difference(base: ArrayLike, other: ArrayLike, resamples: int, confidence: float) -> tuple[float, float] | None:
    """Interval of `mean(other) - mean(base)` of two independent samples, one number a seed; none if either has fewer than `FEWEST`.

    Both are resampled apart. Each mean's deviations are widened by `sqrt(n / (n - 1))`, and the quantiles read where Student's are at
    Welch's degrees of freedom: for two samples what `expanded_tail` is for one. Of paired samples use `intervals` of the differences.
    """
    from scipy.special import ndtr, stdtrit

    samples = [np.asarray(values, dtype=np.float64) for values in (base, other)]
    if min(x.size for x in samples) < FEWEST:
        return None
    found = float(samples[1].mean() - samples[0].mean())
    errors = [0.0 if np.ptp(x) == 0.0 else float(x.var(ddof=1)) / x.size for x in samples]
    if sum(errors) == 0.0:
        return found, found
    spread = [
        (draws(x.size, resamples, stream) @ x / x.size - x.mean()) * np.sqrt(x.size / (x.size - 1.0)) for stream, x in enumerate(samples)
    ]
    freedom = sum(errors) ** 2 / sum(error**2 / (x.size - 1.0) for error, x in zip(errors, samples, strict=True))
    tail = float(ndtr(stdtrit(freedom, (1.0 - confidence) / 2.0)))
    low, high = np.quantile(found + spread[1] - spread[0], [tail, 1.0 - tail])
    return float(low), float(high)


@lru_cache(maxsize=16)
def draws(n: int, resamples: int, stream: int = 0) -> NDArray[np.float64]:
    """How often each of `n` seeds comes in each resample, `[resamples, n]`: those of `interval`, or of another `stream` of numbers."""
    chosen = np.random.default_rng([RESAMPLING_SEED, stream] if stream else RESAMPLING_SEED).integers(0, n, (resamples, n))
    out = np.zeros((resamples, n))
    np.add.at(out, (np.arange(resamples)[:, None], chosen), 1.0)
    out.flags.writeable = False
    return out


def expanded_tail(n: int, confidence: float) -> float:
    """The quantile at which a percentile interval of `n` numbers is as wide as Student's (Hesterberg 2015: "expanded").

    The bootstrap's spread is `sqrt((n-1)/n)` of what it should be, and its quantiles are the normal's, not Student's.
    """
    from scipy.special import ndtr, stdtrit  # not scipy.stats, which takes long to import

    return float(ndtr(-np.sqrt(n / (n - 1.0)) * stdtrit(n - 1.0, 1.0 - (1.0 - confidence) / 2.0)))
