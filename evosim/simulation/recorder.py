"""Record generations, loci, alleles and populations of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim.fitness.landscape import Landscape
from evosim.genomes import Grid
from evosim.genomes.loci import Alleles
from evosim.optimizers.genotype_reader import Counts
from evosim.runtime import blocks
from evosim.simulation.generation import Living
from evosim.simulation.state import State

BLOCK = 2**16
COUNTS = tuple(item.name for item in fields(Counts))


@dataclass(frozen=True, eq=False)
class Rows:
    """What some generations in a row left behind, from generation `first` on, as plain arrays.

    Attributes:
        generations: one row a generation.
        counts: for each of `COUNTS`, an array whose first axis is the generation.
    """

    first: int
    generations: pl.DataFrame
    counts: dict[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Mark:
    """How far a recorder had come: whole blocks, and the first `rows` of lists that only grow."""

    blocks: int
    first: int
    rows: int
    generations: list[dict[str, Any]]
    counts: list[Counts]
    populations: int


@dataclass
class Recorder:
    """What one run leaves behind: rows of every generation, a block at a time, and snapshots of the
    population.
    """

    seed: int
    grid: Grid
    blocks: list[Rows] = field(default_factory=list)
    first: int = 0  # generation of the first row that is in no block yet
    generations: list[dict[str, Any]] = field(default_factory=list)
    counts: list[Counts] = field(default_factory=list)
    populations: list[pl.DataFrame] = field(default_factory=list)
    last: dict[str, Any] = field(default_factory=dict)  # row of the last generation

    def generation(self, g: int, world: str, counts: Counts, living: Living) -> None:
        """What every generation leaves behind."""
        row = {"seed": self.seed, "generation": g, "world": world, "size": len(living.kept)}
        for name in ("ancestral", "modern"):
            fitness = living.worth(name)
            row |= {
                f"{name}_mean": fitness.mean(),
                f"{name}_sd": fitness.std(),
                f"{name}_max": fitness.max(),
            }
        self.last = row | {
            "modern_intent_mean": living.worth("modern_intent").mean(),
            "classes": len(living.distinct),
        }
        self.generations.append(self.last)
        self.counts.append(counts)

    @property
    def means(self) -> tuple[float, float]:
        """Mean fitness of the last generation in both worlds."""
        return self.last["ancestral_mean"], self.last["modern_mean"]

    @property
    def full(self) -> bool:
        """Whether there is a block's worth of rows."""
        return len(self.counts) >= blocks.BLOCK

    def cut(self) -> Rows:
        """Take away the rows that are in no block yet.

        The lists that a `Mark` holds stay as they are.
        """
        rows = self._rows(self.first, self.generations, self.counts)
        self.first, self.generations, self.counts = self.first + len(self.counts), [], []
        return rows

    @staticmethod
    def _rows(first: int, generations: list[dict[str, Any]], counts: list[Counts]) -> Rows:
        return Rows(
            first,
            pl.DataFrame(generations),
            {name: np.array([getattr(row, name) for row in counts]) for name in COUNTS},
        )

    def population(
        self,
        moment: str,
        g: int,
        genotypes: Alleles,
        landscape: Landscape,
        kept: Callable[[Alleles, int], NDArray[np.float64]],
    ) -> None:
        """A snapshot: which classes, how many of each, what drivers leave of them, and all this
        with drivers replaced.
        """
        parts = [
            self._distinct(genotypes[i : i + BLOCK], i, kept)
            for i in range(0, len(genotypes), BLOCK)
        ]
        facts = parts[0].columns[:-1]
        distinct = pl.concat(parts).group_by(*facts).agg(pl.col("count").sum()).sort(*facts)
        landscape.worth(distinct["class_wild"].to_numpy())  # so that it stands in the record
        values = self.grid.values(distinct["class"].to_numpy())
        columns = {
            "seed": self.seed,
            "moment": moment,
            "generation": g,
            **distinct.to_dict(as_series=True),
        }
        columns |= {
            f"locus:{locus.name}": values[:, i]
            for i, locus in enumerate(self.grid.loci)
            if not locus.silent
        }
        self.populations.append(pl.DataFrame(columns))

    def _distinct(
        self, genotypes: Alleles, first: int, kept: Callable[[Alleles, int], NDArray[np.float64]]
    ) -> pl.DataFrame:
        """What differs among some individuals, the first of which is `first`, and how many are
        alike.
        """
        wild = self.grid.drive.replaced(genotypes) if self.grid.drive else genotypes
        facts: dict[str, NDArray[Any]] = {
            "class": self.grid.classes(genotypes),
            "kept": kept(genotypes, first),
            "class_wild": self.grid.classes(wild),
            "kept_wild": kept(wild, first),
        }
        facts |= {
            f"copies:{self.grid.loci[locus].name}:{self.grid.loci[locus].params.alleles[allele]}": (
                (genotypes[:, :, locus] == allele).sum(axis=1)
            )
            for locus, allele in self.grid.drive.alleles
        }
        return pl.DataFrame(facts).group_by(*facts).agg(pl.len().cast(pl.Int64).alias("count"))

    def mark(self) -> Mark:
        """How far it has come."""
        return Mark(
            len(self.blocks),
            self.first,
            len(self.counts),
            self.generations,
            self.counts,
            len(self.populations),
        )

    def kept(self, mark: Mark) -> State:
        """What was recorded up to a mark and is on no disk, as plain things."""
        parts = [
            *self.blocks[: mark.blocks],
            self._rows(mark.first, mark.generations[: mark.rows], mark.counts[: mark.rows]),
        ]
        arrays = {
            name: np.concatenate(
                [part.counts[name] for part in parts if len(part.counts[name])] or [np.empty(0)]
            )
            for name in COUNTS
        }
        generations = [part.generations for part in parts if part.generations.height]
        tables = {"generations": pl.concat(generations) if generations else pl.DataFrame()}
        tables |= {
            f"snapshot {i}": table for i, table in enumerate(self.populations[: mark.populations])
        }
        return State({"first": parts[0].first}, arrays, tables)

    def resume(self, state: State) -> None:
        """Go on from what `kept` gave."""
        self.first, generations = state.facts["first"], state.tables["generations"]
        many = generations.height // blocks.BLOCK * blocks.BLOCK
        if many:
            self.blocks = [
                Rows(
                    self.first,
                    generations[:many],
                    {name: state.arrays[name][:many] for name in COUNTS},
                )
            ]
        self.first += many
        self.generations = generations[many:].to_dicts()
        self.counts = [
            Counts(*row)
            for row in zip(*(state.arrays[name][many:] for name in COUNTS), strict=True)
        ]
        self.populations = [state.tables[f"snapshot {i}"] for i in range(len(state.tables) - 1)]

    def tables(self) -> dict[str, pl.DataFrame]:
        """All that is in memory as tables; `docs/schema.md` documents every column."""
        parts = [
            self.tables_of(rows) for rows in (*self.blocks, self.cut()) if rows.generations.height
        ]
        out = {name: pl.concat([part[name] for part in parts]) for name in parts[0]}
        return out | {"populations": self.snapshots()}

    def snapshots(self) -> pl.DataFrame:
        """The table `populations`."""
        # A small seed would make a narrow column, and replicates must fit together.
        return pl.concat(self.populations).with_columns(pl.col("seed").cast(pl.Int64))

    def tables_of(self, rows: Rows) -> dict[str, pl.DataFrame]:
        """The tables by generation of some rows, at least one."""
        n = rows.generations.height
        generation = rows.first + np.arange(n, dtype=np.int64)
        shown = [i for i, locus in enumerate(self.grid.loci) if not locus.silent]
        every = [
            (locus.name, str(allele)) for locus in self.grid.loci for allele in locus.params.alleles
        ]
        seed = pl.lit(self.seed, dtype=pl.Int64).alias("seed")
        loci = {
            "generation": np.repeat(generation, len(shown)),
            "locus": pl.Series([self.grid.loci[i].name for i in shown] * n, dtype=pl.String),
            "mean": rows.counts["mean"][:, shown].ravel(),
            "sd": rows.counts["sd"][:, shown].ravel(),
        }
        alleles = {
            "generation": np.repeat(generation, len(every)),
            "locus": pl.Series([name for name, _ in every] * n, dtype=pl.String),
            "allele": pl.Series([allele for _, allele in every] * n, dtype=pl.String),
            "frequency": rows.counts["alleles"].ravel(),
            "adult_frequency": rows.counts["adults"].ravel(),
        }
        tables = {
            "generations": rows.generations,
            "loci": pl.DataFrame(loci),
            "alleles": pl.DataFrame(alleles),
        }
        return {name: table.select(seed, pl.exclude("seed")) for name, table in tables.items()}
