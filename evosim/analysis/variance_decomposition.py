"""Shares of the variance between the cells of a full grid.

A full grid is split exactly into a mean, an effect of each factor, of each pair, and the rest. This
is the analysis of variance, or Hoeffding-Sobol decomposition (Sobol 1993; Saltelli et al. 2008,
chapter 4). Each level has equal weight. The variance of a component is the mean over levels
of its square. Squares of means over seeds would be too large by chance, so squares are products of
two different seeds. These have the right expectation whatever seeds have in common, and they still
sum to the whole.

The last axis of `values` is the seeds, which are resampled.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field, replace

import numpy as np

from evosim.analysis.intervals import (
    FEWEST,
    ROUNDING,
    cut_to_unit,
    draws,
    percentile_interval,
    unit_of,
)
from evosim.analysis.resampling import Array, Resampling, finite, settled
from evosim.analysis.shuffle_test import test_of_cells

TINY = float(np.finfo(np.float64).tiny)  # smaller numbers lose digits


@dataclass(frozen=True)
class Share:
    """A component of the variance between cells.

    Attributes
    ----------
    order : str
        `first`, `pair`, `higher` (all that is left), or `total` (all components with the factor;
        these overlap).
    factors : tuple of int
        Axes of the grid.
    variance : float
        Unbiased, so chance can bring it below 0; in squares of the quantity's unit.
    share : float or None
        Of the variance between cells; None where that variance may be 0.
    low, high : float or None
        Interval of the share, cut to 0 and 1; None from too few seeds, or if all agree by chance.
    """

    order: str
    factors: tuple[int, ...]
    variance: float
    share: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Decomposition:
    """The variance of a quantity.

    Attributes
    ----------
    between : float
        Variance between cells: the effect of all swept parameters. NaN, as the other variances,
        where a number cannot hold it.
    low, high : float or None
        Interval of `between`; None from too few seeds, or if all agree by chance.
    chance : float
        Variance between the seeds of a cell, mean over cells; NaN from one seed.
    shares : list of Share
        Of `between`. `first`, `pair` and `higher` sum to it.
    detected : bool or None
        Whether the cells differ by more than chance (`shuffle_test.any_effect`). If no factor has
        an effect, false alarms are at most 1 - confidence. A factor that changes only the spread of
        runs may raise more. Of what no seed can change: whether the cells differ at all. None from
        fewer than `FEWEST` seeds otherwise.
    p : float or None
        Of that test; None without a test.
    p_least : float or None
        The smallest `p` that this number of cells and seeds can give.
    """

    between: float
    low: float | None
    high: float | None
    chance: float
    shares: list[Share] = field(default_factory=list)
    detected: bool | None = False
    p: float | None = None
    p_least: float | None = None


def marginal(values: Array, keep: tuple[int, ...]) -> Array:
    """Means over all factors but some, seed by seed: `[levels of keep..., seeds]`."""
    others = tuple(axis for axis in range(values.ndim - 1) if axis not in keep)
    return values.mean(axis=others)


def interaction(values: Array, first: int, second: int) -> Array:
    """Effect of a pair beyond its two effects: `[levels of first, levels of second, seeds]`."""
    both = marginal(values, (first, second))
    alone = (
        both.mean(axis=1, keepdims=True)
        + both.mean(axis=0, keepdims=True)
        - both.mean(axis=(0, 1), keepdims=True)
    )
    return settled(both - alone, values)


def decompose(values: Array, resampling: Resampling, *, exact: bool = False) -> Decomposition:
    """The variance between cells `[levels of each factor..., seeds]`, by factor and pair.

    `exact`: no seed can change the quantity, so that an interval without width is right. Variances
    that a number cannot hold, because they are squares of numbers beyond 1e154 or below 1e-154, are
    NaN. Raises `ValueError` if a value is not finite.
    """
    unit = unit_of(finite(values))
    decomposition = _decompose(values / unit, resampling, exact=exact)

    if unit == 1.0:
        return decomposition

    def squared(variance: float) -> float:
        with np.errstate(over="ignore", under="ignore"):
            out = float(np.float64(variance) * unit * unit)
        return out if variance == 0.0 or TINY <= abs(out) < math.inf else math.nan

    shares = [replace(share, variance=squared(share.variance)) for share in decomposition.shares]
    low, high = (
        None if end is None else squared(end) for end in (decomposition.low, decomposition.high)
    )
    return replace(
        decomposition,
        between=squared(decomposition.between),
        low=low,
        high=high,
        chance=squared(decomposition.chance),
        shares=shares,
    )


def _decompose(values: Array, resampling: Resampling, *, exact: bool) -> Decomposition:
    """`decompose` of numbers that can be squared."""
    k, n = values.ndim - 1, values.shape[-1]
    chance = float(values.var(axis=-1, ddof=1).mean()) if n > 1 else float("nan")
    if np.ptp(values.mean(axis=-1)) <= ROUNDING * np.abs(values).max():
        none = 0.0 if exact and n >= FEWEST else None
        detected = False if exact or n >= FEWEST else None
        return Decomposition(0.0, none, none, chance, detected=detected)
    detected, p, least = test_of_cells(values, resampling, exact=exact)
    values = values - values.mean(axis=tuple(range(k)))
    whole = _products(values)
    resampled = resampling.resamples if n >= FEWEST else 0
    weights = draws(n, resampled) if resampled else np.empty((0, n))
    weights = weights[(weights.max(axis=1) < n)]  # one seed alone has no pairs
    between, spread = float(_over_pairs(whole, np.ones((1, n)))[0]), _over_pairs(whole, weights)
    low, high = percentile_interval(between, spread, spread, n, resampling.confidence, exact=exact)
    shares = []
    for (order, factors), products in _components(values, whole).items():
        variance = float(_over_pairs(products, np.ones((1, n)))[0])
        if detected is False or between <= 0.0:
            shares.append(Share(order, factors, variance))
            continue
        if not products.any():
            nothing = 0.0 if exact and n >= FEWEST else None
            shares.append(Share(order, factors, 0.0, 0.0, nothing, nothing))
            continue
        ratios = _over_pairs(products, weights) / np.where(spread > 0.0, spread, np.nan)
        # Where a resample leaves no variance, a share may be anything
        lows, highs = (np.where(np.isnan(ratios), worst, ratios) for worst in (-np.inf, np.inf))
        share = variance / between
        ends = percentile_interval(share, lows, highs, n, resampling.confidence, exact=exact)
        shares.append(Share(order, factors, variance, share, *cut_to_unit(*ends)))
    return Decomposition(between, low, high, chance, shares, detected, p, least)


def _components(values: Array, whole: Array) -> dict[tuple[str, tuple[int, ...]], Array]:
    """Products of two seeds, `[seeds, seeds]`, of each component by order and factors."""
    k = values.ndim - 1
    parts: dict[tuple[str, tuple[int, ...]], Array] = {}
    for i in range(k):
        parts["first", (i,)] = _products(marginal(values, (i,)))
    for i, j in itertools.combinations(range(k), 2):
        parts["pair", (i, j)] = _products(interaction(values, i, j))
    if k > 2:
        parts["higher", ()] = whole - sum(parts.values())
    for i in range(k) if k > 1 else ():
        rest = tuple(axis for axis in range(k) if axis != i)
        parts["total", (i,)] = whole - _products(marginal(values, rest))
    return {key: settled(products, whole) for key, products in parts.items()}


def _products(component: Array) -> Array:
    """Mean over levels of the product of a component of two seeds, `[seeds, seeds]`."""
    n = component.shape[-1]
    flat = component.reshape(-1, n)
    return flat.T @ flat / flat.shape[0]


def _over_pairs(products: Array, weights: Array) -> Array:
    """Mean over pairs of different seeds for each row of weights; of one seed, with itself."""
    n = products.shape[0]
    if n == 1:
        return np.repeat(products[0], weights.shape[0])
    apart = products - np.diag(np.diag(products))
    total = np.einsum("bi,ij,bj->b", weights, apart, weights, optimize=True)
    return total / (weights.sum(axis=1) ** 2 - (weights**2).sum(axis=1))
