"""A permutation test of whether the cells of a grid differ by more than chance."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evosim.analysis.intervals import FEWEST, RESAMPLING_SEED, ROUNDING, unit_of
from evosim.analysis.resampling import Array, Resampling, finite

FEWEST_SHUFFLES = 200
MOST_SHUFFLED = 100_000_000  # numbers that one test moves: larger grids get fewer shuffles
AT_A_TIME = 2_000_000


def test_of_cells(
    values: Array, resampling: Resampling, *, exact: bool
) -> tuple[bool | None, float | None, float | None]:
    """Whether cells differ by more than chance, `p`, and the smallest possible `p`.

    All are None if nothing was tested.
    """
    n = values.shape[-1]
    if exact:  # no seed can change it, so that any difference is one
        return True, None, None
    if n < FEWEST:
        return None, None, None
    p, least = any_effect(values, resampling)
    return p <= 1.0 - resampling.confidence + ROUNDING, p, least


def any_effect(values: ArrayLike, resampling: Resampling) -> tuple[float, float]:
    """Test whether cells of a grid differ by more than chance.

    Each seed is a block. Within it the levels of each factor are shuffled, so that whole slabs of
    cells move together. If no factor has an effect, this changes no distribution. That is true for
    any noise, and for any dependence between runs of one seed or of one level. (Shuffling single
    cells would ignore the dependence between runs of a level, with false alarms in up to 30%.) The
    statistic is the variance between the cells' means. A factor whose levels agree in every run is
    left out, because shuffling it changes nothing.

    A factor may change only the spread of runs and no mean. The test is not made for such an
    effect, but detects it more often than in 1 - confidence.

    Parameters
    ----------
    values : array_like, shape (levels of each factor..., seeds)
        One number for each cell and seed, in any unit.
    resampling : Resampling
        `resamples` is the number of shuffles, fewer for large grids. If all shuffles are no more
        than that, each is done once, and the test is exact. Otherwise they are drawn by a fixed
        seed.

    Returns
    -------
    p : float
        The share of shuffles whose cells differ at least as much; those that are found are one of
        them.
    least : float
        The smallest `p` that is possible: 1/16 for two cells and five seeds.

    Raises
    ------
    ValueError
        If a value is infinite or missing.

    Notes
    -----
    Permutation within blocks: Good, Permutation tests, 2000. The observed value counts as one of
    the random draws (Phipson and Smyth 2010). So false alarms are at most 1 in 20 at 0.05.
    """
    x = finite(np.asarray(values, dtype=np.float64))
    x = x / unit_of(x)
    n, largest = x.shape[-1], np.abs(x).max()
    for axis in range(x.ndim - 1):
        if np.ptp(x, axis=axis).max() <= ROUNDING * largest:
            x = x.take([0], axis=axis)
    sizes = tuple(size for size in x.shape[:-1] if size > 1)
    x = (x - x.mean(axis=tuple(range(x.ndim - 1)))).reshape(-1, n).T
    if not sizes:
        return 1.0, 1.0
    observed = (x.sum(axis=0) ** 2).sum() * (1.0 - 1e-9)  # rounding must not part what is equal
    ways = math.prod(math.factorial(size) for size in sizes)
    if ways ** (n - 1) <= resampling.resamples:
        sums = _all_shuffles(x, sizes)
        return float(((sums**2).sum(axis=1) >= observed).mean()), 1.0 / ways ** (n - 1)
    many = min(resampling.resamples, max(FEWEST_SHUFFLES, MOST_SHUFFLED // x.size))
    reached = 1 + sum(
        int(((sums**2).sum(axis=1) >= observed).sum()) for sums in _shuffled(x, sizes, many - 1)
    )
    return reached / many, 1.0 / min(many, ways ** (n - 1))


def _all_shuffles(x: Array, sizes: tuple[int, ...]) -> Array:
    """Sums over seeds `[shuffles, cells]` of `x [seeds, cells]`, for every shuffle.

    The first seed stays as it is, because a shuffle of all seeds alike changes nothing.
    """
    cells = np.arange(x.shape[1]).reshape(sizes)
    orders = itertools.product(*(itertools.permutations(range(size)) for size in sizes))
    every = np.array([cells[np.ix_(*order)].ravel() for order in orders])
    sums = x[:1]
    for seed in range(1, len(x)):
        sums = (sums[:, None] + x[seed][every]).reshape(-1, x.shape[1])
    return sums


def _shuffled(x: Array, sizes: tuple[int, ...], many: int) -> Iterator[Array]:
    """Sums over seeds `[shuffles, cells]` of `x [seeds, cells]`, levels of each factor shuffled
    within each seed.
    """
    at_a_time = max(1, AT_A_TIME // x.shape[1])
    # All quantities of a sweep have the same shape, and so the same shuffles.
    order = _stored_order if many * x.size <= AT_A_TIME else _order
    for first in range(0, many, at_a_time):
        rows = min(at_a_time, many - first)
        sums = np.repeat(x[:1], rows, axis=0)
        for seed in range(1, len(x)):
            sums += x[seed][order(sizes, rows, first, seed)]
        yield sums


def _order(sizes: tuple[int, ...], rows: int, first: int, seed: int) -> NDArray[np.int64]:
    """Which cell comes to each place, `[rows, cells]`, in shuffles of one seed."""
    rng = np.random.default_rng([RESAMPLING_SEED, first, seed])
    where, stride = np.zeros((rows, *sizes), dtype=np.int64), 1
    for axis in reversed(range(len(sizes))):
        order = rng.permuted(np.tile(np.arange(sizes[axis]), (rows, 1)), axis=1)
        shape = [rows, *(size if i == axis else 1 for i, size in enumerate(sizes))]
        where += stride * order.reshape(shape)
        stride *= sizes[axis]
    return where.reshape(rows, -1)


_stored_order = lru_cache(maxsize=32)(_order)
