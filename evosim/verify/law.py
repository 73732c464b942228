"""Laws, and comparisons of a measured number with its expectation.

There are three kinds of comparison:

* Identity: the numbers are equal up to rounding.
* Chance: the two-sided probability of a deviation at least as large, under the law, is at least
  `FALSE_ALARM`. Seeds are fixed, so a verdict does not change from day to day. With fresh seeds a
  single sound comparison fails once in 150,000 times, or less often.
* Approximation: a chance comparison with a stated bias of the theory, of order 1/N. The bias is
  subtracted from the deviation, and never added to the standard error. Such deviations are not
  pooled.

Each law names planted faults of `evosim.verify.engine` that it must detect. This shows that the
law can fail.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from evosim.verify.engine import Engine

FALSE_ALARM = 2.0 * float(stats.norm.sf(4.5))
SMALLEST = 1e-300  # lower bound of probabilities before a logarithm or a quantile


@dataclass(frozen=True)
class Check:
    """One comparison.

    Attributes
    ----------
    what : str
        The quantity, with its parameters.
    measured, expected : float
        The numbers.
    scale : float
        Standard error of a chance comparison, tolerance of an identity.
    chance : float or None
        Probability of the deviation under the law; None for an identity.
    z : float or None
        The deviation in standard errors, for pooling. None if the statistic is not one number.
    """

    what: str
    measured: float
    expected: float
    scale: float
    chance: float | None = None
    z: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the law holds in this comparison."""
        if self.chance is not None:
            return self.chance >= FALSE_ALARM
        return bool(abs(self.measured - self.expected) <= self.scale)


@dataclass(frozen=True)
class Law:
    """A law and its test.

    Attributes
    ----------
    name : str
        Name for the command.
    statement : str
        The law in one line.
    source : str
        Publication, or `derived`.
    faults : tuple of str
        Planted faults that the law detects.
    check : callable
        `check(engine, slow)` makes the comparisons. `slow` selects all replicates of the slow
        check.
    """

    name: str
    statement: str
    source: str
    faults: tuple[str, ...]
    check: Callable[[Engine, bool], list[Check]]


def identity(what: str, measured: float, expected: float, tolerance: float = 0.0) -> Check:
    """Compare two numbers within a tolerance; 0 means exactly equal."""
    return Check(what, float(measured), float(expected), tolerance)


def binomial(what: str, hits: int, n: int, p: float) -> Check:
    """Compare a count with `Binomial(n, p)`, by the exact test."""
    error = float(np.sqrt(n * p * (1.0 - p)))
    z = (hits - n * p) / error if error > 0.0 else None
    return Check(
        what, hits / n, p, error / n, float(stats.binomtest(int(hits), int(n), p).pvalue), z
    )


def counts(what: str, observed: ArrayLike, chances: ArrayLike) -> Check:
    """Compare counts with multinomial probabilities, without approximation or pooling of cells.

    Cells are ordered from the least to the most expected. Each count is compared with its binomial
    distribution given the counts before it. Under the law, the probability of a step falls below
    any level at most that often, for any previous counts. Two methods combine the steps. Fisher's
    method detects small deviations of many cells. Bonferroni's method (the smallest probability
    times their number) detects a large deviation of a single cell. The smaller result counts,
    doubled.

    So the false-alarm rate is at most `FALSE_ALARM` (6.8e-6), for any expected counts. The table is
    for 1,000 counts in three cells: the first has the stated expectation, the others are equal. All
    outcomes were enumerated:

    ======================  ======  ======  ======  ======  ======
    expected                0.1     1       5       10      50
    false alarms            2.2e-6  3.4e-6  4.1e-6  3.7e-6  4.7e-6
    false, by chi-square    4.7e-3  6.1e-4  8.0e-5  3.2e-5  1.1e-5
    ======================  ======  ======  ======  ======  ======

    Parameters
    ----------
    what : str
        The quantity.
    observed : array_like
        Counts of the cells.
    chances : array_like
        Probabilities of the cells, up to a factor. Cells of probability 0 must have no counts.

    Returns
    -------
    Check
        `measured` is Pearson's statistic, `expected` its degrees of freedom, and `scale` its
        standard deviation. They describe the deviation; `chance` does not depend on them.
    """
    seen = np.asarray(observed, dtype=np.int64).ravel()
    p = np.asarray(chances, dtype=np.float64).ravel()
    if (seen[p == 0.0] > 0).any():
        return Check(what, float(seen[p == 0.0].sum()), 0.0, 0.0, 0.0)
    seen, p = seen[p > 0.0], p[p > 0.0]
    if p.size < 2:  # there is only one possible outcome
        return Check(what, 0.0, 0.0, 0.0, 1.0)
    order = np.argsort(p, kind="stable")
    seen, p = seen[order], p[order]
    # Sums over this cell and all later ones
    left, rest = np.cumsum(seen[::-1])[::-1], np.cumsum(p[::-1])[::-1]
    steps = [
        float(stats.binomtest(int(seen[i]), int(left[i]), float(p[i] / rest[i])).pvalue)
        for i in range(p.size - 1)
        if left[i]
    ]
    e = p / p.sum() * seen.sum()
    statistic, freedom = float(((seen - e) ** 2 / e).sum()) if seen.sum() else 0.0, p.size - 1.0
    return Check(what, statistic, freedom, float(np.sqrt(2.0 * freedom)), _combined(steps))


def _combined(steps: list[float]) -> float:
    """Combine independent probabilities: the smaller of two combinations, doubled."""
    if len(steps) < 2:
        return steps[0] if steps else 1.0
    product = float(stats.chi2.sf(-2.0 * np.log(np.maximum(steps, SMALLEST)).sum(), 2 * len(steps)))
    return min(1.0, 2.0 * min(product, len(steps) * min(steps)))


def normal(what: str, measured: float, expected: float, error: float, bias: float = 0.0) -> Check:
    """Compare a number with its expectation, with a standard error from theory.

    Parameters
    ----------
    what : str
        The quantity.
    measured, expected : float
        The numbers.
    error : float
        The standard error of `measured`, by chance only.
    bias : float
        Bias of the theory: only the part of the deviation beyond it counts.

    Returns
    -------
    Check
        The comparison. With a bias it has no `z`, because the bias makes deviations smaller.
    """
    if error == 0.0:
        return identity(what, measured, expected, bias)
    z = _beyond(measured - expected, bias) / error
    chance = 2.0 * float(stats.norm.sf(abs(z)))
    return Check(
        what,
        float(measured),
        float(expected),
        float(error),
        chance,
        float(z) if bias == 0.0 else None,
    )


def _beyond(off: float, bias: float) -> float:
    """The part of a deviation that exceeds a bias."""
    return float(np.sign(off)) * max(abs(off) - bias, 0.0)


def mean_of(what: str, values: ArrayLike, expected: float, bias: float = 0.0) -> Check:
    """Compare the mean of independent replicates with its expectation, by Student's t.

    Only the part of the deviation beyond `bias` counts.
    """
    x = np.asarray(values, dtype=np.float64)
    error = float(x.std(ddof=1) / np.sqrt(x.size))
    if error == 0.0:
        return identity(what, float(x.mean()), expected, bias)
    t = _beyond(float(x.mean()) - expected, bias) / error
    chance = 2.0 * float(stats.t.sf(abs(t), x.size - 1))
    # A bias makes deviations smaller, so they are not pooled.
    z = float(np.sign(t) * stats.norm.isf(max(chance, SMALLEST) / 2.0)) if bias == 0.0 else None
    return Check(what, float(x.mean()), float(expected), error, chance, z)
