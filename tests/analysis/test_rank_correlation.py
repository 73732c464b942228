"""Rank correlations against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from evosim.analysis.design_terms import Column
from evosim.analysis.rank_correlation import correlations, weighted_correlation
from evosim.analysis.resampling import Resampling


def test_rank_correlations_are_spearman_s() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.random(30), rng.random((30, 6))
    found = correlations(y, [Column(x)], Resampling(50))
    assert found[0][0] == pytest.approx(stats.spearmanr(x, y.mean(axis=1)).statistic)


def test_weights_count_points() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.random(5), rng.random(5)
    often = np.array([1, 2, 0, 3, 1])
    found = weighted_correlation(x[:, None], y, often.astype(float))[0]
    assert found == pytest.approx(np.corrcoef(x.repeat(often), y.repeat(often))[0, 1])
