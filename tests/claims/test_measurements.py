"""Intervals of ratios and shares over seeds."""

from __future__ import annotations

import numpy as np
import pytest

from evosim.claims.measurements import mean_over_seeds, ratio_over_seeds, share_of_seeds


def test_ratio_intervals_include_both_uncertainties() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(1.0, 0.1, 20), rng.normal(2.0, 1.0, 20)
    both, one = ratio_over_seeds(x, y), mean_over_seeds(x / y.mean())
    assert both.value == pytest.approx(one.value)
    assert both.high - both.low > 3.0 * (one.high - one.low)  # type: ignore[operator]
    same = ratio_over_seeds(3.0 * y, y)
    assert (same.value, same.low, same.high) == (pytest.approx(3.0), None, None)  # all seeds agree


def test_shares_have_exact_intervals() -> None:
    from scipy.stats import binomtest

    for k, n in ((0, 20), (7, 20), (20, 20)):
        wanted = binomtest(k, n).proportion_ci(0.95, "exact")
        found = share_of_seeds(k, n)
        assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high))
