"""A law: something population genetics says must come out, a number that came out, and how far apart they may be.

Three kinds of comparison. *Identity*: equal to rounding. *Chance*: a two-sided probability of a deviation at least as
large, had the law held; it must not fall below `FALSE_ALARM`. Seeds are fixed, so a verdict does not change from one
day to the next; on fresh seeds a single sound comparison fails once in 150,000 times. *Approximation*: a chance
comparison to which a stated bias of the theory (of order 1/N) is conceded first.

A law that was never seen red is not a law: each names planted faults of `evosim.verify.engine` that must turn it red.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from evosim.verify.engine import Engine

FALSE_ALARM = 2.0 * float(stats.norm.sf(4.5))


@dataclass(frozen=True)
class Check:
    """One comparison.

    Attributes:
        what: what is compared, with its parameters.
        measured, expected: the numbers.
        scale: standard error of a chance comparison, tolerance of an identity.
        chance: probability of the deviation had the law held; nothing for an identity.
        z: the deviation in standard errors, for pooling; nothing where the statistic is not one number.
    """

    what: str
    measured: float
    expected: float
    scale: float
    chance: float | None = None
    z: float | None = None

    @property
    def green(self) -> bool:
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
        check: makes the comparisons; the flag says whether to take all the replicates of the slow gate.
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
    return Check(what, hits / n, p, error / n, float(stats.binomtest(int(hits), int(n), p).pvalue), z)


def counts(what: str, observed: ArrayLike, chances: ArrayLike) -> Check:
    """Counts against multinomial chances, by chi-square; cells expected below 5 are pooled."""
    seen, p = np.asarray(observed, dtype=np.float64).ravel(), np.asarray(chances, dtype=np.float64).ravel()
    p = p / p.sum()
    if (seen[p == 0.0] > 0).any():
        return Check(what, float(seen[p == 0.0].sum()), 0.0, 0.0, 0.0)
    order = np.argsort(p)
    expected = p[order] * seen.sum()
    small = int(np.searchsorted(expected, 5.0))
    groups = np.maximum(np.arange(len(p)) - max(small - 1, 0), 0)
    o, e = np.bincount(groups, weights=seen[order]), np.bincount(groups, weights=expected)
    keep = e > 0.0
    if keep.sum() < 2:  # one outcome alone was possible, and nothing else came out
        return Check(what, 0.0, 0.0, 0.0, 1.0)
    result = stats.chisquare(o[keep], e[keep])
    return Check(what, float(result.statistic), float(keep.sum() - 1), float(np.sqrt(2.0 * (keep.sum() - 1))), float(result.pvalue))


def normal(what: str, measured: float, expected: float, error: float) -> Check:
    """A number against its expectation, with a standard error that theory gives."""
    if error == 0.0:
        return identity(what, measured, expected)
    z = (measured - expected) / error
    return Check(what, float(measured), float(expected), float(error), 2.0 * float(stats.norm.sf(abs(z))), float(z))


def mean_of(what: str, values: ArrayLike, expected: float, bias: float = 0.0) -> Check:
    """The mean of independent replicates against its expectation, by Student's t; `bias` is conceded to the theory."""
    x = np.asarray(values, dtype=np.float64)
    error = float(x.std(ddof=1) / np.sqrt(x.size))
    if error == 0.0:
        return identity(what, float(x.mean()), expected, bias)
    off = float(x.mean()) - expected
    t = np.sign(off) * max(abs(off) - bias, 0.0) / error
    chance = 2.0 * float(stats.t.sf(abs(t), x.size - 1))
    # A conceded bias makes deviations smaller than chance does: they are not pooled.
    z = float(np.sign(t) * stats.norm.isf(max(chance, 1e-300) / 2.0)) if bias == 0.0 else None
    return Check(what, float(x.mean()), float(expected), error, chance, z)
