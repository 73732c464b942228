"""Least squares, seed by seed, and the share of variance that each term explains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evosim.analysis.design_terms import Places
from evosim.analysis.intervals import FEWEST, ROUNDING, cut_to_unit
from evosim.analysis.resampling import Array, Resampling

FEWEST_POINTS = 10


@dataclass(frozen=True, eq=False)
class LeastSquares:
    """Least squares, seed by seed.

    Attributes
    ----------
    beta : Array
        `[terms, seeds]`, without the constant.
    residual : Array
        `[points, seeds]`.
    solver : Array
        `[terms, points]`: the matrix that turns points into coefficients.
    inverse : Array
        `[terms]`, the diagonal of `(X'X)^-1`.
    leverage : Array
        `[points]`.
    spared : int
        Points minus coefficients.
    left : float
        Residual sum of squares of the points' means.
    explained : float
        Sum of squares of the points' means that the terms explain.
    predicted : float
        R^2 of points left out one at a time.
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

    def detected(self, confidence: float) -> bool:
        """Whether the terms explain more than chance would.

        Two F tests have to say so. One takes the points' residuals for chance. The other takes the
        differences of seeds for chance, because a seed may have its own effects in all points. Its
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


def least_squares(x: Array, values: Array) -> LeastSquares:
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
    return LeastSquares(
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


@dataclass(frozen=True, eq=False)
class _Variances:
    """The variance over the box, by term and in all.

    Attributes
    ----------
    squares : Array
        `[terms]`: the variance of each term, corrected for chance.
    missed : float
        Variance that the model misses; 0 from one seed.
    total : float
        Of terms and of what the model misses.
    raw : float
        The same without corrections.
    of_means : Array
        `[points]`: variance of each point's mean by the chance of runs; 0 from one seed.
    residual : float
        Mean square of the residuals of the points' means.
    """

    squares: Array
    missed: float
    total: float
    raw: float
    of_means: Array
    residual: float


def _variances(fitted: LeastSquares) -> _Variances:
    n = fitted.beta.shape[1]
    beta, every = fitted.beta.mean(axis=1), fitted.left / fitted.spared
    if n > 1:
        own = fitted.residual.var(axis=1, ddof=1) / n
        missed = every - float(own.sum()) / fitted.spared
        squares = (fitted.beta.sum(axis=1) ** 2 - (fitted.beta**2).sum(axis=1)) / (
            n * (n - 1.0)
        ) - fitted.inverse * missed
    else:
        own = np.zeros(len(fitted.residual))
        missed, squares = 0.0, beta**2 - fitted.inverse * every
    return _Variances(
        squares=squares,
        missed=missed,
        total=float(squares.sum()) + max(missed, 0.0),
        raw=float((beta**2).sum()) + (every if n > 1 else 0.0),
        of_means=own,
        residual=every,
    )


def _variance_of(
    fitted: LeastSquares, variances: _Variances, slopes: Array, slope_of_missed: float
) -> tuple[float, float]:
    """The variance of a function of the coefficients, by its `slopes` `[terms]` in each.

    Returns what the drawn points differ in, and what seeds add.
    """
    n = fitted.beta.shape[1]
    by_point = slopes @ fitted.solver
    of_points = float(
        (by_point**2 * (fitted.residual.mean(axis=1) / (1.0 - fitted.leverage)) ** 2).sum()
    )
    if n > 1:
        of_points += slope_of_missed**2 * 2.0 * variances.residual**2 / fitted.spared
    if n < FEWEST:
        return of_points, 0.0
    of_seeds = float((slopes @ fitted.beta).var(ddof=1)) / n - float(
        (by_point**2 * variances.of_means / (1.0 - fitted.leverage)).sum()
    )
    return of_points, max(of_seeds, 0.0)


def term_shares(
    fitted: LeastSquares, places: Places, resampling: Resampling
) -> tuple[dict[tuple[int, ...], ShareEnds], float | None]:
    """Share of each parameter or pair with its interval, and the share that the model misses.

    Terms are orthonormal over the box, so that the variance of a term is its coefficient's square.
    Chance enlarges squares. Products of the coefficients of two different seeds remove the chance
    of the runs. The drawn points add `inverse` times the variance that the model misses, which is
    subtracted. That variance is the mean product of two seeds' residuals. One seed cannot separate
    it from chance. Then all residuals count as chance, and shares are of the model.

    An interval covers the chance of runs, effects of seeds in all points, and the draw of points.
    Variances of coefficients are clustered by points (HC3, MacKinnon and White 1985) and by seeds
    (Cameron, Gelbach and Miller 2011). The interval is Student's, with the degrees of freedom of
    Satterthwaite. Its scale is `arcsin(sqrt(share))`, where the width does not depend on the share.
    """
    from scipy.special import ndtri

    n, points = fitted.beta.shape[1], len(fitted.residual)
    variances = _variances(fitted)
    if variances.total <= 0.0:
        return {}, None
    # No point has a coefficient to itself
    firm = points >= FEWEST_POINTS and fitted.leverage.max() < 1.0 - 1e-9
    if firm:
        of_total = sum(_variance_of(fitted, variances, 2.0 * fitted.beta.mean(axis=1), 1.0))
        # Parts of a whole that chance alone could have made are no shares
        if variances.total <= float(ndtri((1.0 + resampling.confidence) / 2.0)) * np.sqrt(of_total):
            return {}, None
    out: dict[tuple[int, ...], ShareEnds] = {}
    for key, terms in places.items():
        if not terms:  # the parameter never varied
            continue
        share = float(variances.squares[terms].sum()) / variances.total
        ends = (
            _share_interval(fitted, variances, terms, share, resampling.confidence)
            if firm
            else (None, None)
        )
        out[key] = (share, *ends)
    return out, max(variances.missed, 0.0) / variances.total if n > 1 else None


def _share_interval(
    fitted: LeastSquares, variances: _Variances, terms: list[int], share: float, confidence: float
) -> tuple[float | None, float | None]:
    """Student's interval of a share on the scale `arcsin(sqrt(share))`, cut to 0 and 1."""
    from scipy.special import stdtrit

    n, beta = fitted.beta.shape[1], fitted.beta.mean(axis=1)
    of = min(max(float((beta[terms] ** 2).sum()) / variances.raw, 1e-300), 1.0 - 1e-16)
    slopes = np.full(beta.size, -of)
    slopes[terms] += 1.0
    slopes *= beta / (variances.raw * np.sqrt(of * (1.0 - of)))  # of the arc by each coefficient
    of_points, of_seeds = _variance_of(
        fitted, variances, slopes, 0.5 * np.sqrt(of / (1.0 - of)) / variances.raw
    )
    variance = of_points + of_seeds
    freedom = (
        variance**2 / (of_points**2 / fitted.spared + of_seeds**2 / (n - 1.0 if n > 1 else 1.0))
        if variance > 0.0
        else 1.0
    )
    reach = -float(stdtrit(freedom, (1.0 - confidence) / 2.0)) * np.sqrt(variance)
    at = float(np.arcsin(np.sqrt(min(max(share, 0.0), 1.0))))
    low, high = np.sin(max(at - reach, 0.0)) ** 2, np.sin(min(at + reach, np.pi / 2.0)) ** 2
    return cut_to_unit(float(low) - ROUNDING, float(high) + ROUNDING)
