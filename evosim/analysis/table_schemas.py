"""Columns of every table of a run, with types and possible values.

`docs/schema.md` explains them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import polars as pl
from pydantic import ConfigDict, Field

from evosim.config.resolve import Problem, build
from evosim.config.schema import Experiment
from evosim.genomes import Grid
from evosim.runtime.checksums import Damaged, Strictly

WHOLE, NUMBER, TEXT, YES_NO = "whole numbers", "numbers", "texts", "yes or no"
KEYS = {"seed": WHOLE, "generation": WHOLE}
TERMS = (
    "selection",
    "drift",
    "sampling",
    "segregation",
    "recombination",
    "drive",
    "mutation",
    "introduction",
    "change",
    "order_spread",
)
MEASURES = ("ancestral", "ancestral_intent", "modern", "modern_intent")
MEANS = tuple(
    f"{world}_{what}" for world in ("ancestral", "modern") for what in ("mean", "sd", "max")
)

COLUMNS: dict[str, dict[str, str]] = {
    "generations": (
        KEYS
        | {
            "world": TEXT,
            "size": WHOLE,
            **dict.fromkeys(MEANS, NUMBER),
            "modern_intent_mean": NUMBER,
            "classes": WHOLE,
        }
    ),
    "loci": KEYS | {"locus": TEXT, "mean": NUMBER, "sd": NUMBER},
    "alleles": (
        KEYS | {"locus": TEXT, "allele": TEXT, "frequency": NUMBER, "adult_frequency": NUMBER}
    ),
    "populations": (
        KEYS
        | {
            "moment": TEXT,
            "class": WHOLE,
            "kept": NUMBER,
            "class_wild": WHOLE,
            "kept_wild": NUMBER,
            "count": WHOLE,
        }
    ),
    "search": KEYS | {"selecting": TEXT, "trait": TEXT, **dict.fromkeys(TERMS, NUMBER)},
    "landscape": {
        "class": WHOLE,
        **dict.fromkeys(MEASURES, NUMBER),
        "ancestral_policy": WHOLE,
        "modern_policy": WHOLE,
        "breeds_true": YES_NO,
    },
}
SPARE = 1000  # times the population: an optimizer may show more newborns than it keeps
MAY_BE_NULL = {"search": ("sampling", "drive")}
WORLDS = ("ancestral", "modern")
VALUES = {"world": WORLDS, "selecting": WORLDS, "moment": ("first", "swap", "end", "snapshot")}
TYPES: dict[str, tuple[Any, ...]] = {
    WHOLE: (pl.Int64, pl.Int32),
    NUMBER: (pl.Float64,),
    TEXT: (pl.String,),
    YES_NO: (pl.Boolean,),
}


class Ending(Strictly):
    """How a replicate ended."""

    status: Literal["complete", "extinct"]
    generations: int = Field(ge=0)


Endings = dict[str, Ending]


class OfLandscape(Strictly):
    """The facts of a provenance about the genomes that were scored."""

    model_config = ConfigDict(extra="allow")
    digest: str
    exact: bool
    grid: int = Field(ge=1)


class Provenance(Strictly):
    """The facts of a provenance that are read again; those that every run has have no default."""

    model_config = ConfigDict(extra="allow")
    experiment: str
    digest: str
    evosim: str
    setting: str = ""
    sources: str = ""
    sources_of: dict[str, str] = Field(default={})
    commit: str | None = None
    command: list[str] = Field(default=[])
    finished: str = ""
    python: str = ""
    platform: str = ""
    packages: dict[str, str] = Field(default={})
    peak_memory_mib: float = 0.0
    seconds: dict[str, float] = Field(default={})
    interruptions: list[dict[str, object]] = Field(default=[])
    runs: Endings = Field(default={})
    controls: dict[str, Endings] = Field(default={})
    landscape: OfLandscape | None = None
    sums: str = ""


@dataclass(frozen=True)
class Shape:
    """Schemas and limits of the tables of an experiment's replicates.

    Attributes
    ----------
    experiment : Experiment
        The experiment.
    endings : Mapping
        By seed, how each replicate ended.
    """

    experiment: Experiment
    endings: Mapping[str, Ending]

    @cached_property
    def _setting(self) -> Problem:
        return build(self.experiment)

    @property
    def grid(self) -> Grid:
        """The grid of genomes."""
        grid: Grid = self._setting.genome.grid
        return grid

    @cached_property
    def _copies(self) -> list[str]:
        loci, alleles = self.grid.loci, self.grid.drive.alleles
        return [
            f"copies:{loci[locus].name}:{loci[locus].params.alleles[allele]}"
            for locus, allele in alleles
        ]

    @cached_property
    def _loci(self) -> list[str]:
        return [locus.name for locus in self.grid.loci if not locus.silent]

    def most_rows(self, name: str) -> int:
        """Count the rows that a table may have.

        Parameters
        ----------
        name : str
            A table of `COLUMNS`.

        Returns
        -------
        int
            The most that the experiment allows. It bounds memory, and is not met as a rule.
        """
        generations = len(self.experiment.seeds) * self.experiment.generations
        alleles = sum(len(locus.params.alleles) for locus in self.grid.loci)
        born = self.grid.size * (2 * self.grid.ploidy + 2) ** len(self._copies)  # kinds of newborns
        if isinstance(population := self.experiment.optimizer.get("population"), int):
            born = min(born, SPARE * population)
        of = {
            "generations": 1,
            "loci": len(self.grid.loci),
            "alleles": alleles,
            "search": len(self.grid.loci) + alleles + 2,
        }
        if name in of:
            return generations * of[name]
        return (
            self.grid.size
            if name == "landscape"
            else len(self.experiment.seeds) * (3 + len(self.experiment.snapshots)) * born
        )

    def check(self, name: str, table: pl.DataFrame) -> None:
        """Compare a table with what it can be.

        Parameters
        ----------
        name : str
            A table of `COLUMNS`.
        table : pl.DataFrame
            The table.

        Raises
        ------
        Damaged
            If it has other columns, types or nulls, numbers of rows that do not fit, or values that
            cannot be.
        """
        kinds = self._columns(name, table)
        for column, kind in kinds.items():
            if table.schema[column] not in TYPES[kind]:
                raise Damaged(
                    f"has the column '{column}' of type {table.schema[column]}, which must hold"
                    f" {kind}"
                )
            if table[column].null_count() and column not in MAY_BE_NULL.get(name, ()):
                raise Damaged(
                    f"has nothing in {table[column].null_count():,} rows of the column '{column}'"
                )
        self._check_values(name, table)
        self._check_rows(name, table)

    def _columns(self, name: str, table: pl.DataFrame) -> dict[str, str]:
        """The columns of a table, and what they hold. Raises `Damaged` if it has others."""
        kinds = dict(COLUMNS[name])
        if name == "populations":
            kinds |= dict.fromkeys(self._copies, WHOLE) | {
                f"locus:{locus}": NUMBER for locus in self._loci
            }
        if name == "landscape":
            kinds |= {f"locus:{locus.name}": NUMBER for locus in self.grid.loci}
            if not self.experiment.selection.plain:
                kinds |= {
                    f"case:{case}": NUMBER for case in self._setting.pair.ancestral.case_names
                }
        for column in kinds:
            if column not in table.columns:
                raise Damaged(f"lacks the column '{column}'")
        for column in table.columns:
            if column not in kinds:
                raise Damaged(f"has a column '{column}', which such a table does not have")
        return kinds

    def _check_values(self, name: str, table: pl.DataFrame) -> None:
        for column, allowed in VALUES.items():
            if column in COLUMNS[name]:
                self._check_all(table, column, table[column].is_in(allowed))
        if "seed" in COLUMNS[name]:
            self._check_all(
                table, "seed", table["seed"].is_in([int(seed) for seed in self.endings])
            )
            self._check_all(
                table,
                "generation",
                table["generation"].is_between(0, self.experiment.generations - 1),
            )
        for column in ("class", "class_wild"):
            if column in COLUMNS[name]:
                self._check_all(table, column, table[column].is_between(0, self.grid.size - 1))
        for column in ("count", "size", "classes"):
            if column in COLUMNS[name]:
                self._check_all(table, column, table[column] >= 1)
        if name == "landscape":
            for column in MEASURES:
                self._check_all(table, column, table[column].is_finite())
            self._check_all(table, "class", table["class"].is_unique())

    @staticmethod
    def _check_all(table: pl.DataFrame, column: str, right: pl.Series) -> None:
        if not right.all():
            raise Damaged(
                f"has {table[column].filter(~right)[0]} in the column '{column}', which cannot be"
            )

    def _check_rows(self, name: str, table: pl.DataFrame) -> None:
        """Raise `Damaged` where a replicate has more or fewer rows than generations."""
        per = {
            "generations": 1,
            "loci": len(self._loci),
            "alleles": sum(len(locus.params.alleles) for locus in self.grid.loci),
        }.get(name)
        if "seed" not in COLUMNS[name]:
            return
        rows_by_seed = dict(table.group_by("seed", maintain_order=True).len().iter_rows())
        for seed, ending in self.endings.items():
            rows = rows_by_seed.get(int(seed), 0)
            if per is not None and rows != per * ending.generations:
                raise Damaged(
                    f"has {rows:,} rows of seed {seed}, and not {per * ending.generations:,}"
                )
            if name == "populations" and not rows:
                raise Damaged(f"has no rows of seed {seed}")
