"""Coverage of the intervals of evosim, and of intervals that were not chosen.

Run: python scripts/studies/interval_coverage.py

Samples are drawn from distributions with a known mean. A nominal 95% interval should contain the
mean in 95% of the samples. Samples without an interval (all seeds agree) are left out and counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import polars as pl
from scipy import stats

from evosim.analysis.intervals import difference, draws, intervals
from evosim.analysis.resampling import Array, Resampling
from evosim.analysis.variance_decomposition import decompose
from evosim.claims.experiments import build_packaged
from evosim.claims.measurements import CONFIDENCE, RESAMPLES
from evosim.claims.study import Study

SEEDS = (5, 10, 20)
SAMPLES, OF_DIFFERENCES, OF_VARIANCES = 20_000, 2_000, 400
BLOCK = 2_000
TAIL = (1.0 - CONFIDENCE) / 2.0
Draw = Callable[[np.random.Generator, tuple[int, ...]], Array]
Pair = tuple[Array, Array]

SHAPES: dict[str, tuple[Draw, float]] = {
    "normal": (lambda rng, size: rng.standard_normal(size), 0.0),
    "uniform": (lambda rng, size: rng.random(size), 0.5),
    "exponential": (lambda rng, size: rng.standard_exponential(size), 1.0),
    "lognormal": (lambda rng, size: rng.lognormal(size=size), float(np.exp(0.5))),
    "normal, one seed in ten 4 higher": (
        lambda rng, size: np.add(rng.standard_normal(size), 4.0 * (rng.random(size) < 0.1)),
        0.4,
    ),
}
CHANCES = (0.5, 0.9, 0.95, 0.99)
A, B = np.array([-1.0, 0.0, 1.0]), np.array([-0.5, 0.5])


def percentile(x: Array, tail: float = TAIL) -> Pair:
    """The plain percentile bootstrap of means, with the resamples of evosim."""
    weights = draws(x.shape[1], RESAMPLES).T / x.shape[1]
    parts = [
        np.quantile(x[i : i + BLOCK] @ weights, [tail, 1.0 - tail], axis=1)
        for i in range(0, len(x), BLOCK)
    ]
    low, high = np.concatenate(parts, axis=1)
    return low, high


def expanded(x: Array) -> Pair:
    """The percentile bootstrap, read at quantiles further out (Hesterberg 2015)."""
    n = x.shape[1]
    student = stats.t.ppf(1.0 - TAIL, n - 1)
    return percentile(x, float(stats.norm.cdf(-np.sqrt(n / (n - 1.0)) * student)))


def student(x: Array) -> Pair:
    """Student's interval of a mean."""
    n, mean = x.shape[1], x.mean(axis=1)
    reach = stats.t.ppf(1.0 - TAIL, n - 1) * x.std(axis=1, ddof=1) / np.sqrt(n)
    return mean - reach, mean + reach


def ours(x: Array) -> Pair:
    """The interval of evosim."""
    return intervals(x, RESAMPLES, CONFIDENCE)


WAYS = {"evosim": ours, "student": student, "expanded": expanded, "percentile": percentile}


def held(ends: Pair, truth: float) -> float:
    """Of the samples with an interval, the share whose interval contains the true value."""
    low, high = ends
    there = ~np.isnan(low)
    return float(((low <= truth) & (truth <= high))[there].mean())


def of_means() -> Iterator[dict[str, Any]]:
    """One row per shape and number of seeds: coverage and mean width of each method."""
    for shape, (draw, truth) in SHAPES.items():
        for n in SEEDS:
            x = draw(np.random.default_rng([n, 1]), (SAMPLES, n))
            row: dict[str, Any] = {"shape": shape, "seeds": n, "samples": SAMPLES}
            for way, make in WAYS.items():
                low, high = make(x)
                row |= {way: held((low, high), truth), f"{way}_width": float((high - low).mean())}
            yield row


def of_differences() -> Iterator[dict[str, Any]]:
    """One row per shape and pair of seeds: coverage of paired and unpaired differences of 0."""
    for shape in ("normal", "exponential", "lognormal"):
        draw, _ = SHAPES[shape]
        for n, m in ((5, 5), (10, 10), (20, 20), (5, 20)):
            rng = np.random.default_rng([n, m, 2])
            x, y = (draw(rng, (OF_DIFFERENCES, size)) for size in (n, m))
            pairs = [difference(a, b, RESAMPLES, CONFIDENCE) for a, b in zip(x, y, strict=True)]
            apart = float(
                np.mean([pair is not None and pair[0] <= 0.0 <= pair[1] for pair in pairs])
            )
            row: dict[str, Any] = {"shape": shape, "seeds_base": n, "seeds_other": m}
            yield row | {
                "samples": OF_DIFFERENCES,
                "unpaired": apart,
                "paired": held(ours(y - x), 0.0) if n == m else None,
            }


def of_shares() -> Iterator[dict[str, Any]]:
    """One row per probability and number of seeds.

    Columns are a share, a mean of three shares, and a paired difference. The other two shares of
    the mean have a half and a tenth of the probability. The difference is to three tenths of it.
    `percentile` is a bootstrap of the share.
    """
    for chance in CHANCES:
        for n in SEEDS:
            u = np.random.default_rng([n, 3]).random((SAMPLES // 4, 3, n))
            x = (u < np.array([chance, 0.5 * chance, 0.1 * chance])[:, None]).astype(np.float64)
            y = (u[:, 0] < 0.3 * chance).astype(np.float64)
            one, mean = x[:, 0], x.mean(axis=1)
            share = intervals(one, RESAMPLES, CONFIDENCE, (0.0, 1.0))
            yield {
                "chance": chance,
                "seeds": n,
                "samples": len(u),
                "share": held(share, chance),
                "share_width": float((share[1] - share[0]).mean()),
                "mean_of_shares": held(
                    intervals(mean, RESAMPLES, CONFIDENCE, (0.0, 1.0)), chance * 1.6 / 3.0
                ),
                "paired_difference": held(
                    intervals(one - y, RESAMPLES, CONFIDENCE, (-1.0, 1.0)), 0.7 * chance
                ),
                "percentile": held(percentile(one), chance),
                "student": held(student(one), chance),
                "all_agree": float((np.ptp(one, axis=1) == 0.0).mean()),
            }


def of_variances() -> Iterator[dict[str, Any]]:
    """One row per size of the second factor and number of seeds: variance shares of a 3 x 2 grid.

    Seeds have a common normal part and one of their own in each cell, both with standard deviation
    1. Shares are computed, and counted, if any effect is significant.
    """
    resampling = Resampling(RESAMPLES, CONFIDENCE)
    for size in (0.0, 0.5, 1.0, 2.0):
        means = A[:, None] + size * B[None, :]
        parts = [float(A.var()), size**2 * float(B.var())]
        for n in SEEDS:
            rng = np.random.default_rng([n, 4])
            noise = rng.standard_normal((OF_VARIANCES, 1, 1, n)) + rng.standard_normal(
                (OF_VARIANCES, 3, 2, n)
            )
            decompositions = [decompose(means[..., None] + chance, resampling) for chance in noise]
            detected = [d for d in decompositions if d.detected]
            row: dict[str, Any] = {
                "size": size,
                "seeds": n,
                "samples": OF_VARIANCES,
                "told": len(detected),
            }
            for name, index, truth in (
                ("first", 0, parts[0]),
                ("second", 1, parts[1]),
                ("pair", 2, 0.0),
            ):
                ends = [(d.shares[index].low, d.shares[index].high) for d in detected]
                low, high = (np.array(end, dtype=np.float64) for end in zip(*ends, strict=True))
                share = truth / sum(parts)
                row |= {f"{name}_share": share, name: held((low, high), share)}
            yield row


def main() -> None:
    """Make the tables."""
    study = Study("coverage", build_packaged("micro"))
    makers = {
        "means": of_means,
        "differences": of_differences,
        "shares": of_shares,
        "variances": of_variances,
    }
    tables = {name: pl.DataFrame(list(make())) for name, make in makers.items()}
    study.store(tables, confidence=CONFIDENCE, resamples=RESAMPLES)


if __name__ == "__main__":
    main()
