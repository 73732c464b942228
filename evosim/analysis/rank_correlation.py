"""Rank correlations and slopes of parameters of a design, with intervals over points and seeds."""

from __future__ import annotations

import numpy as np

from evosim.analysis.design_terms import Column
from evosim.analysis.intervals import FEWEST, RESAMPLING_SEED, ROUNDING, two_way_interval
from evosim.analysis.resampling import Array, Resampling


def two_ways(values: Array, resampling: Resampling) -> list[tuple[Array, Array]]:
    """For each resample how often each point comes, and the points' means over resampled seeds."""
    points, n = values.shape
    rng = np.random.default_rng(RESAMPLING_SEED)
    out = []
    even = np.full(n, 1.0 / n)
    for _ in range(resampling.resamples):
        often = np.bincount(rng.integers(0, points, points), minlength=points).astype(np.float64)
        seeds = np.bincount(rng.integers(0, n, n), minlength=n) / n if n >= FEWEST else even
        out.append((often, values @ seeds))
    return out


def correlations(
    values: Array, columns: list[Column], resampling: Resampling
) -> dict[int, tuple[float, float | None, float | None]]:
    """Rank correlation of each ordered parameter with the points' means, and its interval."""
    wanted = [
        i for i, column in enumerate(columns) if column.ordered and np.ptp(column.position) > 0.0
    ]
    if not wanted:
        return {}
    x = np.column_stack([_ranks(columns[i].position) for i in wanted])
    here = weighted_correlation(x, _ranks(values.mean(axis=1)), np.ones(len(x)))
    estimates = np.array(
        [
            weighted_correlation(x, _ranks(means), often)
            for often, means in two_ways(values, resampling)
        ]
    )
    # Near its ends a correlation is skewed. Its angle is widened, which has ends where Fisher's
    # scale has none.
    centre, spread = (np.arcsin(np.clip(part, -1.0, 1.0)) for part in (here, estimates))
    # Where a resample leaves no variance, a correlation may be anything.
    lows, highs = (
        np.where(np.isnan(spread), worst, spread) for worst in (-np.pi / 2.0, np.pi / 2.0)
    )
    ends = [
        two_way_interval(centre, part, values.shape[0], values.shape[1], resampling.confidence)[i]
        for i, part in enumerate((lows, highs))
    ]
    low, high = np.sin(np.clip(ends, -np.pi / 2.0, np.pi / 2.0))
    # Resamples that agree show no spread, which makes no correlation exact: other points may
    # differ.
    return {
        i: (
            (float(here[j]), None, None)
            if high[j] - low[j] <= ROUNDING
            else (float(here[j]), float(low[j]), float(high[j]))
        )
        for j, i in enumerate(wanted)
    }


def weighted_correlation(x: Array, y: Array, weights: Array) -> Array:
    """Pearson's, of each column of `x [points, columns]` with `y [points]`."""
    w = weights / weights.sum()
    dx, dy = x - w @ x, y - w @ y
    with np.errstate(divide="ignore", invalid="ignore"):
        # Rounding may go beyond
        out: Array = np.clip((w * dy) @ dx / np.sqrt((w @ dx**2) * (w @ dy**2)), -1.0, 1.0)
    return out


def _ranks(values: Array) -> Array:
    """Ranks; those that are equal share theirs."""
    _, place, many = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(many)
    out: Array = (last - (many - 1) / 2.0)[place]
    return out
