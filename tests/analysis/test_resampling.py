"""Intervals of differences are paired by seed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from evosim.analysis.resampling import Array, Resampling
from evosim.analysis.variance_decomposition import marginal

HOW = Resampling(500)


A, B = np.array([-1.0, 0.0, 1.0]), np.array([-0.5, 0.5])


def noisy(
    means: Array, seeds: int, rng: np.random.Generator, common: float = 1.0, own: float = 1.0
) -> Array:
    """A grid's means with what a seed adds in every cell, and what it adds in each."""
    return (
        means[..., None]
        + common * rng.standard_normal(seeds)
        + own * rng.standard_normal((*means.shape, seeds))
    )


def paired_width(how: Callable[[Array], Array]) -> tuple[float, float]:
    """Mean width and coverage of the interval of a difference, where seeds differ much more than
    they do between cells.
    """
    rng, widths, held = np.random.default_rng(7), [], []
    for _ in range(200):
        values = noisy(A, 8, rng, common=5.0, own=0.2)
        means = how(values)
        _, low, high = HOW.means_and_ends(means[2] - means[0])
        widths.append(float(high - low))
        held.append(bool(low <= 2.0 <= high))
    return float(np.mean(widths)), float(np.mean(held))


def test_differences_are_paired_and_who_forgets_that_is_seen() -> None:
    width, held = paired_width(lambda values: marginal(values, (0,)))
    assert width < 1.0
    assert held >= 0.90
    shuffler = np.random.default_rng(8)
    unpaired, _ = paired_width(
        lambda values: np.stack([shuffler.permutation(row) for row in marginal(values, (0,))])
    )
    assert unpaired > 5.0
