"""False alarms and coverage of the statistics of sweeps, on artificial numbers.

No population is simulated. Numbers are drawn from known distributions. The first of four tables has
false alarms and power of the test of any effect. The others have other false alarms, shares of
designs, and shares of grids. `docs/sweeps.md` quotes them.

Run: python scripts/studies/sweep_statistics.py
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim.analysis.design_terms import Column
from evosim.analysis.intervals import difference, intervals
from evosim.analysis.resampling import Resampling
from evosim.analysis.response_surface import fit
from evosim.analysis.shuffle_test import any_effect
from evosim.analysis.variance_decomposition import decompose, interaction
from evosim.claims.experiments import build_packaged
from evosim.claims.study import Study

Array = NDArray[np.float64]
Rng = np.random.Generator
ALPHA, SEEDS = 0.05, (5, 6, 10, 20)
GRIDS = ((2,), (2, 2), (3, 2), (6,), (6, 6))
TESTS, POWER, INTERVALS, FITS, DESIGNS, SHARES = 600, 100, 4000, 200, 60, 300
KINDS, POINTS = ("random", "latin-hypercube", "sobol"), (16, 32, 64, 128)


def stream(*words: object) -> Rng:
    """The random generator of a row of a table."""
    return np.random.default_rng(list(repr(words).encode()))


def noise(kind: str, shape: tuple[int, ...], seeds: int, rng: Rng) -> Array:
    """Noise `[levels..., seeds]` with mean 0 and variance 1, and the effect of each seed.

    With `shared`, runs at the same level of the first factor share most noise, like runs that
    separate late.
    """
    common = rng.standard_normal(seeds)
    if kind == "normal":
        return common + rng.standard_normal((*shape, seeds))
    if kind == "skewed":  # lognormal: skewness 6
        return common + (rng.lognormal(size=(*shape, seeds)) - np.exp(0.5)) / np.sqrt(
            np.e * (np.e - 1.0)
        )
    part = rng.standard_normal((shape[0], *(1 for _ in shape[1:]), seeds))
    return common + np.sqrt(0.9) * part + np.sqrt(0.1) * rng.standard_normal((*shape, seeds))


def tests() -> Iterator[dict[str, Any]]:
    """False alarms and power of the test of any effect.

    Levels of the first factor go evenly from -1 to 1. The noise of a run has standard deviation 1.
    """
    resampling = Resampling()
    for grid, seeds, kind in itertools.product(GRIDS, SEEDS, ("normal", "skewed", "shared")):
        rng = stream("tests", grid, seeds, kind)
        effect = np.linspace(-1.0, 1.0, grid[0]).reshape(-1, *(1 for _ in grid))
        null = [any_effect(noise(kind, grid, seeds, rng), resampling) for _ in range(TESTS)]
        some = [
            any_effect(effect + noise(kind, grid, seeds, rng), resampling)[0] for _ in range(POWER)
        ]
        yield {
            "grid": " x ".join(map(str, grid)),
            "cells": int(np.prod(grid)),
            "seeds": seeds,
            "noise": kind,
            "false_alarms": float(np.mean([p <= ALPHA for p, _ in null])),
            "found": float(np.mean([p <= ALPHA for p in some])),
            "p_least": null[0][1],
            "samples": TESTS,
        }


def other_tests() -> Iterator[dict[str, Any]]:
    """False alarms of intervals that exclude 0, and of the F tests of the model of a design."""
    resampling = Resampling()
    for seeds, kind in itertools.product(SEEDS, ("normal", "skewed")):
        rng = stream("intervals", seeds, kind)
        four = np.stack([noise(kind, (2, 2), seeds, rng) for _ in range(INTERVALS)])
        extra = np.stack([interaction(values, 0, 1)[0, 0] for values in four])
        for what, values in (
            ("difference of two cells, paired", four[:, 1, 0] - four[:, 0, 0]),
            ("interaction of two levels", extra),
        ):
            low, high = intervals(values, resampling.resamples, 1.0 - ALPHA)
            yield {
                "what": what,
                "seeds": seeds,
                "noise": kind,
                "false_alarms": float(((low > 0.0) | (high < 0.0)).mean()),
                "samples": INTERVALS,
            }
        apart = [
            difference(a[0, 0], b[0, 0], resampling.resamples, 1.0 - ALPHA)
            for a, b in zip(four[::2], four[1::2], strict=True)
        ]
        missed = [ends is not None and (ends[0] > 0.0 or ends[1] < 0.0) for ends in apart]
        yield {
            "what": "difference of two runs, unpaired",
            "seeds": seeds,
            "noise": kind,
            "false_alarms": float(np.mean(missed)),
            "samples": len(missed),
        }
    for levels, seeds, kind in itertools.product((2, 6), SEEDS, ("normal", "skewed")):
        # The last level's runs spread 5 times as far around the same mean: no mean differs, but
        # chance does.
        rng, spread = stream("spreads", levels, seeds, kind), np.r_[np.ones(levels - 1), 5.0]
        alarms = [
            any_effect(spread[:, None] * noise(kind, (levels,), seeds, rng), resampling)[0] <= ALPHA
            for _ in range(TESTS)
        ]
        what = f"test of any effect, {levels} cells of one mean, one with 5 times the spread"
        yield {
            "what": what,
            "seeds": seeds,
            "noise": kind,
            "false_alarms": float(np.mean(alarms)),
            "samples": TESTS,
        }
    for seeds, kind in itertools.product((6, 20), ("normal", "skewed")):
        # Each seed has a slope of its own, and their mean is 0.
        rng, own = stream("own slopes", seeds, kind), []
        for _ in range(FITS):
            u = rng.random((32, 2))
            values = 0.3 * noise(kind, (32,), seeds, rng) + np.sqrt(3.0) * (
                u[:, :1] - 0.5
            ) * rng.standard_normal(seeds)
            own.append(
                bool(fit(values, [Column(u[:, 0]), Column(u[:, 1])], Resampling(10)).detected)
            )
        what = "model of a design (F tests), each seed with a slope of its own"
        yield {
            "what": what,
            "seeds": seeds,
            "noise": kind,
            "false_alarms": float(np.mean(own)),
            "samples": FITS,
        }
    for runs, chance in itertools.product((1, 6), (0.05, 0.3)):
        rng, ranks = stream("rare", runs, chance), []
        for _ in range(FITS):
            u, rare = rng.random(32), (rng.random((32, runs)) < chance).astype(np.float64)
            term = fit(rare, [Column(u)], Resampling(200)).terms[0]
            ranks.append(
                term.low is not None and term.high is not None and not term.low <= 0.0 <= term.high
            )
        what = f"rank correlation in a design, of what {chance:.0%} of runs have"
        yield {
            "what": what,
            "seeds": runs,
            "noise": "0 or 1",
            "false_alarms": float(np.mean(ranks)),
            "samples": FITS,
        }
    for seeds, kind in itertools.product((6, 20), ("normal", "skewed")):
        rng = stream("fits", seeds, kind)
        detected, slopes, ranks = [], [], []
        for _ in range(FITS):
            u = rng.random((32, 2))
            fitted = fit(
                noise(kind, (32,), seeds, rng), [Column(u[:, 0]), Column(u[:, 1])], Resampling(200)
            )
            term = fitted.terms[0]
            detected.append(bool(fitted.detected))
            slopes.append(not term.slope_low <= 0.0 <= term.slope_high)  # type: ignore[operator]
            ranks.append(not term.low <= 0.0 <= term.high)  # type: ignore[operator]
        named = (
            ("model of a design (F tests)", detected),
            ("slope in a design", slopes),
            ("rank correlation in a design", ranks),
        )
        for what, missed in named:
            yield {
                "what": what,
                "seeds": seeds,
                "noise": kind,
                "false_alarms": float(np.mean(missed)),
                "samples": FITS,
            }


# Functions of a box: number of parameters, and values at `[points, parameters]`.
FUNCTIONS: dict[str, tuple[int, Callable[[Array], Array]]] = {
    "sum": (2, lambda u: u[:, 0] + u[:, 1]),
    "all terms": (
        3,
        lambda u: (
            2.0 * u[:, 0] + 4.0 * (u[:, 1] - 0.5) ** 2 + 3.0 * (u[:, 0] - 0.5) * (u[:, 1] - 0.5)
        ),
    ),
    "beyond the model": (2, lambda u: np.sin(5.0 * u[:, 0]) + u[:, 1]),
}
# Standard deviations, where the function's over the box is 1. They are of a run, and of a seed's
# change in the effect of a parameter.
CHANCE = {"none": (0.0, 0.0), "little": (0.1, 0.0), "much": (0.5, 0.0), "seeds differ": (0.3, 0.5)}


def truth(
    parameters: int, function: Callable[[Array], Array]
) -> tuple[dict[tuple[int, ...], float], float]:
    """True shares of the linear and curved terms and of each product, and the variance.

    They are computed by quadrature over the box.
    """
    x, w = np.polynomial.legendre.leggauss(24)
    x, w = (x + 1.0) / 2.0, w / 2.0
    at = np.array(list(itertools.product(*[x] * parameters)))
    weight = np.prod(np.array(list(itertools.product(*[w] * parameters))), axis=1)
    y = function(at)
    variance = float(weight @ y**2 - (weight @ y) ** 2)
    straight, curved = (
        np.sqrt(3.0) * (2.0 * at - 1.0),
        np.sqrt(5.0) * (6.0 * at**2 - 6.0 * at + 1.0),
    )
    out: dict[tuple[int, ...], float] = {
        (i,): (
            (float(weight @ (y * straight[:, i])) ** 2 + float(weight @ (y * curved[:, i])) ** 2)
            / variance
        )
        for i in range(parameters)
    }
    for i, j in itertools.combinations(range(parameters), 2):
        out[i, j] = float(weight @ (y * straight[:, i] * straight[:, j])) ** 2 / variance
    return out, variance


def drawn(kind: str, points: int, parameters: int, rng: Rng) -> Array:
    """Points of the unit cube, as `evosim.sweeps.design` draws them."""
    from scipy.stats import qmc

    if kind == "random":
        return rng.random((points, parameters))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        filled: Array = (qmc.Sobol if kind == "sobol" else qmc.LatinHypercube)(
            parameters, rng=rng
        ).random(points)
    return filled


def design_shares() -> Iterator[dict[str, Any]]:
    """Errors of shares of designs, and coverage of their intervals.

    Shares of 0 are separate, because an end of the interval can reach them. There are six seeds,
    the same in all points, or one seed.
    """
    for (name, (parameters, function)), chance, seeds in itertools.product(
        FUNCTIONS.items(), CHANCE, (6, 1)
    ):
        if seeds == 1 and chance == "seeds differ":
            continue  # one seed's own truth is another one
        true, variance = truth(parameters, function)
        own, slopes = CHANCE[chance]
        for kind, points in itertools.product(KINDS, POINTS):
            rng = stream("designs", name, chance, seeds, kind, points)
            errors: list[float] = []
            held: list[bool] = []
            held_none: list[bool] = []
            refused = 0
            for _ in range(DESIGNS):
                u = drawn(kind, points, parameters, rng)
                effects = (
                    slopes
                    * np.sqrt(12.0)
                    * (u - 0.5)
                    @ rng.standard_normal((parameters, seeds))
                    / np.sqrt(parameters)
                )
                runs = (
                    rng.standard_normal(seeds)
                    + own * rng.standard_normal((points, seeds))
                    + effects
                )
                values = function(u)[:, None] + (
                    np.sqrt(variance) * runs if chance != "none" else np.zeros(seeds)
                )
                # Resamples are of slopes
                fitted = fit(values, [Column(u[:, i]) for i in range(parameters)], Resampling(10))
                # One seed has shares of the model's own variance.
                whole = sum(true[term.columns] for term in fitted.terms) if seeds == 1 else 1.0
                for term in fitted.terms:
                    if term.share is None or term.share_low is None or term.share_high is None:
                        refused += 1
                        continue
                    share = true[term.columns] / whole
                    errors.append(abs(term.share - share))
                    (held if share > 0.0005 else held_none).append(
                        term.share_low <= share <= term.share_high
                    )
            yield {
                "function": name,
                "chance": chance,
                "seeds": seeds,
                "kind": kind,
                "points": points,
                "mean_error": float(np.mean(errors)),
                "largest_error": float(np.max(errors)),
                "within_003": float(np.mean(np.array(errors) <= 0.03)),
                "held": float(np.mean(held)),
                "held_of_0": float(np.mean(held_none)) if held_none else None,
                "refused": refused,
                "shares": len(errors),
                "designs": DESIGNS,
            }


def grid_shares() -> Iterator[dict[str, Any]]:
    """Coverage of intervals of shares of a grid and of the variance between its cells."""
    a, b, c = np.linspace(-1.0, 1.0, 3)[:, None], np.array([-0.5, 0.5]), np.linspace(-1.0, 1.0, 4)
    grids = {
        "3 x 2, a sum": a + b,
        "3 x 2, with a pair": a + b + a * b,
        "4 x 4, a sum": c[:, None] + 0.5 * c,
        "2 alone": np.array([-0.5, 0.5]),
    }
    for (name, means), seeds, kind in itertools.product(grids.items(), SEEDS, ("normal", "skewed")):
        rng = stream("grids", name, seeds, kind)
        true = {
            (s.order, s.factors): s.share for s in decompose(means[..., None], Resampling(1)).shares
        }
        held: list[bool] = []
        held_none: list[bool] = []
        whole, detected = [], []
        for _ in range(SHARES):
            decomposition = decompose(
                means[..., None] + noise(kind, means.shape, seeds, rng), Resampling(500)
            )
            detected.append(bool(decomposition.detected))
            if decomposition.low is not None and decomposition.high is not None:
                whole.append(decomposition.low <= float(means.var()) <= decomposition.high)
            for s in decomposition.shares:
                if s.low is not None and s.high is not None and means.ndim > 1:
                    share = true[s.order, s.factors]
                    assert share is not None
                    (held if share > 1e-9 else held_none).append(s.low <= share <= s.high)
        yield {
            "grid": name,
            "seeds": seeds,
            "noise": kind,
            "told": float(np.mean(detected)),
            "held": float(np.mean(held)) if held else None,
            "held_of_0": float(np.mean(held_none)) if held_none else None,
            "held_variance": float(np.mean(whole)),
            "samples": SHARES,
        }


PARTS: dict[str, Callable[[], Iterator[dict[str, Any]]]] = {
    "any-effect": tests,
    "other-alarms": other_tests,
    "design-shares": design_shares,
    "grid-shares": grid_shares,
}


def table(name: str) -> pl.DataFrame:
    """One of the tables."""
    return pl.DataFrame(list(PARTS[name]()))


def main() -> None:
    """Make the tables, each in its own process."""
    study = Study("sweep-statistics", build_packaged("micro"))
    with ProcessPoolExecutor(len(PARTS)) as pool:
        study.store(dict(zip(PARTS, pool.map(table, PARTS), strict=True)))


if __name__ == "__main__":
    main()
