"""Tessellating hills: the gradient, the period, and the seed."""

from __future__ import annotations

import numpy as np
import pytest

from evosim.worlds import InvalidWorld
from evosim.worlds.tessellating_hills import TessellatingHills, build

SMALL = TessellatingHills(sides=3, waves=2, epsilon=0.5)


def test_the_gradient_is_that_of_finite_differences() -> None:
    hills = build(SMALL, seed=1)
    points = np.random.default_rng(0).normal(size=(5, hills.dimensions))
    for i in range(hills.dimensions):
        step = np.zeros(hills.dimensions)
        step[i] = 1e-6
        slope = (hills.loss(points + step) - hills.loss(points - step)) / 2e-6
        np.testing.assert_allclose(hills.gradient(points)[:, i], slope, rtol=1e-6, atol=1e-6)


def test_without_hills_the_loss_is_the_slope() -> None:
    hills = build(TessellatingHills(sides=3, epsilon=0.0), seed=1)
    points = np.random.default_rng(0).normal(size=(5, 4))
    np.testing.assert_array_equal(hills.loss(points), -points[:, 0])


def test_the_seed_decides_the_landscape() -> None:
    one, same, other = (build(SMALL, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.sines, same.sines)
    assert (one.sines != other.sines).any()
    assert np.abs(one.numbers).max() <= SMALL.largest


def test_parameters_out_of_range_are_refused() -> None:
    with pytest.raises(InvalidWorld, match=r"world\.ancestral\.sides must lie in \[1, 500\]"):
        build(TessellatingHills(sides=0), seed=1)
