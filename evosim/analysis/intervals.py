"""Intervals: percentile bootstrap over seeds. Fixed resampling seed, so the same run gives the same interval."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import bootstrap

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
    result = bootstrap(
        (x,),
        np.mean,
        n_resamples=resamples,
        confidence_level=confidence,
        method="percentile",
        rng=np.random.default_rng(RESAMPLING_SEED),
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)
