"""Intervals over seeds: one kind for what has no known range, one for shares.

A *mean* gets the percentile bootstrap, with both ends moved away from it by `widening`. That factor
makes the interval of a normal sample as wide as Student's, and it keeps the bootstrap's skew. Plain
percentile intervals are too narrow: of five normal numbers a nominal 95% holds the mean in 84%.

A *share*, and any mean of numbers in a known range (`within`), gets Gaffke's interval. For numbers
that are 0 or 1 it is that of Clopper and Pearson. It also has a width where all seeds agree.

Some ranges are far wider than the spread of seeds, such as fitness between the worst and the best
life. There a mean keeps the bootstrap's interval, and both ends are cut to the range (`cut`).
Gaffke's interval is several times as wide there.

Seeds that agree give no interval of a mean without a known range. They show no spread, and that
does not make the mean exact. The caller marks the quantities that are exact by construction.

The resampling seed is fixed, so that the same numbers give the same interval. How often intervals
hold what they should: `scripts/studies/interval_coverage.py`, `results/coverage/`.

Sources: Hesterberg 2015 (why to widen), Clopper and Pearson 1934 (shares). For means of a known
range: Gaffke 2005, and Phan, Thomas and Learned-Miller 2021.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Ends = tuple[float, float]

FEWEST = 5
BLOCK = 4096  # Means at a time, so that memory does not grow with the number of cells.
ROUNDING = 1e-12  # Relative to the largest number; a smaller spread is none.
ORDINARY = 100  # Spreads within 2^-100 to 2^100 have fourth powers that a float can hold.
RESAMPLING_SEED = 20_190_605  # The day "Risks from learned optimization" was posted
KIND = "widened percentile bootstrap over seeds; of shares Clopper-Pearson, of their means Gaffke"


def intervals(
    values: ArrayLike, resamples: int, confidence: float, within: Ends | None = None
) -> tuple[Array, Array]:
    """Intervals of means over the last axis.

    All are of the same resamples, so that differences may be taken before or after.

    Parameters
    ----------
    values : array_like
        `[..., seeds]`, one number a seed.
    resamples : int
        Number of resamples of the seeds.
    confidence : float
        Nominal, such as 0.95.
    within : Ends or None
        The smallest and the largest value that a seed can have, if the quantity has a range. They
        are 0 and 1 for a share, -1 and 1 for a difference of two shares.

    Returns
    -------
    Two arrays `[...]` with the lower and the upper ends. NaN from fewer than `FEWEST` seeds, and
    where all seeds agree and no range is known.
    """
    x = np.asarray(values, dtype=np.float64)
    n = x.shape[-1]
    flat = x.reshape(int(np.prod(x.shape[:-1])), n)
    ends = np.full((2, flat.shape[0]), np.nan)
    if n >= FEWEST:
        if within is None:
            some = ~alike(flat)
            ends[:, some] = _bootstrapped(flat[some], resamples, confidence)
        else:
            ends = _in_range(flat, resamples, confidence, within)
    return ends[0].reshape(x.shape[:-1]), ends[1].reshape(x.shape[:-1])


def interval(
    values: ArrayLike, resamples: int, confidence: float, within: Ends | None = None
) -> tuple[float, float] | None:
    """Interval of the mean of one number a seed, as `intervals` gives it; None where it gives NaN.

    Parameters
    ----------
    values
        `[seeds]`.
    resamples, confidence, within
        As for `intervals`.

    Returns
    -------
    The lower and the upper end, or None.
    """
    low, high = (float(end) for end in intervals(values, resamples, confidence, within))
    return None if np.isnan(low) else (low, high)


def cut(ends: Ends, known: Ends | None) -> Ends:
    """Cut an interval to what is possible.

    The mean cannot lie in the part that is cut off, so coverage stays the same.

    Parameters
    ----------
    ends
        The lower and the upper end.
    known
        The least and the largest value that a seed can have. None: no range is known.

    Returns
    -------
    The ends, none of them beyond the range.
    """
    if known is None:
        return ends
    least, most = known
    return min(max(ends[0], least), most), max(min(ends[1], most), least)


def difference(
    base: ArrayLike, other: ArrayLike, resamples: int, confidence: float
) -> tuple[float, float] | None:
    """Interval of `mean(other) - mean(base)` of two independent samples.

    Both samples are resampled apart. The widening is that of two samples. Each mean's deviations
    widen by `sqrt(n / (n - 1))`. Their quantiles widen by Student's over the normal one, at Welch's
    degrees of freedom. Of paired samples use `intervals` of the differences.

    Parameters
    ----------
    base, other
        `[seeds]` each, one number a seed.
    resamples, confidence
        As for `intervals`.

    Returns
    -------
    The lower and the upper end. None if a sample has fewer than `FEWEST` seeds or a number that is
    not finite. Also if the seeds of both samples agree.
    """
    samples = [np.asarray(values, dtype=np.float64) for values in (base, other)]
    if min(x.size for x in samples) < FEWEST or not all(np.isfinite(x).all() for x in samples):
        return None
    unit = unit_of(np.concatenate(samples))
    samples = [x / unit for x in samples]
    errors = [0.0 if alike(x) else float(x.var(ddof=1)) / x.size for x in samples]
    if sum(errors) == 0.0:
        return None
    estimate = float(samples[1].mean() - samples[0].mean())
    spread = [
        (draws(x.size, resamples, stream) @ x / x.size - x.mean())
        * np.sqrt(x.size / (x.size - 1.0))
        for stream, x in enumerate(samples)
    ]
    parts = zip(errors, samples, strict=True)
    freedom = sum(errors) ** 2 / sum(error**2 / (x.size - 1.0) for error, x in parts)
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(spread[1] - spread[0], [tail, 1.0 - tail]) * _student_over_normal(
        freedom, confidence
    )
    return (estimate + float(low)) * unit, (estimate + float(high)) * unit


def level(confidence: float) -> str:
    """Write the level of intervals with all of its digits, as 95% or 99.9%.

    Parameters
    ----------
    confidence : float
        The share of intervals that hold the true mean.

    Returns
    -------
    str
        In percent.
    """
    return f"{100.0 * confidence:.10g}%"


def share(successes: int, n: int, confidence: float) -> tuple[float, float]:
    """Interval of a share of independent seeds (Clopper and Pearson 1934).

    Parameters
    ----------
    successes
        In how many seeds it happened.
    n
        Of how many.
    confidence
        It holds the share at least so often.

    Returns
    -------
    The lower and the upper end, between 0 and 1.
    """
    from scipy.special import betaincinv  # not scipy.stats, which takes long to import

    tail = (1.0 - confidence) / 2.0
    low = float(betaincinv(successes, n - successes + 1, tail)) if successes else 0.0
    high = float(betaincinv(successes + 1, n - successes, 1.0 - tail)) if successes < n else 1.0
    return low, high


def alike(values: ArrayLike) -> NDArray[np.bool_]:
    """Whether all seeds agree, but for rounding.

    Parameters
    ----------
    values
        `[..., seeds]`.

    Returns
    -------
    Booleans `[...]`.
    """
    x = np.asarray(values, dtype=np.float64)
    out: NDArray[np.bool_] = np.ptp(x, axis=-1) <= ROUNDING * np.abs(x).max(axis=-1)
    return out


def unit_of(values: ArrayLike) -> float:
    """A power of two by which very large or very small numbers are divided before they are squared.

    Squares of squares then stay within what a number can hold. Dividing by a power of two is exact.

    Parameters
    ----------
    values
        Finite numbers, of any shape.

    Returns
    -------
    1 unless the largest number is beyond 1e30 or below 1e-30.
    """
    power = int(np.frexp(np.abs(values).max())[1]) - 1
    return float(np.ldexp(1.0, power)) if abs(power) > ORDINARY else 1.0


def widening(n: float, confidence: float) -> float:
    """How much further from the mean the ends of a percentile bootstrap of `n` seeds belong.

    The spread of the bootstrap's means is `sqrt((n - 1) / n)` of the standard error. Its
    quantiles are those of the normal distribution. This makes them Student's (Hesterberg 2015).

    Parameters
    ----------
    n
        Seeds, at least 2.
    confidence
        Nominal.

    Returns
    -------
    A factor above 1.
    """
    return float(np.sqrt(n / (n - 1.0))) * _student_over_normal(n - 1.0, confidence)


def draws(n: int, resamples: int, stream: int = 0) -> Array:
    """How often each of `n` seeds is in each resample.

    Parameters
    ----------
    n
        Seeds.
    resamples
        How many.
    stream
        Which random numbers: others for a second sample.

    Returns
    -------
    `[resamples, n]`, read only; each row sums to `n`.
    """
    return _draws(n, resamples, stream)


@lru_cache(maxsize=16)
def _draws(n: int, resamples: int, stream: int) -> Array:
    chosen = np.random.default_rng(
        [RESAMPLING_SEED, stream] if stream else RESAMPLING_SEED
    ).integers(0, n, (resamples, n))
    out = np.zeros((resamples, n))
    np.add.at(out, (np.arange(resamples)[:, None], chosen), 1.0)
    out.flags.writeable = False
    return out


@lru_cache(maxsize=4)
def _even_weights(n: int, resamples: int) -> Array:
    """Weights that sum to 1, all such equally likely: `[resamples, n]` (Dirichlet)."""
    out = np.random.default_rng(RESAMPLING_SEED).standard_exponential((resamples, n))
    out /= out.sum(axis=1, keepdims=True)
    out.flags.writeable = False
    return out


def _student_over_normal(freedom: float, confidence: float) -> float:
    from scipy.special import ndtri, stdtrit

    tail = (1.0 - confidence) / 2.0
    return float(stdtrit(freedom, tail) / ndtri(tail))


def _bootstrapped(flat: Array, resamples: int, confidence: float) -> Array:
    """`[2, rows]`: widened percentile intervals of the means of rows."""
    n = flat.shape[1]
    tail, weights = (1.0 - confidence) / 2.0, _draws(n, resamples, 0).T / n
    ends = np.empty((2, flat.shape[0]))
    for first in range(0, flat.shape[0], BLOCK):
        part = slice(first, first + BLOCK)
        ends[:, part] = np.quantile(flat[part] @ weights, [tail, 1.0 - tail], axis=1)
    mean = flat.mean(axis=1)
    out: Array = mean + widening(n, confidence) * (ends - mean)
    return out


def _in_range(flat: Array, resamples: int, confidence: float, within: Ends) -> Array:
    """`[2, rows]`: Gaffke's intervals of the means of rows with all numbers in a range.

    The upper end is a quantile of weighted means of the numbers and of the range's upper end. The
    random weights sum to 1. The lower end is computed accordingly. If one of two different numbers
    is an end of the range, no draws are needed. A weight is then a beta variable.
    """
    least, most = within
    n, tail = flat.shape[1], (1.0 - confidence) / 2.0
    ends = np.empty((2, flat.shape[0]))
    same = alike(flat)
    both = ~same & ((flat == least) | (flat == most)).all(axis=1)
    unseen = 1.0 - tail ** (1.0 / n)  # weight of a value that none of n seeds has
    mean = flat[same].mean(axis=1)
    ends[:, same] = mean - unseen * (mean - least), mean + unseen * (most - mean)
    for i in np.flatnonzero(both):
        bounds = share(int((flat[i] == most).sum()), n, confidence)
        ends[:, i] = [least + (most - least) * end for end in bounds]
    rest = np.flatnonzero(~same & ~both)
    if rest.size:
        weights = _even_weights(n + 1, resamples)
        for first in range(0, rest.size, BLOCK):
            part = rest[first : first + BLOCK]
            inside = flat[part] @ weights[:, :n].T
            ends[0, part] = np.quantile(inside + least * weights[:, n], tail, axis=1)
            ends[1, part] = np.quantile(inside + most * weights[:, n], 1.0 - tail, axis=1)
    return ends


def percentile_interval(
    estimate: float, lows: Array, highs: Array, n: int, confidence: float, *, exact: bool
) -> tuple[float | None, float | None]:
    """Widened percentile interval of a statistic that was resampled.

    Parameters
    ----------
    estimate : float
        The statistic.
    lows, highs : array
        `[resamples]`: the least and largest value that each resample allows.
    n : int
        Number of seeds.
    confidence : float
        Level, such as 0.95.
    exact : bool
        Whether no seed can change the statistic.

    Returns
    -------
    tuple
        Both None from fewer than `FEWEST` seeds, or if all resamples agree on a statistic that is
        not exact.
    """
    if n < FEWEST:
        return None, None
    tail = (1.0 - confidence) / 2.0
    low, high = (
        float(np.quantile(lows, tail, method="lower")),
        float(np.quantile(highs, 1.0 - tail, method="higher")),
    )
    if np.isfinite([low, high]).all() and alike(np.array([low, high, estimate])):
        return (estimate, estimate) if exact else (None, None)
    factor = widening(n, confidence)
    return estimate + factor * (low - estimate), estimate + factor * (high - estimate)


def cut_to_unit(low: float | None, high: float | None) -> tuple[float | None, float | None]:
    """An interval of a share, cut to 0 and 1."""
    if low is None or high is None:
        return None, None
    return min(max(low, 0.0), 1.0), min(max(high, 0.0), 1.0)


def two_way_interval(
    estimate: Array, resampled: Array, points: int, n: int, confidence: float
) -> Array:
    """`[2, ...]`: widened percentile intervals over resampled points and seeds.

    The widening is that of the fewer of both; from fewer than `FEWEST` seeds, that of the points.
    """
    tail = (1.0 - confidence) / 2.0
    ends = np.nanquantile(resampled, [tail, 1.0 - tail], axis=0)
    factor = widening(min(points, n) if n >= FEWEST else points, confidence)
    out: Array = estimate + factor * (ends - estimate)
    return out
