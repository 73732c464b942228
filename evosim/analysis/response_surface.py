"""A model of a quantity over the points of a design: what each parameter and pair does.

Points that fill a box are described by rank correlations and by least squares. The model has a
straight and a curved term of each parameter and a product of each pair (`design_terms`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from evosim.analysis.design_terms import Column, Places, places_of, terms_of
from evosim.analysis.intervals import ROUNDING, two_way_interval, unit_of
from evosim.analysis.least_squares import FEWEST_POINTS, LeastSquares, least_squares, term_shares
from evosim.analysis.rank_correlation import correlations, two_ways
from evosim.analysis.resampling import Array, Resampling, finite

SAME_COLUMN = 1e-7  # of the largest singular value: columns that agree so far are one parameter
POINTS_A_TERM = 2


@dataclass(frozen=True)
class Term:
    """The effect of a parameter, or of a pair, in a fitted model.

    Attributes
    ----------
    columns : tuple of int
        The parameters.
    correlation, low, high : float or None
        Spearman's rank correlation with the points' means, and its interval; of single ordered
        parameters. Chance in means over few seeds draws it towards 0.
    slope, slope_low, slope_high : float or None
        Change of the quantity from one end of the box to the other by the straight term. Of a pair:
        that change at the other parameter's far end, minus that at its near end.
    share : float or None
        Of the variance over the box, where parameters are independent, by straight and curved
        terms, or by products. Corrected for chance, so chance can bring it below 0. None where
        chance alone could have made the terms' variance.
    share_low, share_high : float or None
        Its interval, cut to 0 and 1; None from fewer than `FEWEST_POINTS` points.
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

    Attributes
    ----------
    model : str
        `pairs` (straight, curved, products), `curved`, `straight`, or `none`: the largest that has
        at least two points per term.
    coefficients : int
        Number of coefficients, with the mean.
    explained : float or None
        R^2 of the points' means; chance and correlations of these points are part of it.
    predicted : float or None
        The same for points left out one at a time, which overfitting does not raise.
    terms : list of Term
        Of single parameters, then of pairs.
    detected : bool or None
        Whether the model explains more than chance would, by F tests. They test against the points'
        residuals and, from `FEWEST` seeds on, against differences of seeds. None without a model.
    missed : float or None
        Share of the variance over the box that the model misses; the terms' shares sum to the rest.
        None from one seed, which cannot separate it from chance: then shares are of the variance of
        the model.
    """

    model: str
    coefficients: int
    explained: float | None
    predicted: float | None
    terms: list[Term]
    detected: bool | None = None
    missed: float | None = None


def fit(values: Array, columns: list[Column], resampling: Resampling) -> Fit:
    """Effects of parameters on `values [points, seeds]`.

    Intervals resample points and seeds separately, because all points may have the seeds in common.
    This is the pigeonhole bootstrap (Owen 2007). From fewer than `FEWEST` seeds they resample
    points alone, and speak of these very seeds. Raises `ValueError` if a value is not finite.
    """
    unit = unit_of(finite(values))
    fitted = _fit(values / unit, columns, resampling)
    if unit == 1.0:
        return fitted

    def whole(slope: float | None) -> float | None:
        return None if slope is None else slope * unit

    terms = [
        replace(
            t, slope=whole(t.slope), slope_low=whole(t.slope_low), slope_high=whole(t.slope_high)
        )
        for t in fitted.terms
    ]
    return replace(fitted, terms=terms)


@dataclass(frozen=True, eq=False)
class _Model:
    """The largest model that the points allow.

    Attributes
    ----------
    name : str
        `pairs`, `curved`, `straight`, or `none`.
    design : Array
        `[points, terms]`, without the constant.
    keys : list of tuple
        Parameters, then pairs, that the model describes.
    places : Places
        By parameter or pair, its columns of `design`.
    directed : set of tuple
        Parameters and pairs that have a slope.
    slope_units : sequence of float
        By parameter, how much its straight term changes from end to end.
    """

    name: str
    design: Array
    keys: list[tuple[int, ...]]
    places: Places
    directed: set[tuple[int, ...]]
    slope_units: Sequence[float]


def _model(columns: list[Column], points: int, *, constant: bool) -> _Model:
    """The largest model that has at least two points a term."""
    pairs = list(itertools.combinations(range(len(columns)), 2))
    straight, curved, units = zip(*(terms_of(column) for column in columns), strict=True)
    products: dict[tuple[int, ...], Array] = {
        (i, j): np.einsum("pa,pb->pab", straight[i], straight[j]).reshape(points, -1)
        for i, j in pairs
    }
    models = {
        "pairs": [*straight, *curved, *products.values()],
        "curved": [*straight, *curved],
        "straight": [*straight],
    }
    name, design = "none", np.empty((points, 0))
    for tried, blocks in models.items():
        x = np.hstack(blocks)
        full = (
            np.linalg.matrix_rank(np.column_stack([np.ones(points), x]), rtol=SAME_COLUMN)
            == 1 + x.shape[1]
            > 1
        )
        if not constant and points >= POINTS_A_TERM * (1 + x.shape[1]) and full:
            name, design = tried, x
            break
    keys = [*((i,) for i in range(len(columns))), *(pairs if name == "pairs" else ())]
    return _Model(
        name=name,
        design=design,
        keys=keys,
        places=places_of(
            straight, curved if name != "straight" else (), products if name == "pairs" else {}
        ),
        directed={key for key in keys if all(columns[i].ordered and straight[i].size for i in key)},
        slope_units=units,
    )


def _fit(values: Array, columns: list[Column], resampling: Resampling) -> Fit:
    """`fit` of numbers that can be squared."""
    y = values.mean(axis=1)
    constant = bool(np.ptp(y) <= ROUNDING * np.abs(y).max())
    model = _model(columns, len(y), constant=constant)
    terms = {key: Term(key) for key in model.keys}
    if not constant and len(y) >= FEWEST_POINTS:
        for i, (correlation, low, high) in correlations(values, columns, resampling).items():
            terms[i,] = replace(terms[i,], correlation=correlation, low=low, high=high)
    if model.name == "none":
        return Fit(model.name, 0, None, None, list(terms.values()))
    fitted = least_squares(model.design, values)
    detected = fitted.detected(resampling.confidence)
    shares, missed = term_shares(fitted, model.places, resampling) if detected else ({}, None)
    for key, (share, low, high) in shares.items():
        terms[key] = replace(terms[key], share=share, share_low=low, share_high=high)
    for key, (slope, low, high) in _slopes(values, model, fitted, resampling).items():
        terms[key] = replace(terms[key], slope=slope, slope_low=low, slope_high=high)
    return Fit(
        model=model.name,
        coefficients=1 + model.design.shape[1],
        explained=1.0 - fitted.left / float(((y - y.mean()) ** 2).sum()),
        predicted=fitted.predicted,
        terms=list(terms.values()),
        detected=detected,
        missed=missed,
    )


def _slopes(
    values: Array, model: _Model, fitted: LeastSquares, resampling: Resampling
) -> dict[tuple[int, ...], tuple[float, float | None, float | None]]:
    """Slope of each parameter or pair that has a direction, with its interval."""
    resampled = resampled_slopes(values, model.design, resampling)
    points, n = values.shape
    slopes: dict[tuple[int, ...], tuple[float, float | None, float | None]] = {}
    for key in model.keys:
        if key not in model.directed:
            continue
        first, unit = model.places[key][0], math.prod(model.slope_units[i] for i in key)
        low, high = None, None
        if resampled is not None:
            ends = two_way_interval(
                fitted.beta[first].mean(), resampled[:, first], points, n, resampling.confidence
            )
            low, high = (float(end) * unit for end in ends)
        slopes[key] = (float(fitted.beta[first].mean()) * unit, low, high)
    return slopes


def resampled_slopes(values: Array, x: Array, resampling: Resampling) -> Array | None:
    """Coefficients of the model in each resample, `[resamples, columns]`; nothing where points are
    few.
    """
    if values.shape[0] < max(FEWEST_POINTS, POINTS_A_TERM * (1 + x.shape[1])):
        return None
    design = np.column_stack([np.ones(values.shape[0]), x])
    out = []
    for often, means in two_ways(values, resampling):
        weighted = design * often[:, None]
        solutions, *_ = np.linalg.lstsq(weighted.T @ design, weighted.T @ means, rcond=None)
        out.append(solutions[1:])
    return np.array(out)
