"""Effects: what swept parameters do to a quantity, from one number a cell and seed.

`values` is always an array whose last axis is the seeds; one row of it is one seed seen in every cell, so that whatever is computed
seed by seed is paired (common random numbers). Seeds are what is resampled: each brings all its cells with it.

A full grid is taken apart exactly, into a mean, an effect of each factor, of each pair, and the rest: the analysis of variance, or
Hoeffding-Sobol decomposition, with equal weight on each level (Sobol 1993; Saltelli et al. 2008, chapter 4). A component's variance is the mean over
levels of its square. Squares of means over seeds would be too large by chance, so squares are made of products of two different seeds:
these have the right expectation whatever seeds have in common, and still sum to the whole.

Points that fill a box are described by rank correlations, and by least squares on a straight and a curved term of each parameter and a
product of each pair (`fit`).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from evosim.analysis.intervals import FEWEST, RESAMPLING_SEED, ROUNDING, Ends, alike, draws, intervals, widening

Array = NDArray[np.float64]
FEWEST_POINTS = 10
CORRELATED = 1.0 - 1e-9  # the largest rank correlation that Fisher's scale takes
POINTS_A_TERM = 2


@dataclass(frozen=True)
class Resampling:
    """How intervals are made.

    Attributes:
        resamples: of seeds.
        confidence: nominal.
    """

    resamples: int = 2000
    confidence: float = 0.95

    def of(self, values: Array, within: Ends | None = None, *, exact: bool = False) -> tuple[Array, Array, Array]:
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
        order: `first`, `pair`, `higher` (all that is left), or `total` (all components with the factor; these overlap).
        factors: axes of the grid.
        variance: unbiased, so that it may come out below 0 where there is none; in squares of the quantity's unit.
        share: of the variance between cells; None where that cannot be told from 0.
        low, high: of the share, cut to 0 and 1; None from too few seeds, or where all agree by chance.
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
        between: variance between cells: what the swept parameters do in all.
        low, high: its interval; None from too few seeds, or where all agree by chance.
        chance: variance between the seeds of a cell, mean over cells; NaN from one seed.
        shares: of `between`. `first`, `pair` and `higher` sum to it.
        told: whether `between` can be told from 0, with false alarms as often as intervals miss; with few seeds, whether it is above 0.
    """

    between: float
    low: float | None
    high: float | None
    chance: float
    shares: list[Share] = field(default_factory=list)
    told: bool = False


def marginal(values: Array, keep: tuple[int, ...]) -> Array:
    """Means over all factors but some, seed by seed: `[levels of keep..., seeds]`."""
    others = tuple(axis for axis in range(values.ndim - 1) if axis not in keep)
    return values.mean(axis=others)


def interaction(values: Array, first: int, second: int) -> Array:
    """What a pair does beyond the sum of its two effects, seed by seed: `[levels of first, levels of second, seeds]`."""
    both = marginal(values, (first, second))
    alone = both.mean(axis=1, keepdims=True) + both.mean(axis=0, keepdims=True) - both.mean(axis=(0, 1), keepdims=True)
    return settled(both - alone, values)


def decompose(values: Array, how: Resampling, *, exact: bool = False) -> Decomposition:
    """The variance between cells `[levels of each factor..., seeds]`, by factor and pair.

    `exact`: no seed can change the quantity, so that an interval without width is right.
    """
    k, n = values.ndim - 1, values.shape[-1]
    chance = float(values.var(axis=-1, ddof=1).mean()) if n > 1 else float("nan")
    if np.ptp(values.mean(axis=-1)) <= ROUNDING * np.abs(values).max():
        none = 0.0 if exact and n >= FEWEST else None
        return Decomposition(0.0, none, none, chance)
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
    told = bool(scale > _by_chance(whole, how)) if n >= FEWEST else bool(scale > 0.0)
    shares = []
    for (order, factors), products in parts.items():
        variance = float(_over_pairs(products, once)[0])
        if not told:
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
    return Decomposition(float(scale), low, high, chance, shares, told)


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


def _by_chance(products: Array, how: Resampling) -> float:
    """What the mean over pairs stays below where there is nothing, as often as `confidence` says.

    Seeds are resampled after their mean was taken off, which makes it true that there is nothing (Arcones and Gine 1992).
    """
    n = products.shape[0]
    off = np.eye(n) - 1.0 / n
    centred = off @ products @ off
    weights = draws(n, how.resamples)
    pairs = np.einsum("bi,ij,bj->b", weights, centred, weights, optimize=True) - weights @ np.diag(centred)
    return float(np.quantile(pairs / (n * (n - 1.0)), how.confidence))


def _ends(
    found: float, lows: Array, highs: Array, n: int, confidence: float, *, exact: bool
) -> tuple[float | None, float | None]:
    """Widened percentile ends; nothing from too few seeds, or where all agree and nothing is exact."""
    if n < FEWEST:
        return None, None
    tail = (1.0 - confidence) / 2.0
    low, high = float(np.quantile(lows, tail, method="lower")), float(np.quantile(highs, 1.0 - tail, method="higher"))
    if np.isfinite([low, high]).all() and alike(np.array([low, high, found])):
        return (found, found) if exact else (None, None)
    factor = widening(n, confidence)
    return found + factor * (low - found), found + factor * (high - found)


def _within(low: float | None, high: float | None) -> tuple[float | None, float | None]:
    """An interval of a share: none is below 0 or above 1, whatever a few seeds say."""
    return (None, None) if low is None or high is None else (min(max(low, 0.0), 1.0), min(max(high, 0.0), 1.0))


def settled(differences: Array, values: Array) -> Array:
    """Differences of numbers, with 0 for those that are mere rounding of them."""
    out: Array = np.where(np.abs(differences) <= ROUNDING * np.abs(values).max(), 0.0, differences)
    return out


@dataclass(frozen=True, eq=False)
class Column:
    """A parameter of points that fill a box.

    Attributes:
        position: `[points]` in a unit interval by its scale (linear or logarithm); of choices without an order, their number.
        ordered: whether positions have an order.
    """

    position: Array
    ordered: bool = True


@dataclass(frozen=True)
class Term:
    """What a parameter, or a pair, does in a fitted model.

    Attributes:
        columns: which parameters.
        correlation, low, high: Spearman's rank correlation with the points' means, and its interval; of single ordered parameters. Chance
            in means over few seeds draws it towards 0.
        slope, slope_low, slope_high: change of the quantity from one end of the box to the other by the straight term. Of a pair: by
            how much that change is larger at the other's far end than at its near end.
        share: of the variance between points, by straight and curved terms, or by products; corrected for chance, so that it may
            come out below 0.
    """

    columns: tuple[int, ...]
    correlation: float | None = None
    low: float | None = None
    high: float | None = None
    slope: float | None = None
    slope_low: float | None = None
    slope_high: float | None = None
    share: float | None = None


@dataclass(frozen=True)
class Fit:
    """A model fitted to points.

    Attributes:
        model: `pairs` (straight, curved, products), `curved`, `straight`, or `none`: the largest that has at least two points a term.
        coefficients: how many, the mean among them.
        explained: R^2.
        predicted: the same for points left out one at a time, which overfitting does not raise.
        terms: of single parameters, then of pairs.
    """

    model: str
    coefficients: int
    explained: float | None
    predicted: float | None
    terms: list[Term]


def fit(values: Array, columns: list[Column], how: Resampling) -> Fit:
    """What parameters do to `values [points, seeds]`.

    Intervals resample points and seeds, each apart (the pigeonhole bootstrap, Owen 2007), because all points may have the seeds in common.
    From fewer than `FEWEST` seeds they resample points alone, and speak of these very seeds.
    """
    points, n = values.shape
    y = values.mean(axis=1)
    constant = np.ptp(y) <= ROUNDING * np.abs(y).max()
    singles = [(i,) for i in range(len(columns))]
    pairs: list[tuple[int, ...]] = list(itertools.combinations(range(len(columns)), 2))
    straight = [_straight(column) for column in columns]
    curved = [_curved(column) for column in columns]
    products = {key: _scaled(np.einsum("pa,pb->pab", straight[key[0]], straight[key[1]]).reshape(points, -1)) for key in pairs}
    models = {
        "pairs": [*straight, *curved, *products.values()],
        "curved": [*straight, *curved],
        "straight": straight,
    }
    model, x = "none", np.empty((points, 0))
    for name, blocks in models.items():
        tried = np.hstack(blocks)
        if not constant and points >= POINTS_A_TERM * (1 + tried.shape[1]) and np.linalg.matrix_rank(tried) == tried.shape[1]:
            model, x = name, tried
            break
    terms: dict[tuple[int, ...], dict[str, float | None]] = {key: {} for key in (*singles, *(pairs if model == "pairs" else ()))}
    correlated = _correlations(values, columns, how) if not constant and points >= FEWEST_POINTS else {}
    for i, found in correlated.items():
        terms[(i,)] |= dict(zip(("correlation", "low", "high"), found, strict=True))
    if model == "none":
        return Fit(model, 0, None, None, [Term(key, **facts) for key, facts in terms.items()])
    places = _places(straight, curved if model != "straight" else [], products if model == "pairs" else {})
    beta, covariance, left, predicted = _least_squares(x, y)
    variance = y.var(ddof=1)
    for key, facts in terms.items():
        mine = places[key]
        facts["share"] = float((beta[mine] ** 2 - np.diag(covariance)[mine]).sum() / variance)
    spread = _resampled_slopes(values, x, how)
    for key, facts in terms.items():
        if all(columns[i].ordered for i in key):
            first = places[key][0]
            unit = float(np.prod([np.ptp(straight[i]) / np.ptp(columns[i].position) for i in key]))
            if len(key) == 2:
                unit /= float(_scale_of(np.einsum("pa,pb->pab", straight[key[0]], straight[key[1]]).reshape(points, -1))[0])
            low, high = (None, None)
            if spread is not None:
                low, high = (float(end) * unit for end in _two_way_ends(beta[first], spread[:, first], points, n, how))
            facts |= {"slope": float(beta[first]) * unit, "slope_low": low, "slope_high": high}
    return Fit(model, 1 + x.shape[1], 1.0 - left / float(((y - y.mean()) ** 2).sum()), predicted, [Term(key, **facts) for key, facts in terms.items()])


def _straight(column: Column) -> Array:
    """Standardized columns `[points, 1]`; of choices, `[points, choices - 1]` that are standardized and uncorrelated."""
    if column.ordered:
        return _scaled(column.position[:, None])
    choices = np.unique(column.position)
    dummies = (column.position[:, None] == choices[None, 1:]).astype(np.float64)
    return _orthonormal(dummies)


def _curved(column: Column) -> Array:
    """The part of the square that is no straight line, standardized; nothing for fewer than three values."""
    if not column.ordered or np.unique(column.position).size < 3:
        return np.empty((column.position.size, 0))
    return _orthonormal(np.column_stack([column.position, column.position**2]))[:, 1:]


def _orthonormal(columns: Array) -> Array:
    q, r = np.linalg.qr(columns - columns.mean(axis=0))
    return q * np.sqrt(columns.shape[0]) * np.sign(np.diag(r))


def _scale_of(columns: Array) -> Array:
    return columns.std(axis=0)


def _scaled(columns: Array) -> Array:
    scale = _scale_of(columns)
    return (columns - columns.mean(axis=0)) / np.where(scale > 0.0, scale, 1.0)


def _places(straight: list[Array], curved: list[Array], products: dict[tuple[int, ...], Array]) -> dict[tuple[int, ...], list[int]]:
    """Which columns of the model belong to a parameter or pair, its straight one first."""
    places: dict[tuple[int, ...], list[int]] = {}
    at = 0
    for key, block in [*(((i,), b) for i, b in enumerate(straight)), *(((i,), b) for i, b in enumerate(curved)), *products.items()]:
        places.setdefault(key, []).extend(range(at, at + block.shape[1]))
        at += block.shape[1]
    return places


def _least_squares(x: Array, y: Array) -> tuple[Array, Array, float, float]:
    """Coefficients but for the mean, their covariance, the residual sum of squares, and R^2 of points left out one at a time."""
    design = np.column_stack([np.ones(len(y)), x])
    inverse = np.linalg.inv(design.T @ design)
    beta = inverse @ design.T @ y
    residual = y - design @ beta
    left = float(residual @ residual)
    leverage = np.einsum("pi,ij,pj->p", design, inverse, design)
    apart = len(y) / (len(y) - 1.0) * (y - y.mean())  # from the mean of the others
    with np.errstate(divide="ignore", invalid="ignore"):
        predicted = 1.0 - float(((residual / (1.0 - leverage)) ** 2).sum() / (apart @ apart))
    covariance = inverse * left / (len(y) - design.shape[1])
    return beta[1:], covariance[1:, 1:], left, predicted


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
    """Ends of the intervals of resampled points and seeds, widened as for the fewer of them: `[2, ...]`."""
    tail = (1.0 - how.confidence) / 2.0
    ends = np.nanquantile(resampled, [tail, 1.0 - tail], axis=0)
    out: Array = found + widening(min(points, n) if n >= FEWEST else points, how.confidence) * (ends - found)
    return out


def _correlations(values: Array, columns: list[Column], how: Resampling) -> dict[int, tuple[float, float | None, float | None]]:
    """Rank correlation of each ordered parameter with the points' means, and its interval."""
    wanted = [i for i, column in enumerate(columns) if column.ordered and np.ptp(column.position) > 0.0]
    if not wanted:
        return {}
    x = np.column_stack([_ranks(columns[i].position) for i in wanted])
    here = _weighted_correlation(x, _ranks(values.mean(axis=1)), np.ones(len(x)))
    found = np.array([_weighted_correlation(x, _ranks(means), often) for often, means in _two_ways(values, how)])
    # A correlation is near its ends skewed: it is widened on Fisher's scale, and stays below 1.
    centre, spread = (np.arctanh(np.clip(part, -CORRELATED, CORRELATED)) for part in (here, found))
    low, high = np.tanh(_two_way_ends(centre, spread, values.shape[0], values.shape[1], how))
    return {i: (float(here[j]), float(low[j]), float(high[j])) for j, i in enumerate(wanted)}


def _weighted_correlation(x: Array, y: Array, weights: Array) -> Array:
    """Pearson's, of each column of `x [points, columns]` with `y [points]`."""
    w = weights / weights.sum()
    dx, dy = x - w @ x, y - w @ y
    with np.errstate(divide="ignore", invalid="ignore"):
        out: Array = (w * dy) @ dx / np.sqrt((w @ dx**2) * (w @ dy**2))
    return out


def _ranks(values: Array) -> Array:
    """Ranks; those that are equal share theirs."""
    _, place, many = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(many)
    out: Array = (last - (many - 1) / 2.0)[place]
    return out


def _resampled_slopes(values: Array, x: Array, how: Resampling) -> Array | None:
    """Coefficients of the model in each resample, `[resamples, columns]`; nothing where points are few."""
    if values.shape[0] < max(FEWEST_POINTS, POINTS_A_TERM * (1 + x.shape[1])):
        return None
    design = np.column_stack([np.ones(values.shape[0]), x])
    out = []
    for often, means in _two_ways(values, how):
        weighted = design * often[:, None]
        found, *_ = np.linalg.lstsq(weighted.T @ design, weighted.T @ means, rcond=None)
        out.append(found[1:])
    return np.array(out)
