"""What a claim is: parts to be computed, what is measured of them, and how that is drawn and
judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim.analysis.intervals import FEWEST, Ends, alike, draws, interval, share, widening
from evosim.config.schema import Experiment, Prediction

RESAMPLES, CONFIDENCE = 2000, 0.95
Tables = Mapping[str, pl.DataFrame]


@dataclass(frozen=True)
class Part:
    """A piece of a claim's work, computed in a process of its own and kept as a file, so that an
    interrupted test goes on.

    Attributes:
        name: of the table it gives; letters, digits and hyphens.
        make: a function at the top of a module.
        arguments: of that function: plain values, or experiments. With the sources they name the
        file. cost: about how many seconds it takes at full size; dear parts are begun first.
    """

    name: str
    make: Callable[..., pl.DataFrame]
    arguments: tuple[Any, ...] = ()
    cost: float = 1.0


EXACT, SAMPLED, DRAWN, FOUND = "exact", "seeds", "those drawn", "best found"


@dataclass(frozen=True)
class Measured:
    """A measured quantity: its value, its 95% interval over seeds if it has one, its unit, how many
    seeds, and what it is of.

    Attributes:
        kind: `exact`: it belongs to worlds and grids that were enumerated, and no chance is in it.
        `seeds`: a mean or share over seeds.
            `those drawn`: a count or an extreme of what was drawn, such as the largest of all
            evolved populations; it is true of these, and others may go beyond it. `best found`: of
            genomes that a search with random starts found, and there may be better ones.
    """

    value: float
    low: float | None = None
    high: float | None = None
    unit: str = ""
    seeds: int = 0
    kind: str = ""

    def __post_init__(self) -> None:
        """Without a kind, it is of seeds if it has any, and exact otherwise."""
        if not self.kind:
            object.__setattr__(self, "kind", SAMPLED if self.seeds else EXACT)

    @property
    def exact(self) -> bool:
        """Whether no chance is in it."""
        return self.kind == EXACT


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
    tables: Callable[[Tables, Experiment], dict[str, pl.DataFrame]] = lambda tables, experiment: (
        dict(tables)
    )


def exactly(value: float, unit: str = "") -> Measured:
    """A quantity without chance in it: of worlds and grids that were enumerated."""
    return Measured(float(value), unit=unit)


def of_drawn(value: float, unit: str = "") -> Measured:
    """A count or an extreme of what was drawn: exact of these, and no estimate of what others would
    give.
    """
    return Measured(float(value), unit=unit, kind=DRAWN)


def best_found(value: float, unit: str = "", *, enumerated: bool = False) -> Measured:
    """A quantity of the best genomes that a search found; exact if the grid was enumerated."""
    return Measured(float(value), unit=unit, kind=EXACT if enumerated else FOUND)


def over_seeds(
    values: Iterable[float] | NDArray[np.float64], unit: str = "", within: Ends | None = None
) -> Measured:
    """The mean of one number a seed, with its 95% interval.

    `within` is the range that a seed's number can have, if it is known
    (`evosim.analysis.intervals`). There is no interval from fewer than five seeds, or where all
    seeds agree and no range is known.
    """
    x = np.array(list(values), dtype=np.float64)
    low, high = interval(x, RESAMPLES, CONFIDENCE, within) or (None, None)
    return Measured(float(x.mean()), low, high, unit, len(x))


def ratio_over_seeds(
    above: Iterable[float] | NDArray[np.float64],
    below: Iterable[float] | NDArray[np.float64],
    unit: str = "",
) -> Measured:
    """The ratio of two means over the same seeds, with its 95% interval: seeds are drawn again, and
    both means taken of those drawn.

    The percentile interval is widened as that of a mean is.
    """
    x, y = np.array(list(above), dtype=np.float64), np.array(list(below), dtype=np.float64)
    n, value = len(x), float(x.mean() / y.mean())
    if n < FEWEST:
        return Measured(value, unit=unit, seeds=n)
    weights, tail = draws(n, RESAMPLES) / n, (1.0 - CONFIDENCE) / 2.0
    ratios = (weights @ x) / (weights @ y)
    if alike(ratios):
        return Measured(value, unit=unit, seeds=n)
    low, high = value + widening(n, CONFIDENCE) * (np.quantile(ratios, [tail, 1.0 - tail]) - value)
    return Measured(value, float(low), float(high), unit, n)


def share_of(successes: int, n: int, unit: str = "") -> Measured:
    """A share of `n` seeds, with its exact 95% interval (Clopper and Pearson 1934)."""
    return Measured(successes / n, *share(successes, n, CONFIDENCE), unit, n)


COMES_OUT, NOT, OPEN = "comes out", "does not come out", "undecided"


def verdict(prediction: Prediction, measured: Measured) -> str:
    """Whether a prediction comes out: only if the whole interval says so; if it says neither yes
    nor no, it is undecided.

    A mean or share over seeds without an interval decides nothing: too few seeds, or seeds that
    agree. That it *equals* a value is asked of the whole interval too, which must lie within the
    tolerance. Quantities that are exact, of those drawn, or of the best found are judged by their
    value, and the verdict says no more than that value does.
    """
    if not np.isfinite(measured.value):
        return OPEN
    low, high = measured.low, measured.high
    if low is None or high is None:
        if measured.kind == SAMPLED:
            return OPEN
        low = high = measured.value
    least, most = {
        "above": (prediction.value, np.inf),
        "below": (-np.inf, prediction.value),
        "within": (prediction.low, prediction.high),
        "equals": (0.0, prediction.tolerance),
    }[prediction.says]
    assert least is not None
    assert most is not None
    if prediction.says == "equals":
        assert prediction.value is not None
        low, high = sorted((low - prediction.value, high - prediction.value))
        least = -most
    strict = prediction.says in ("above", "below")
    inside = (low > least and high < most) if strict else (low >= least and high <= most)
    outside = (high <= least or low >= most) if strict else (high < least or low > most)
    return COMES_OUT if inside else NOT if outside else OPEN


def overall(verdicts: Iterable[str]) -> str:
    """The verdict on a claim, from those of its predictions that can fail: it comes out if all do,
    and does not if any does not.

    Of no predictions at all it is undecided.
    """
    found = set(verdicts)
    return NOT if NOT in found else COMES_OUT if found == {COMES_OUT} else OPEN
