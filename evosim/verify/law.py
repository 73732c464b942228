"""A law: something population genetics says must come out, a number that came out, and how far
apart they may be.

Three kinds of comparison. *Identity*: equal to rounding. *Chance*: a two-sided probability of a
deviation at least as large, had the law held; it must not fall below `FALSE_ALARM`. Seeds are
fixed, so a verdict does not change from one day to the next; on fresh seeds a single sound
comparison fails once in 150,000 times, or less often. *Approximation*: a chance comparison to which
a stated bias of the theory (of order 1/N) is conceded first. The bias is taken off the deviation
and never added to the standard error; such deviations are not pooled.

A law that was never seen red is not a law: each names planted faults of `evosim.verify.engine` that
must turn it red.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from evosim.verify.engine import Engine

FALSE_ALARM = 2.0 * float(stats.norm.sf(4.5))
SMALLEST = 1e-300  # of probabilities of which a logarithm or a quantile is taken


@dataclass(frozen=True)
class Check:
    """One comparison.

    Attributes:
        what: what is compared, with its parameters.
        measured, expected: the numbers.
        scale: standard error of a chance comparison, tolerance of an identity.
        chance: probability of the deviation had the law held; nothing for an identity.
        z: the deviation in standard errors, for pooling; nothing where the statistic is not one
        number.
    """

    what: str
    measured: float
    expected: float
    scale: float
    chance: float | None = None
    z: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the law held."""
        if self.chance is not None:
            return self.chance >= FALSE_ALARM
        return bool(abs(self.measured - self.expected) <= self.scale)


@dataclass(frozen=True)
class Law:
    """A law and how it is tested.

    Attributes:
        name: what to ask for it by.
        says: the law in a line.
        source: where it comes from.
        faults: planted faults that turn it red.
        check: makes the comparisons; the flag says whether to take all the replicates of the slow
        gate.
    """

    name: str
    says: str
    source: str
    faults: tuple[str, ...]
    check: Callable[[Engine, bool], list[Check]]


def identity(what: str, measured: float, expected: float, tolerance: float = 0.0) -> Check:
    """Equal to within a tolerance; 0 is exactly equal."""
    return Check(what, float(measured), float(expected), tolerance)


def binomial(what: str, hits: int, n: int, p: float) -> Check:
    """A count against `Binomial(n, p)`, exactly."""
    error = float(np.sqrt(n * p * (1.0 - p)))
    z = (hits - n * p) / error if error > 0.0 else None
    return Check(
        what, hits / n, p, error / n, float(stats.binomtest(int(hits), int(n), p).pvalue), z
    )


def counts(what: str, observed: ArrayLike, chances: ArrayLike) -> Check:
    """Counts against multinomial chances, without an approximation and without pooling of cells.

    From the least expected cell to the most expected one, each count is compared with the binomial
    that holds given the counts before it. Under the law the probability of a step falls below any
    level at most that often, whatever came before. The steps are combined in two ways: by Fisher's
    method, which sees small deviations of many cells, and by Bonferroni's (the least of them times
    their number), which sees a large one of a single cell. The smaller result counts, doubled.

    The false-alarm rate is therefore at most `FALSE_ALARM` (6.8e-6), whatever the expected counts
    are. Of 1,000 counts in three cells, of which the first is expected as often as the table says
    and the others equally often, all outcomes were enumerated:

    ======================  ======  ======  ======  ======  ======
    expected                0.1     1       5       10      50
    false alarms            2.2e-6  3.4e-6  4.1e-6  3.7e-6  4.7e-6
    false, by chi-square    4.7e-3  6.1e-4  8.0e-5  3.2e-5  1.1e-5
    ======================  ======  ======  ======  ======  ======

    Parameters
    ----------
    what
        What is compared.
    observed
        Counts of the cells.
    chances
        Of the cells, up to a factor. What has the chance 0 must not come out.

    Returns
    -------
    The comparison. `measured` is Pearson's statistic, `expected` its degrees of freedom and `scale`
    the standard deviation of it: they describe the deviation. `chance` is not made of them.
    """
    seen, p = (
        np.asarray(observed, dtype=np.int64).ravel(),
        np.asarray(chances, dtype=np.float64).ravel(),
    )
    if (seen[p == 0.0] > 0).any():
        return Check(what, float(seen[p == 0.0].sum()), 0.0, 0.0, 0.0)
    seen, p = seen[p > 0.0], p[p > 0.0]
    if p.size < 2:  # one outcome alone was possible, and nothing else came out
        return Check(what, 0.0, 0.0, 0.0, 1.0)
    order = np.argsort(p, kind="stable")
    seen, p = seen[order], p[order]
    # Counts and chance from this cell on
    left, rest = (np.cumsum(seen[::-1])[::-1], np.cumsum(p[::-1])[::-1])
    steps = [
        float(stats.binomtest(int(seen[i]), int(left[i]), float(p[i] / rest[i])).pvalue)
        for i in range(p.size - 1)
        if left[i]
    ]
    e = p / p.sum() * seen.sum()
    statistic, freedom = float(((seen - e) ** 2 / e).sum()) if seen.sum() else 0.0, p.size - 1.0
    return Check(what, statistic, freedom, float(np.sqrt(2.0 * freedom)), _together(steps))


def _together(steps: list[float]) -> float:
    """One probability of several that are independent: the smaller of two combinations, doubled,
    for either may be red.
    """
    if len(steps) < 2:
        return steps[0] if steps else 1.0
    product = float(stats.chi2.sf(-2.0 * np.log(np.maximum(steps, SMALLEST)).sum(), 2 * len(steps)))
    return min(1.0, 2.0 * min(product, len(steps) * min(steps)))


def normal(what: str, measured: float, expected: float, error: float, bias: float = 0.0) -> Check:
    """A number against its expectation, with a standard error that theory gives.

    Parameters
    ----------
    what
        What is compared.
    measured, expected
        The numbers.
    error
        The standard error of `measured`, of chance alone.
    bias
        Conceded to the theory: the deviation counts only as far as it exceeds this.

    Returns
    -------
    The comparison. It has no `z` where a bias is conceded, because that makes deviations smaller
    than chance does.
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
    """What is left of a deviation once a bias is conceded."""
    return float(np.sign(off)) * max(abs(off) - bias, 0.0)


def mean_of(what: str, values: ArrayLike, expected: float, bias: float = 0.0) -> Check:
    """The mean of independent replicates against its expectation, by Student's t; `bias` is
    conceded to the theory.
    """
    x = np.asarray(values, dtype=np.float64)
    error = float(x.std(ddof=1) / np.sqrt(x.size))
    if error == 0.0:
        return identity(what, float(x.mean()), expected, bias)
    t = _beyond(float(x.mean()) - expected, bias) / error
    chance = 2.0 * float(stats.t.sf(abs(t), x.size - 1))
    # A conceded bias makes deviations smaller than chance does: they are not pooled.
    z = float(np.sign(t) * stats.norm.isf(max(chance, SMALLEST) / 2.0)) if bias == 0.0 else None
    return Check(what, float(x.mean()), float(expected), error, chance, z)
