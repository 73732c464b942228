"""What a claim is: parts to be computed, what is measured of them, and how that is drawn and judged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim.analysis.intervals import FEWEST, draws, expanded_tail, intervals
from evosim.params import Experiment, Prediction

RESAMPLES, CONFIDENCE = 2000, 0.95
Tables = Mapping[str, pl.DataFrame]


@dataclass(frozen=True)
class Part:
    """A piece of a claim's work, computed in a process of its own and kept as a file, so that an interrupted test goes on.

    Attributes:
        name: of the table it gives; letters, digits and hyphens.
        make: a function at the top of a module.
        arguments: of that function: plain values, or experiments. With the sources they name the file.
        cost: about how many seconds it takes at full size; dear parts are begun first.
    """

    name: str
    make: Callable[..., pl.DataFrame]
    arguments: tuple[Any, ...] = ()
    cost: float = 1.0


@dataclass(frozen=True)
class Measured:
    """A measured quantity: its value, its 95% interval over seeds (none if it is exact), its unit, and how many seeds."""

    value: float
    low: float | None = None
    high: float | None = None
    unit: str = ""
    seeds: int = 0

    @property
    def exact(self) -> bool:
        """Whether no chance is in it."""
        return self.seeds == 0


@dataclass(frozen=True)
class Claim:
    """How a claim is tested. What is predicted stands in the experiment file of the same name.

    Attributes:
        parts: what is to be computed for the experiment, which has the settings of the chosen size.
        measure: quantities by name, of the tables of all parts.
        figures: charts by name, of the same tables.
        tables: what of the tables is worth keeping beside the verdict (by default the parts' own).
    """

    parts: Callable[[Experiment], list[Part]]
    measure: Callable[[Tables, Experiment], dict[str, Measured]]
    figures: Callable[[Tables, Experiment], dict[str, Any]]
    tables: Callable[[Tables, Experiment], dict[str, pl.DataFrame]] = lambda tables, experiment: dict(tables)


def exactly(value: float, unit: str = "") -> Measured:
    """A quantity without chance in it."""
    return Measured(float(value), unit=unit)


def over_seeds(values: Iterable[float] | NDArray[np.float64], unit: str = "") -> Measured:
    """The mean of one number a seed, with its 95% interval (expanded percentile bootstrap; none from fewer than five seeds)."""
    x = np.array(list(values), dtype=np.float64)
    if len(x) < FEWEST:
        return Measured(float(x.mean()), unit=unit, seeds=len(x))
    low, high = intervals(x, RESAMPLES, CONFIDENCE)
    return Measured(float(x.mean()), float(low), float(high), unit, len(x))


def ratio_over_seeds(above: Iterable[float] | NDArray[np.float64], below: Iterable[float] | NDArray[np.float64], unit: str = "") -> Measured:
    """The ratio of two means over the same seeds, with its 95% interval: seeds are drawn again, and both means taken of those drawn."""
    x, y = np.array(list(above), dtype=np.float64), np.array(list(below), dtype=np.float64)
    n, value = len(x), float(x.mean() / y.mean())
    if n < FEWEST:
        return Measured(value, unit=unit, seeds=n)
    weights, tail = draws(n, RESAMPLES) / n, expanded_tail(n, CONFIDENCE)
    low, high = np.quantile((weights @ x) / (weights @ y), [tail, 1.0 - tail])
    return Measured(value, float(low), float(high), unit, n)


def share_of(successes: int, n: int, unit: str = "") -> Measured:
    """A share of `n` seeds, with its exact 95% interval (Clopper and Pearson 1934)."""
    from scipy.special import betaincinv

    tail = (1.0 - CONFIDENCE) / 2.0
    low = float(betaincinv(successes, n - successes + 1, tail)) if successes else 0.0
    high = float(betaincinv(successes + 1, n - successes, 1.0 - tail)) if successes < n else 1.0
    return Measured(successes / n, low, high, unit, n)


COMES_OUT, NOT, OPEN = "comes out", "does not come out", "undecided"


def verdict(prediction: Prediction, measured: Measured) -> str:
    """Whether a prediction comes out: only if the whole interval says so; if it says neither yes nor no, it is undecided.

    A quantity with chance in it and too few seeds for an interval decides nothing.
    """
    if not np.isfinite(measured.value):
        return OPEN
    if prediction.says == "equals":
        return COMES_OUT if abs(measured.value - prediction.value) <= prediction.tolerance else NOT
    low, high = (measured.low, measured.high) if measured.low is not None and measured.high is not None else (measured.value,) * 2
    if not measured.exact and measured.low is None:
        return OPEN
    least, most = {
        "above": (prediction.value, np.inf),
        "below": (-np.inf, prediction.value),
        "within": (prediction.low, prediction.high),
    }[prediction.says]
    assert least is not None
    assert most is not None
    strict = prediction.says != "within"
    inside = (low > least and high < most) if strict else (low >= least and high <= most)
    outside = (high <= least or low >= most) if strict else (high < least or low > most)
    return COMES_OUT if inside else NOT if outside else OPEN


def overall(verdicts: Iterable[str]) -> str:
    """The verdict on a claim, from those of its predictions that can fail: it comes out if all do, and does not if any does not."""
    found = set(verdicts)
    return NOT if NOT in found else OPEN if OPEN in found else COMES_OUT
