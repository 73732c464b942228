"""Tables and facts of the analysis of a sweep: their columns, and what `analysis.json` holds."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from typing import Self

import polars as pl

from evosim.analysis.intervals import FEWEST, KIND
from evosim.sweeps.factors import DESIGN, Factor
from evosim.sweeps.schema import TomlTable

EXTINCT = "extinct"
SHARES = (EXTINCT,)  # quantities that are 0 or 1 in each run
LOSSES = ("shift", "waste", "hack")
# By loss, the step of the ladder that is shown of sweeps that were run before losses were stored
STEPS_OF_LOSSES = {
    "losses.modern.shift": "ladder.modern.steps.shift",
    "losses.modern.waste": "ladder.modern.steps.search",
    "losses.modern.hack": "ladder.modern.steps.hack",
    "losses.ancestral.waste": "ladder.ancestral.steps.search",
    "losses.ancestral.hack": "ladder.ancestral.steps.hack",
}
HEADLINES = (
    *STEPS_OF_LOSSES,
    "ladder.modern.rungs.population",
    "ladder.modern.steps.specification",
    EXTINCT,
)


def headlines(known: Collection[str]) -> list[str]:
    """The main quantities among the known ones, the losses first."""
    have_losses = any(name in known for name in STEPS_OF_LOSSES)
    names = (name if have_losses else STEPS_OF_LOSSES.get(name, name) for name in HEADLINES)
    return [name for name in names if name in known]


Schema = dict[str, type[pl.DataType]]

S, F, N, B = pl.String, pl.Float64, pl.Int64, pl.Boolean
MEASURED: Schema = {"mean": F, "low": F, "high": F}
SAMPLED = (
    "correlation",
    "low",
    "high",
    "slope",
    "slope_low",
    "slope_high",
    "share",
    "share_low",
    "share_high",
)
SCHEMAS: dict[str, Schema] = {
    "quantities": {
        "quantity": S,
        "seeds": N,
        "seeds_left_out": N,
        "refused": S,
        "between": F,
        "low": F,
        "high": F,
        "chance": F,
        "told": B,
        "p": F,
        "p_least": F,
    },
    "effects": {"quantity": S, "factor": S, "number": N, "level": S, "value": F, **MEASURED},
    "contrasts": {
        "quantity": S,
        "factor": S,
        "level": S,
        "against": S,
        "difference": F,
        "low": F,
        "high": F,
    },
    "pairs": {
        "quantity": S,
        "factor": S,
        "with": S,
        "number": N,
        "with_number": N,
        "level": S,
        "with_level": S,
        **MEASURED,
        "interaction": F,
        "interaction_low": F,
        "interaction_high": F,
    },
    "shares": {
        "quantity": S,
        "order": S,
        "factor": S,
        "with": S,
        "variance": F,
        "share": F,
        "low": F,
        "high": F,
    },
    "sampled": {"quantity": S, "parameter": S, "with": S, **dict.fromkeys(SAMPLED, F)},
    "fits": {
        "quantity": S,
        "points": N,
        "points_left_out": N,
        "refused": S,
        "model": S,
        "coefficients": N,
        "explained": F,
        "predicted": F,
        "told": B,
        "missed": F,
    },
}
LEDGER: Schema = {
    "cell": S,
    "subject": S,
    "world": S,
    "kind": S,
    "act": S,
    "measured": N,
    **MEASURED,
}


@dataclass(frozen=True)
class QuantityRow:
    """A row of the table `quantities`; `docs/sweeps.md` describes its columns.

    Attributes
    ----------
    between, low, high : float or None
        Variance between cells and its interval.
    chance : float or None
        Variance between the seeds of a cell.
    told : bool or None
        Whether an effect was detected; None where it was not tested.
    p, p_least : float or None
        P-value of the test, and the smallest one that the number of seeds allows.
    """

    quantity: str
    seeds: int
    seeds_left_out: int
    refused: str | None = None
    between: float | None = None
    low: float | None = None
    high: float | None = None
    chance: float | None = None
    told: bool | None = None
    p: float | None = None
    p_least: float | None = None


@dataclass(frozen=True)
class FitRow:
    """A row of the table `fits`: how well a model of the design's parameters fits a quantity."""

    quantity: str
    points: int
    points_left_out: int
    refused: str | None = None
    model: str | None = None
    coefficients: int | None = None
    explained: float | None = None
    predicted: float | None = None
    told: bool | None = None
    missed: float | None = None


@dataclass(frozen=True)
class CellRow:
    """A row of the table `cells`, without the parameters of the cell.

    Attributes
    ----------
    measured : int
        Runs in which the quantity was measured.
    mean, low, high, sd : float or None
        Mean over these runs, its interval, and their standard deviation.
    complete, extinct, failed, missing : int
        Runs by how they ended.
    """

    cell: str
    quantity: str
    measured: int
    mean: float | None
    low: float | None
    high: float | None
    sd: float | None
    complete: int
    extinct: int
    failed: int
    missing: int

    @property
    def ended(self) -> int:
        """Runs that completed or died out."""
        return self.complete + self.extinct

    @property
    def planned(self) -> int:
        """All runs of the cell."""
        return self.ended + self.failed + self.missing


CELL_COLUMNS = tuple(CellRow.__dataclass_fields__)


def cell_rows(frame: pl.DataFrame) -> list[CellRow]:
    """The rows of the table `cells`."""
    return [CellRow(**row) for row in frame.select(CELL_COLUMNS).iter_rows(named=True)]


@dataclass(frozen=True)
class RunCounts:
    """Runs of a sweep, by how they ended."""

    planned: int
    complete: int
    extinct: int
    failed: int
    missing: int

    def unfinished(self) -> list[tuple[str, int]]:
        """Runs that died out, failed or are missing, in this order, where there are any."""
        counts = {"extinct": self.extinct, "failed": self.failed, "missing": self.missing}
        return [(word, count) for word, count in counts.items() if count]


@dataclass(frozen=True)
class FactorSummary:
    """A factor in `analysis.json`. The labels of a design's points are not kept."""

    name: str
    parameters: tuple[str, ...]
    labels: tuple[str, ...]
    count: int
    values: tuple[float, ...] | None

    @classmethod
    def from_factor(cls, factor: Factor) -> Self:
        """The summary of a factor."""
        count, design = len(factor.labels), factor.name == DESIGN
        labels, values = ((), None) if design else (factor.labels, factor.values)
        return cls(factor.name, factor.parameters, labels, count, values)

    @classmethod
    def from_dict(cls, data: TomlTable) -> Self:
        """The summary in a part of `analysis.json`."""
        levels, values = data["levels"], data["values"]
        design = isinstance(levels, int)
        return cls(
            data["name"],
            tuple(data["parameters"]),
            () if design else tuple(levels),
            levels if design else len(levels),
            None if values is None else tuple(values),
        )

    def as_dict(self) -> dict[str, object]:
        """The part of `analysis.json`."""
        return {
            "name": self.name,
            "parameters": self.parameters,
            "levels": self.count if self.name == DESIGN else self.labels,
            "values": self.values,
        }


@dataclass(frozen=True)
class AnalysisFacts:
    """Facts about the analysis: the content of `analysis.json`.

    Attributes
    ----------
    version : int
        Of the analysis; another version is computed again.
    sweep, content, sources : str
        Digests: of the sweep, of the collected runs, and of the code.
    manifest : str
        Name of the file that lists the collected tables.
    seeds : str
        `common` or `own`; see `schema.SweepFile`.
    intervals : str
        Kind of the intervals.
    kinds : dict[str, str]
        How each swept parameter is stored.
    tables : tuple[str, ...]
        Names of the tables.
    """

    version: int
    sweep: str
    name: str
    title: str
    content: str
    sources: str
    manifest: str
    cells: int
    replicates: int
    seeds: str
    runs: RunCounts
    resamples: int
    confidence: float
    factors: tuple[FactorSummary, ...]
    kinds: dict[str, str]
    tables: tuple[str, ...]
    intervals: str = KIND
    fewest_seeds: int = FEWEST

    @property
    def has_intervals(self) -> bool:
        """Whether there are enough seeds for intervals."""
        return self.replicates >= self.fewest_seeds

    @property
    def grid_factors(self) -> list[FactorSummary]:
        """The factors without the design."""
        return [factor for factor in self.factors if factor.name != DESIGN]

    @property
    def design_parameters(self) -> list[str]:
        """The parameters of the design, if there is one."""
        return [key for f in self.factors if f.name == DESIGN for key in f.parameters]

    @property
    def points(self) -> int:
        """The number of points of the design, or 0."""
        return sum(factor.count for factor in self.factors if factor.name == DESIGN)

    def as_dict(self) -> dict[str, object]:
        """The facts as plain data, in the order of `analysis.json`."""
        return {
            "version": self.version,
            "sweep": self.sweep,
            "name": self.name,
            "title": self.title,
            "content": self.content,
            "sources": self.sources,
            "manifest": self.manifest,
            "cells": self.cells,
            "replicates": self.replicates,
            "seeds": self.seeds,
            "runs": asdict(self.runs),
            "intervals": self.intervals,
            "resamples": self.resamples,
            "confidence": self.confidence,
            "fewest_seeds": self.fewest_seeds,
            "factors": [factor.as_dict() for factor in self.factors],
            "kinds": self.kinds,
            "tables": list(self.tables),
        }

    @classmethod
    def from_dict(cls, data: TomlTable) -> Self:
        """The facts in `analysis.json`.

        Raises
        ------
        KeyError, TypeError
            If something is missing or unknown.
        """
        factors = tuple(FactorSummary.from_dict(factor) for factor in data["factors"])
        typed = {"runs": RunCounts(**data["runs"]), "factors": factors}
        return cls(**data | typed | {"tables": tuple(data["tables"])})


@dataclass(frozen=True)
class Analysis:
    """The result of the analysis of a sweep.

    Attributes
    ----------
    facts : AnalysisFacts
        Facts about the analysis, as in `analysis.json`.
    tables : dict[str, polars.DataFrame]
        The tables by name: `cells`, `ledger` and those of `SCHEMAS`.
    """

    facts: AnalysisFacts
    tables: dict[str, pl.DataFrame] = field(default_factory=dict)

    def of(self, table: str, quantity: str) -> pl.DataFrame:
        """The rows of one quantity in a table."""
        return self.tables[table].filter(pl.col("quantity") == quantity)

    @property
    def has_desires(self) -> bool:
        """Whether genomes of this sweep have desires: whether they plan."""
        return bool(self.tables["cells"]["quantity"].str.starts_with("desires.").any())

    def quantity(self, name: str) -> QuantityRow | None:
        """The row of a quantity in `quantities`, if there is one."""
        rows = self.of("quantities", name)
        return None if rows.is_empty() else QuantityRow(**rows.row(0, named=True))

    def fits(self, name: str) -> list[FitRow]:
        """The rows of a quantity in `fits`: one if there is a design, else none."""
        return [FitRow(**row) for row in self.of("fits", name).iter_rows(named=True)]
