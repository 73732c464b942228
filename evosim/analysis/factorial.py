"""Effects of swept parameters on a quantity: shares of variance, contrasts and slopes.

`values` is always an array whose last axis is the seeds; one row of it is one seed seen in every
cell, so that whatever is computed seed by seed is paired (common random numbers). Seeds are what is
resampled: each brings all its cells with it.

A full grid is taken apart exactly, into a mean, an effect of each factor, of each pair, and the
rest: the analysis of variance, or Hoeffding-Sobol decomposition, with equal weight on each level
(Sobol 1993; Saltelli et al. 2008, chapter 4). A component's variance is the mean over levels of its
square. Squares of means over seeds would be too large by chance, so squares are made of products of
two different seeds: these have the right expectation whatever seeds have in common, and still sum
to the whole.

Points that fill a box are described by rank correlations, and by least squares on a straight and a
curved term of each parameter and a product of each pair (`fit`). The terms are orthonormal under
the distribution from which the design draws its points, where parameters are independent: Legendre
polynomials for a range. A term's square is then its variance, whatever correlations the drawn
points have.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evosim.analysis.intervals import (
    FEWEST,
    RESAMPLING_SEED,
    ROUNDING,
    Ends,
    alike,
    draws,
    intervals,
    unit_of,
    widening,
)

Array = NDArray[np.float64]
FEWEST_POINTS = 10
SAME_COLUMN = 1e-7  # of the largest singular value: columns that agree so far are one parameter
POINTS_A_TERM = 2
FEWEST_SHUFFLES = 200
MOST_SHUFFLED = 100_000_000  # numbers that one test moves: larger grids get fewer shuffles
AT_A_TIME = 2_000_000
TINY = float(np.finfo(np.float64).tiny)  # smaller numbers lose digits


@dataclass(frozen=True)
class Resampling:
    """How intervals are made.

    Attributes:
        resamples: of seeds.
        confidence: nominal.
    """

    resamples: int = 2000
    confidence: float = 0.95

    def of(
        self, values: Array, within: Ends | None = None, *, exact: bool = False
    ) -> tuple[Array, Array, Array]:
        """Means over seeds and the ends of their intervals.

        Parameters
        ----------
        values
            `[..., seeds]`.
        within
            The range of a seed's number, if it is known (`evosim.analysis.intervals`).
        exact
            Whether no seed can change the quantity: it belongs to worlds and an enumerated grid.

        Returns
        -------
        Three arrays `[...]`. Ends are NaN where there are too few seeds, or where all seeds agree
        and no range is known. They are equal to the mean only where the quantity is exact.
        """
        mean = values.mean(axis=-1)
        low, high = intervals(values, self.resamples, self.confidence, within)
        if exact and values.shape[-1] >= FEWEST:
            same = alike(values)
            low, high = np.where(same, mean, low), np.where(same, mean, high)
        return mean, low, high


@dataclass(frozen=True)
class Share:
    """A component of the variance between cells.

    Attributes:
        order: `first`, `pair`, `higher` (all that is left), or `total` (all components with the
        factor; these overlap). factors: axes of the grid. variance: unbiased, so that it may come
        out below 0 where there is none; in squares of the quantity's unit. share: of the variance
        between cells; None where that cannot be told from 0. low, high: of the share, cut to 0 and
        1; None from too few seeds, or where all agree by chance.
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

    Attributes:
        between: variance between cells: what the swept parameters do in all. NaN, as the other
        variances, where a number cannot hold it. low, high: its interval; None from too few seeds,
        or where all agree by chance. chance: variance between the seeds of a cell, mean over cells;
        NaN from one seed. shares: of `between`. `first`, `pair` and `higher` sum to it. told:
        whether the cells differ by more than chance. `any_effect` tests it, with false alarms in at
        most
            1 - confidence if no factor does anything. Factors that change the spread of runs alone
            may be told too. Of what no seed can change: whether they differ at all. Otherwise None
            from fewer than `FEWEST` seeds.
        p: of that test; None where there was no test.
        p_least: the smallest `p` that this many cells and seeds can give.
    """

    between: float
    low: float | None
    high: float | None
    chance: float
    shares: list[Share] = field(default_factory=list)
    told: bool | None = False
    p: float | None = None
    p_least: float | None = None


def marginal(values: Array, keep: tuple[int, ...]) -> Array:
    """Means over all factors but some, seed by seed: `[levels of keep..., seeds]`."""
    others = tuple(axis for axis in range(values.ndim - 1) if axis not in keep)
    return values.mean(axis=others)


def interaction(values: Array, first: int, second: int) -> Array:
    """What a pair does beyond the sum of its two effects, seed by seed: `[levels of first, levels
    of second, seeds]`.
    """
    both = marginal(values, (first, second))
    alone = (
        both.mean(axis=1, keepdims=True)
        + both.mean(axis=0, keepdims=True)
        - both.mean(axis=(0, 1), keepdims=True)
    )
    return settled(both - alone, values)


def decompose(values: Array, how: Resampling, *, exact: bool = False) -> Decomposition:
    """The variance between cells `[levels of each factor..., seeds]`, by factor and pair.

    `exact`: no seed can change the quantity, so that an interval without width is right. Variances
    that a number cannot hold, because they are squares of numbers beyond 1e154 or below 1e-154, are
    NaN. Raises `ValueError` if a value is not finite.
    """
    unit = unit_of(_finite(values))
    found = _decompose(values / unit, how, exact=exact)

    if unit == 1.0:
        return found

    def squared(variance: float) -> float:
        with np.errstate(over="ignore", under="ignore"):
            out = float(np.float64(variance) * unit * unit)
        return out if variance == 0.0 or TINY <= abs(out) < math.inf else math.nan

    shares = [replace(share, variance=squared(share.variance)) for share in found.shares]
    low, high = (None if end is None else squared(end) for end in (found.low, found.high))
    return replace(
        found,
        between=squared(found.between),
        low=low,
        high=high,
        chance=squared(found.chance),
        shares=shares,
    )


def _finite(values: Array) -> Array:
    """The same values. Raises `ValueError` if one of them is not finite."""
    if not np.isfinite(values).all():
        raise ValueError(
            "values must be finite, but some are infinite or missing. Leave out the seeds or points"
            " that have them."
        )
    return values


def _decompose(values: Array, how: Resampling, *, exact: bool) -> Decomposition:
    """`decompose` of numbers that can be squared."""
    k, n = values.ndim - 1, values.shape[-1]
    chance = float(values.var(axis=-1, ddof=1).mean()) if n > 1 else float("nan")
    if np.ptp(values.mean(axis=-1)) <= ROUNDING * np.abs(values).max():
        none = 0.0 if exact and n >= FEWEST else None
        return Decomposition(0.0, none, none, chance, told=False if exact or n >= FEWEST else None)
    told, p, least = _test(values, how, exact=exact)
    values = values - values.mean(axis=tuple(range(k)))
    whole = _products(values)
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
    parts = {key: settled(products, whole) for key, products in parts.items()}
    once = np.ones((1, n))
    between = _over_pairs(whole, once)
    scale = between[0]
    resampled = how.resamples if n >= FEWEST else 0
    weights = draws(n, resampled) if resampled else np.empty((0, n))
    weights = weights[(weights.max(axis=1) < n)]  # one seed alone has no pairs
    spread = _over_pairs(whole, weights)
    low, high = _ends(float(scale), spread, spread, n, how.confidence, exact=exact)
    shares = []
    for (order, factors), products in parts.items():
        variance = float(_over_pairs(products, once)[0])
        if told is False or scale <= 0.0:
            shares.append(Share(order, factors, variance))
            continue
        if not products.any():
            nothing = 0.0 if exact and n >= FEWEST else None
            shares.append(Share(order, factors, 0.0, 0.0, nothing, nothing))
            continue
        ratios = _over_pairs(products, weights) / np.where(spread > 0.0, spread, np.nan)
        # Where a resample leaves no variance, a share may be anything.
        lows, highs = (np.where(np.isnan(ratios), worst, ratios) for worst in (-np.inf, np.inf))
        found = variance / float(scale)
        share_ends = _ends(found, lows, highs, n, how.confidence, exact=exact)
        shares.append(Share(order, factors, variance, found, *_within(*share_ends)))
    return Decomposition(float(scale), low, high, chance, shares, told, p, least)


def _test(
    values: Array, how: Resampling, *, exact: bool
) -> tuple[bool | None, float | None, float | None]:
    """Whether cells differ by more than chance, `p`, and the smallest `p` that can be; all None
    where nothing was tested.
    """
    n = values.shape[-1]
    if exact:  # no seed can change it, so that any difference is one
        return True, None, None
    if n < FEWEST:
        return None, None, None
    p, least = any_effect(values, how)
    return p <= 1.0 - how.confidence + ROUNDING, p, least


def any_effect(values: ArrayLike, how: Resampling) -> tuple[float, float]:
    """Test whether cells of a grid differ by more than chance.

    Each seed is a block. Within it the levels of each factor are shuffled, so that whole slabs of
    cells move together. If no factor does anything, this changes no distribution, whatever the
    noise looks like and whatever cells have in common: all runs of a seed, or all runs that share a
    level. (Shuffling single cells would break up what runs of a level have in common, with false
    alarms in up to 30%.) The statistic is the variance between the cells' means. A factor whose
    levels agree in every run is left out, because shuffling it changes nothing.

    A factor that changes the spread of runs alone, and no mean, does something too. The test is not
    made for it, but is then told more often than in 1 - confidence.

    Parameters
    ----------
    values : array_like, shape (levels of each factor..., seeds)
        One number for each cell and seed, in any unit.
    how : Resampling
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
    Permutation within blocks: Good, Permutation tests, 2000. Random draws count what was found as
    one of them (Phipson and Smyth 2010), so that false alarms are at most 1 in 20 at 0.05.
    """
    x = _finite(np.asarray(values, dtype=np.float64))
    x = x / unit_of(x)
    n, largest = x.shape[-1], np.abs(x).max()
    for axis in range(x.ndim - 1):
        if np.ptp(x, axis=axis).max() <= ROUNDING * largest:
            x = x.take([0], axis=axis)
    sizes = tuple(size for size in x.shape[:-1] if size > 1)
    x = (x - x.mean(axis=tuple(range(x.ndim - 1)))).reshape(-1, n).T
    if not sizes:
        return 1.0, 1.0
    found = (x.sum(axis=0) ** 2).sum() * (1.0 - 1e-9)  # rounding must not part what is equal
    # Shuffling all seeds alike changes nothing, so that the first seed stays as it is.
    ways = math.prod(math.factorial(size) for size in sizes)
    if ways ** (n - 1) <= how.resamples:
        cells = np.arange(x.shape[1]).reshape(sizes)
        orders = itertools.product(*(itertools.permutations(range(size)) for size in sizes))
        every = np.array([cells[np.ix_(*order)].ravel() for order in orders])
        sums = x[:1]
        for seed in range(1, n):
            sums = (sums[:, None] + x[seed][every]).reshape(-1, x.shape[1])
        return float(((sums**2).sum(axis=1) >= found).mean()), 1.0 / ways ** (n - 1)
    many = min(how.resamples, max(FEWEST_SHUFFLES, MOST_SHUFFLED // x.size))
    reached = 1 + sum(
        int(((sums**2).sum(axis=1) >= found).sum()) for sums in _shuffled(x, sizes, many - 1)
    )
    return reached / many, 1.0 / min(many, ways ** (n - 1))


def _shuffled(x: Array, sizes: tuple[int, ...], many: int) -> Iterator[Array]:
    """Sums over seeds `[shuffles, cells]` of `x [seeds, cells]`, levels of each factor shuffled
    within each seed.
    """
    at_a_time = max(1, AT_A_TIME // x.shape[1])
    # All quantities of a sweep have the same shape, and so the same shuffles.
    order = _kept_order if many * x.size <= AT_A_TIME else _order
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


_kept_order = lru_cache(maxsize=32)(_order)


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


def _ends(
    found: float, lows: Array, highs: Array, n: int, confidence: float, *, exact: bool
) -> tuple[float | None, float | None]:
    """Widened percentile ends; nothing from too few seeds, or where all agree and nothing is
    exact.
    """
    if n < FEWEST:
        return None, None
    tail = (1.0 - confidence) / 2.0
    low, high = (
        float(np.quantile(lows, tail, method="lower")),
        float(np.quantile(highs, 1.0 - tail, method="higher")),
    )
    if np.isfinite([low, high]).all() and alike(np.array([low, high, found])):
        return (found, found) if exact else (None, None)
    factor = widening(n, confidence)
    return found + factor * (low - found), found + factor * (high - found)


def _within(low: float | None, high: float | None) -> tuple[float | None, float | None]:
    """An interval of a share: none is below 0 or above 1, whatever a few seeds say."""
    return (
        (None, None)
        if low is None or high is None
        else (min(max(low, 0.0), 1.0), min(max(high, 0.0), 1.0))
    )


def settled(differences: Array, values: Array) -> Array:
    """Differences of numbers, with 0 for those that are mere rounding of them."""
    out: Array = np.where(np.abs(differences) <= ROUNDING * np.abs(values).max(), 0.0, differences)
    return out


@dataclass(frozen=True, eq=False)
class Column:
    """A parameter of points that fill a box, and from what distribution its positions were drawn.

    Attributes:
        position: `[points]` in a unit interval by its scale (linear or logarithm); of choices
        without an order, their number. ordered: whether positions have an order. levels:
        `[levels]`, all positions that can be drawn; None for any position of the interval, each as
        likely as another.
            None also where positions repeat: then the drawn ones are taken for all, each as likely
            as another.
        weights: `[levels]`, how often each is drawn; None for all alike.
    """

    position: Array
    ordered: bool = True
    levels: Array | None = None
    weights: Array | None = None

    def support(self) -> tuple[Array, Array] | None:
        """Levels and their probabilities; None for the whole interval.

        Of choices without an order only those that were drawn.
        """
        drawn = np.unique(self.position)
        if self.levels is None:
            if self.ordered and drawn.size == self.position.size:
                return None
            return drawn, np.full(drawn.size, 1.0 / drawn.size)
        levels = self.levels
        weights = np.ones(levels.size) if self.weights is None else self.weights
        if not self.ordered:
            levels, weights = levels[kept := np.isin(levels, drawn)], weights[kept]
        return levels, weights / weights.sum()


@dataclass(frozen=True)
class Term:
    """What a parameter, or a pair, does in a fitted model.

    Attributes:
        columns: which parameters.
        correlation, low, high: Spearman's rank correlation with the points' means, and its
        interval; of single ordered parameters. Chance
            in means over few seeds draws it towards 0.
        slope, slope_low, slope_high: change of the quantity from one end of the box to the other by
        the straight term. Of a pair: by
            how much that change is larger at the other's far end than at its near end.
        share: of the variance over the box, where parameters are independent, by straight and
        curved terms, or by products.
            Corrected for chance, so that chance can bring it below 0. None where chance alone could
            have made the terms' variance.
        share_low, share_high: its interval, cut to 0 and 1; None from fewer than `FEWEST_POINTS`
        points.
    """

    columns: tuple[int, ...]
    correlation: float | None = None
    low: float | None = None
    high: float | None = None
    slope: float | None = None
    slope_low: float | None = None
    slope_high: float | None = None
    share: float | None = None
    share_low: float | None = None
    share_high: float | None = None


@dataclass(frozen=True)
class Fit:
    """A model fitted to points.

    Attributes:
        model: `pairs` (straight, curved, products), `curved`, `straight`, or `none`: the largest
        that has at least two points a term. coefficients: how many, the mean among them. explained:
        R^2, of the points' means, chance and correlations of these points among them. predicted:
        the same for points left out one at a time, which overfitting does not raise. terms: of
        single parameters, then of pairs. told: whether the model explains more than chance would,
        by F tests at the nominal confidence: against the points'
            residuals and, from `FEWEST` seeds on, against what seeds differ in. None without a
            model.
        missed: share of the variance over the box that the model misses; the terms' shares sum to
        the rest. None from one
            seed, which cannot tell it from chance: shares are then of the model's own variance.
    """

    model: str
    coefficients: int
    explained: float | None
    predicted: float | None
    terms: list[Term]
    told: bool | None = None
    missed: float | None = None


def fit(values: Array, columns: list[Column], how: Resampling) -> Fit:
    """What parameters do to `values [points, seeds]`.

    Intervals resample points and seeds, each apart (the pigeonhole bootstrap, Owen 2007), because
    all points may have the seeds in common. From fewer than `FEWEST` seeds they resample points
    alone, and speak of these very seeds. Raises `ValueError` if a value is not finite.
    """
    unit = unit_of(_finite(values))
    found = _fit(values / unit, columns, how)
    if unit == 1.0:
        return found

    def whole(slope: float | None) -> float | None:
        return None if slope is None else slope * unit

    terms = [
        replace(
            t, slope=whole(t.slope), slope_low=whole(t.slope_low), slope_high=whole(t.slope_high)
        )
        for t in found.terms
    ]
    return replace(found, terms=terms)


def _fit(values: Array, columns: list[Column], how: Resampling) -> Fit:
    """`fit` of numbers that can be squared."""
    points, n = values.shape
    y = values.mean(axis=1)
    constant = np.ptp(y) <= ROUNDING * np.abs(y).max()
    singles = [(i,) for i in range(len(columns))]
    pairs = list(itertools.combinations(range(len(columns)), 2))
    straight, curved, slopes = zip(*(_terms(column) for column in columns), strict=True)
    products: dict[tuple[int, ...], Array] = {
        (i, j): np.einsum("pa,pb->pab", straight[i], straight[j]).reshape(points, -1)
        for i, j in pairs
    }
    models = {
        "pairs": [*straight, *curved, *products.values()],
        "curved": [*straight, *curved],
        "straight": [*straight],
    }
    model, x = "none", np.empty((points, 0))
    for name, blocks in models.items():
        tried = np.hstack(blocks)
        full = (
            np.linalg.matrix_rank(np.column_stack([np.ones(points), tried]), rtol=SAME_COLUMN)
            == 1 + tried.shape[1]
            > 1
        )
        if not constant and points >= POINTS_A_TERM * (1 + tried.shape[1]) and full:
            model, x = name, tried
            break
    terms: dict[tuple[int, ...], dict[str, float | None]] = {
        key: {} for key in (*singles, *(pairs if model == "pairs" else ()))
    }
    correlated = (
        _correlations(values, columns, how) if not constant and points >= FEWEST_POINTS else {}
    )
    for i, found in correlated.items():
        terms[(i,)] |= dict(zip(("correlation", "low", "high"), found, strict=True))
    if model == "none":
        return Fit(model, 0, None, None, [Term(key, **facts) for key, facts in terms.items()])
    places = _places(
        straight, curved if model != "straight" else (), products if model == "pairs" else {}
    )
    fitted = _least_squares(x, values)
    shares, missed = _shares(fitted, places, how) if fitted.told(how.confidence) else ({}, None)
    for key, facts in terms.items():
        facts |= dict(
            zip(
                ("share", "share_low", "share_high"),
                shares.get(key, (None, None, None)),
                strict=True,
            )
        )
    spread = _resampled_slopes(values, x, how)
    for key, facts in terms.items():
        if all(columns[i].ordered and straight[i].size for i in key):
            first = places[key][0]
            unit = math.prod(slopes[i] for i in key)
            low, high = (None, None)
            if spread is not None:
                ends = _two_way_ends(fitted.beta[first].mean(), spread[:, first], points, n, how)
                low, high = (float(end) * unit for end in ends)
            facts |= {
                "slope": float(fitted.beta[first].mean()) * unit,
                "slope_low": low,
                "slope_high": high,
            }
    explained = 1.0 - fitted.left / float(((y - y.mean()) ** 2).sum())
    every = [Term(key, **facts) for key, facts in terms.items()]
    return Fit(
        model,
        1 + x.shape[1],
        explained,
        fitted.predicted,
        every,
        fitted.told(how.confidence),
        missed,
    )


def _terms(column: Column) -> tuple[Array, Array, float]:
    """The straight term `[points, 1]`, the curved one `[points, 1]`, and what the straight one
    changes from end to end.

    They are orthonormal under the column's distribution, and empty where the points cannot show
    them. Of choices without an order the straight term is `[points, choices - 1]` contrasts, and
    the change is NaN.
    """
    u, drawn, support = column.position, np.unique(column.position).size, column.support()
    nothing = np.empty((u.size, 0))
    if drawn < 2:
        return nothing, nothing, float("nan")
    if support is None:
        # Legendre
        straight, curved = (
            np.sqrt(3.0) * (2.0 * u - 1.0),
            np.sqrt(5.0) * (6.0 * u**2 - 6.0 * u + 1.0),
        )
        return straight[:, None], curved[:, None] if drawn > 2 else nothing, 2.0 * np.sqrt(3.0)
    levels, weights = support
    root = np.sqrt(weights)[:, None]
    if not column.ordered:
        contrasts = (
            np.linalg.qr(
                root * np.column_stack([np.ones(levels.size), np.eye(levels.size)[:, 1:]])
            )[0][:, 1:]
            / root
        )
        return contrasts[np.searchsorted(levels, u)], nothing, float("nan")
    # Powers of positions, made orthonormal over the levels; the points are then read off the same
    # polynomials.
    degree = min(2, drawn - 1, levels.size - 1)
    r = np.linalg.qr(root * np.vander(levels, degree + 1, increasing=True))[1]
    r *= np.sign(np.diag(r))[:, None]
    made = np.linalg.solve(r.T, np.vander(u, degree + 1, increasing=True).T).T
    return made[:, 1:2], made[:, 2:], float(1.0 / r[1, 1])


def _places(
    straight: Sequence[Array], curved: Sequence[Array], products: dict[tuple[int, ...], Array]
) -> dict[tuple[int, ...], list[int]]:
    """Which columns of the model belong to a parameter or pair, its straight one first."""
    places: dict[tuple[int, ...], list[int]] = {}
    at = 0
    for key, block in [
        *(((i,), b) for i, b in enumerate(straight)),
        *(((i,), b) for i, b in enumerate(curved)),
        *products.items(),
    ]:
        places.setdefault(key, []).extend(range(at, at + block.shape[1]))
        at += block.shape[1]
    return places


@dataclass(frozen=True, eq=False)
class _Fitted:
    """Least squares, seed by seed.

    Attributes:
        beta: `[terms, seeds]`, without the constant.
        residual: `[points, seeds]`.
        solver: `[terms, points]`: what makes coefficients of points.
        inverse: `[terms]`, the diagonal of `(X'X)^-1`.
        leverage: `[points]`.
        spared: points minus coefficients.
        left: residual sum of squares of the points' means.
        explained: what the terms take off the sum of squares of the points' means.
        predicted: R^2 of points left out one at a time.
    """

    beta: Array
    residual: Array
    solver: Array
    inverse: Array
    leverage: Array
    spared: int
    left: float
    explained: float
    predicted: float

    def told(self, confidence: float) -> bool:
        """Whether the terms explain more than chance would.

        Two F tests have to say so. One takes the points' residuals for chance. The other takes for
        chance what seeds differ in, because a seed may have effects of its own in all points. Its
        degrees of freedom are Box's (1954). From fewer than `FEWEST` seeds there is the first
        alone.
        """
        from scipy.special import fdtri

        terms, n = self.beta.shape
        chance = fdtri(terms, self.spared, confidence) * self.left / self.spared
        if not self.explained / terms > chance:
            return False
        if n < FEWEST:
            return True
        mean, apart = self.beta.mean(axis=1), np.atleast_2d(np.cov(self.beta))
        apart = apart / float(mean @ mean)  # a ratio, so that small units do not round to 0
        trace = float(np.trace(apart))
        if trace <= ROUNDING**2:  # all seeds agree
            return True
        freedom = trace**2 / float((apart**2).sum())
        return bool(n / trace > fdtri(freedom, freedom * (n - 1.0), confidence))


def _least_squares(x: Array, values: Array) -> _Fitted:
    """Fit `x [points, terms]` and a constant to `values [points, seeds]`."""
    design = np.column_stack([np.ones(len(x)), x])
    inverse = np.linalg.inv(design.T @ design)
    solver = inverse @ design.T
    beta = solver @ values
    residual = values - design @ beta
    y, off = values.mean(axis=1), residual.mean(axis=1)
    left = float(off @ off)
    leverage = np.einsum("pi,ip->p", design, solver)
    apart = len(y) / (len(y) - 1.0) * (y - y.mean())  # from the mean of the others
    with np.errstate(divide="ignore", invalid="ignore"):
        predicted = 1.0 - float(((off / (1.0 - leverage)) ** 2).sum() / (apart @ apart))
    explained = float(((y - y.mean()) ** 2).sum()) - left
    spared = len(y) - design.shape[1]
    return _Fitted(
        beta[1:],
        residual,
        solver[1:],
        np.diag(inverse)[1:],
        leverage,
        spared,
        left,
        explained,
        predicted,
    )


ShareEnds = tuple[float | None, float | None, float | None]


def _shares(
    fitted: _Fitted, places: dict[tuple[int, ...], list[int]], how: Resampling
) -> tuple[dict[tuple[int, ...], ShareEnds], float | None]:
    """Share of each parameter or pair with its interval, and the share that the model misses.

    Terms are orthonormal over the box, so that the variance of a term is its coefficient's square.
    Squares have a chance of their own: products of two different seeds' coefficients have none of
    the runs', and what the drawn points add is `inverse` times the variance that the model misses.
    That variance is the mean product of two seeds' residuals. One seed cannot part it from chance:
    then all residuals are taken for chance, and shares are of the model.

    An interval covers the chance of runs, what seeds do in all points, and which points were drawn:
    variances of coefficients clustered by points (HC3, MacKinnon and White 1985) and by seeds
    (Cameron, Gelbach and Miller 2011). It is Student's on the scale `arcsin(sqrt(share))`, on which
    the width does not depend on the share, with the degrees of freedom of Satterthwaite.
    """
    from scipy.special import ndtri, stdtrit

    n, points = fitted.beta.shape[1], len(fitted.residual)
    beta, every = fitted.beta.mean(axis=1), fitted.left / fitted.spared
    if n > 1:
        own = fitted.residual.var(axis=1, ddof=1) / n
        miss = every - float(own.sum()) / fitted.spared
        squares = (fitted.beta.sum(axis=1) ** 2 - (fitted.beta**2).sum(axis=1)) / (
            n * (n - 1.0)
        ) - fitted.inverse * miss
    else:
        miss, squares = 0.0, beta**2 - fitted.inverse * every
    total = float(squares.sum()) + max(miss, 0.0)
    if total <= 0.0:
        return {}, None

    def spread(steep: Array, steep_of_miss: float) -> tuple[float, float]:
        """The variance of what changes so much with each coefficient: what points differ in, and
        what seeds add.
        """
        by_point = steep @ fitted.solver
        drawn = float(
            (by_point**2 * (fitted.residual.mean(axis=1) / (1.0 - fitted.leverage)) ** 2).sum()
        )
        if n > 1:
            drawn += steep_of_miss**2 * 2.0 * every**2 / fitted.spared
        if n < FEWEST:
            return drawn, 0.0
        common = float((steep @ fitted.beta).var(ddof=1)) / n - float(
            (by_point**2 * own / (1.0 - fitted.leverage)).sum()
        )
        return drawn, max(common, 0.0)

    raw = float((beta**2).sum()) + (every if n > 1 else 0.0)
    # No point has a coefficient to itself
    firm = points >= FEWEST_POINTS and fitted.leverage.max() < 1.0 - 1e-9
    # Parts of a whole that chance alone could have made are no shares.
    if firm and total <= float(ndtri((1.0 + how.confidence) / 2.0)) * np.sqrt(
        sum(spread(2.0 * beta, 1.0))
    ):
        return {}, None
    out: dict[tuple[int, ...], ShareEnds] = {}
    for key, mine in places.items():
        if not mine:  # it never varied
            continue
        share = float(squares[mine].sum()) / total
        out[key] = (share, None, None)
        if not firm:
            continue
        of = min(max(float((beta[mine] ** 2).sum()) / raw, 1e-300), 1.0 - 1e-16)
        steep = np.full(beta.size, -of)
        steep[mine] += 1.0
        steep *= beta / (raw * np.sqrt(of * (1.0 - of)))  # of the arc by each coefficient
        drawn, common = spread(steep, 0.5 * np.sqrt(of / (1.0 - of)) / raw)
        variance = drawn + common
        freedom = (
            variance**2 / (drawn**2 / fitted.spared + common**2 / (n - 1.0 if n > 1 else 1.0))
            if variance > 0.0
            else 1.0
        )
        reach = -float(stdtrit(freedom, (1.0 - how.confidence) / 2.0)) * np.sqrt(variance)
        at = float(np.arcsin(np.sqrt(min(max(share, 0.0), 1.0))))
        low, high = np.sin(max(at - reach, 0.0)) ** 2, np.sin(min(at + reach, np.pi / 2.0)) ** 2
        out[key] = (share, *_within(float(low) - ROUNDING, float(high) + ROUNDING))
    return out, max(miss, 0.0) / total if n > 1 else None


def _two_ways(values: Array, how: Resampling) -> list[tuple[Array, Array]]:
    """For each resample how often each point comes, and the points' means over resampled seeds."""
    points, n = values.shape
    rng = np.random.default_rng(RESAMPLING_SEED)
    out = []
    even = np.full(n, 1.0 / n)
    for _ in range(how.resamples):
        often = np.bincount(rng.integers(0, points, points), minlength=points).astype(np.float64)
        seeds = np.bincount(rng.integers(0, n, n), minlength=n) / n if n >= FEWEST else even
        out.append((often, values @ seeds))
    return out


def _two_way_ends(found: Array, resampled: Array, points: int, n: int, how: Resampling) -> Array:
    """ShareEnds of the intervals of resampled points and seeds, widened as for the fewer of them:
    `[2, ...]`.
    """
    tail = (1.0 - how.confidence) / 2.0
    ends = np.nanquantile(resampled, [tail, 1.0 - tail], axis=0)
    out: Array = found + widening(min(points, n) if n >= FEWEST else points, how.confidence) * (
        ends - found
    )
    return out


def _correlations(
    values: Array, columns: list[Column], how: Resampling
) -> dict[int, tuple[float, float | None, float | None]]:
    """Rank correlation of each ordered parameter with the points' means, and its interval."""
    wanted = [
        i for i, column in enumerate(columns) if column.ordered and np.ptp(column.position) > 0.0
    ]
    if not wanted:
        return {}
    x = np.column_stack([_ranks(columns[i].position) for i in wanted])
    here = _weighted_correlation(x, _ranks(values.mean(axis=1)), np.ones(len(x)))
    found = np.array(
        [_weighted_correlation(x, _ranks(means), often) for often, means in _two_ways(values, how)]
    )
    # Near its ends a correlation is skewed. Its angle is widened, which has ends where Fisher's
    # scale has none.
    centre, spread = (np.arcsin(np.clip(part, -1.0, 1.0)) for part in (here, found))
    # Where a resample leaves no variance, a correlation may be anything.
    lows, highs = (
        np.where(np.isnan(spread), worst, spread) for worst in (-np.pi / 2.0, np.pi / 2.0)
    )
    ends = [
        _two_way_ends(centre, part, values.shape[0], values.shape[1], how)[i]
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


def _weighted_correlation(x: Array, y: Array, weights: Array) -> Array:
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


def _resampled_slopes(values: Array, x: Array, how: Resampling) -> Array | None:
    """Coefficients of the model in each resample, `[resamples, columns]`; nothing where points are
    few.
    """
    if values.shape[0] < max(FEWEST_POINTS, POINTS_A_TERM * (1 + x.shape[1])):
        return None
    design = np.column_stack([np.ones(values.shape[0]), x])
    out = []
    for often, means in _two_ways(values, how):
        weighted = design * often[:, None]
        found, *_ = np.linalg.lstsq(weighted.T @ design, weighted.T @ means, rcond=None)
        out.append(found[1:])
    return np.array(out)
