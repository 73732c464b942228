"""Intervals: percentile bootstrap over seeds. Fixed resampling seed, so the same run gives the same interval.

The numbers are those of `scipy.stats.bootstrap`, whose import would take longer than the rest of an analysis.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

FEWEST = 5
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
