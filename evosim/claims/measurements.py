"""Measured quantities with their 95% intervals over seeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evosim.analysis.intervals import FEWEST, Ends, alike, draws, interval, share, widening

RESAMPLES, CONFIDENCE = 2000, 0.95
EXACT, SAMPLED, DRAWN, FOUND = "exact", "seeds", "those drawn", "best found"


@dataclass(frozen=True)
class Measurement:
    """A measured quantity.

    Attributes
    ----------
    value : float
        The estimate.
    low, high : float or None
        Ends of the 95% interval over seeds, if there is one.
    unit : str
        Unit of all three numbers.
    seeds : int
        Number of seeds; 0 if the quantity is not measured over seeds.
    kind : str
        `exact`: worlds and grids were enumerated, so there is no sampling error.
        `seeds`: a mean or share over seeds. This is the default if there are seeds.
        `those drawn`: a count or extreme of the sample, such as the largest of all populations.
        Other samples may exceed it.
        `best found`: about genomes that a search with random starts found. Better ones may exist.
    """

    value: float
    low: float | None = None
    high: float | None = None
    unit: str = ""
    seeds: int = 0
    kind: str = ""

    def __post_init__(self) -> None:
        """Derive the kind from the number of seeds if none is given."""
        if not self.kind:
            object.__setattr__(self, "kind", SAMPLED if self.seeds else EXACT)

    @property
    def exact(self) -> bool:
        """Whether the quantity has no sampling error."""
        return self.kind == EXACT

    @classmethod
    def from_columns(cls, row: Mapping[str, Any], name: str) -> Measurement:
        """Read the columns `name`, `name_low` and `name_high` of a row of a table."""
        return cls(row[name], row[f"{name}_low"], row[f"{name}_high"], kind=SAMPLED)

    def columns(self, name: str) -> dict[str, float | None]:
        """Columns of a table: `name`, `name_low` and `name_high`."""
        return {name: self.value, f"{name}_low": self.low, f"{name}_high": self.high}


def exactly(value: float, unit: str = "") -> Measurement:
    """A quantity of enumerated worlds and grids, without sampling error."""
    return Measurement(float(value), unit=unit)


def of_sample(value: float, unit: str = "") -> Measurement:
    """A count or an extreme of the sample. It estimates nothing about other samples."""
    return Measurement(float(value), unit=unit, kind=DRAWN)


def best_found(value: float, unit: str = "", *, enumerated: bool = False) -> Measurement:
    """A quantity of the best genomes that a search found; exact if the grid was enumerated."""
    return Measurement(float(value), unit=unit, kind=EXACT if enumerated else FOUND)


def mean_over_seeds(
    values: Iterable[float] | NDArray[np.float64], unit: str = "", within: Ends | None = None
) -> Measurement:
    """Mean over seeds with its 95% interval.

    Parameters
    ----------
    values : iterable of float
        One number per seed.
    unit : str
        Unit of the numbers.
    within : tuple of float, optional
        Least and largest possible value of one seed (see `evosim.analysis.intervals`).

    Returns
    -------
    Measurement
        Without an interval if there are fewer than five seeds, or if all seeds agree and `within`
        is not given.
    """
    x = np.array(list(values), dtype=np.float64)
    low, high = interval(x, RESAMPLES, CONFIDENCE, within) or (None, None)
    return Measurement(float(x.mean()), low, high, unit, len(x))


def ratio_over_seeds(
    numerators: Iterable[float] | NDArray[np.float64],
    denominators: Iterable[float] | NDArray[np.float64],
    unit: str = "",
) -> Measurement:
    """Ratio of two means over the same seeds, with its 95% interval.

    Each resample of seeds gives both means. The percentile interval is widened like that of a mean.
    """
    x = np.array(list(numerators), dtype=np.float64)
    y = np.array(list(denominators), dtype=np.float64)
    n, value = len(x), float(x.mean() / y.mean())
    if n < FEWEST:
        return Measurement(value, unit=unit, seeds=n)
    weights, tail = draws(n, RESAMPLES) / n, (1.0 - CONFIDENCE) / 2.0
    ratios = (weights @ x) / (weights @ y)
    if alike(ratios):
        return Measurement(value, unit=unit, seeds=n)
    low, high = value + widening(n, CONFIDENCE) * (np.quantile(ratios, [tail, 1.0 - tail]) - value)
    return Measurement(value, float(low), float(high), unit, n)


def share_of_seeds(successes: int, seeds: int, unit: str = "") -> Measurement:
    """Share of the seeds, with its exact 95% interval (Clopper and Pearson 1934)."""
    return Measurement(
        successes / seeds, *share(successes, seeds, CONFIDENCE), unit=unit, seeds=seeds
    )
