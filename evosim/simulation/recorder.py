"""Record generations, loci, alleles and snapshots of the population of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields

import numpy as np
import polars as pl

from evosim.fitness.landscape import Landscape
from evosim.genomes import Grid
from evosim.genomes.loci import Alleles
from evosim.optimizers.genotype_reader import Counts
from evosim.runtime import blocks
from evosim.simulation.generation import CurrentGeneration, Floats
from evosim.simulation.state import Arrays, RecordState, Tables

CHUNK = 2**16  # individuals that are read at a time for a snapshot
COUNTS = tuple(item.name for item in fields(Counts))

Row = dict[str, float | int | str]


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of consecutive generations, as plain arrays.

    Attributes
    ----------
    first : int
        The first generation.
    generations : pl.DataFrame
        One row a generation.
    counts : Arrays
        For each name in `COUNTS`, an array whose first axis is the generation.
    """

    first: int
    generations: pl.DataFrame
    counts: Arrays

    @classmethod
    def from_lists(cls, first: int, generations: list[Row], counts: list[Counts]) -> Rows:
        """Build rows from what was recorded generation by generation."""
        arrays = {name: np.array([getattr(row, name) for row in counts]) for name in COUNTS}
        return cls(first, pl.DataFrame(generations), arrays)


@dataclass(frozen=True, eq=False)
class Mark:
    """The length of a record at some time: whole blocks, and `rows` of lists that only grow."""

    blocks: int
    first: int
    rows: int
    generations: list[Row]
    counts: list[Counts]
    snapshots: int


def _mean_and_sd(values: Floats) -> tuple[np.float64, np.float64]:
    """Return mean and standard deviation of `values [n]`, with the bits of NumPy's own functions.

    Those take several times as long for a small population, because they check their arguments.
    """
    n = len(values)
    mean = np.add.reduce(values) / n
    away = values - mean
    np.multiply(away, away, out=away)
    return mean, np.sqrt(np.add.reduce(away) / n)


@dataclass
class Recorder:
    """The record of one run: rows of every generation, block by block, and snapshots.

    Attributes
    ----------
    seed, grid
        Of the run.
    blocks : list of Rows
        Full blocks of rows in memory.
    first : int
        Generation of the first row that is in no block yet.
    generations, counts : list
        Rows that are in no block yet.
    snapshots : list of pl.DataFrame
        Snapshots of the population.
    last : Row
        Row of the last generation.
    """

    seed: int
    grid: Grid
    blocks: list[Rows] = field(default_factory=list)
    first: int = 0
    generations: list[Row] = field(default_factory=list)
    counts: list[Counts] = field(default_factory=list)
    snapshots: list[pl.DataFrame] = field(default_factory=list)
    last: Row = field(default_factory=dict)

    def add(self, g: int, world: str, generation: CurrentGeneration) -> None:
        """Record the generation `g`, which lives in `world`."""
        counts = generation.reader.counts(generation.genotypes)
        row: Row = {
            "seed": self.seed,
            "generation": g,
            "world": world,
            "size": len(generation.retained),
        }
        for name in ("ancestral", "modern"):
            fitness = generation.net(name)
            mean, sd = _mean_and_sd(fitness)
            row |= {f"{name}_mean": mean, f"{name}_sd": sd, f"{name}_max": fitness.max()}
        self.last = row | {
            "modern_intent_mean": generation.net("modern_intent").mean(),
            "classes": len(generation.distinct),
        }
        self.generations.append(self.last)
        self.counts.append(counts)

    @property
    def means(self) -> tuple[float, float]:
        """Mean net fitness of the last generation in the ancestral and the modern world."""
        return float(self.last["ancestral_mean"]), float(self.last["modern_mean"])

    @property
    def full(self) -> bool:
        """Whether the rows fill a block."""
        return len(self.counts) >= blocks.BLOCK

    def take_rows(self) -> Rows:
        """Remove and return the rows that are in no block. Lists of a `Mark` stay as they are."""
        rows = Rows.from_lists(self.first, self.generations, self.counts)
        self.first, self.generations, self.counts = self.first + len(self.counts), [], []
        return rows

    def add_snapshot(
        self,
        moment: str,
        g: int,
        genotypes: Alleles,
        landscape: Landscape,
        fitness_retained: Callable[[Alleles, int], Floats],
    ) -> None:
        """Record a snapshot of the population.

        It has the classes and their numbers, and the share of fitness that drivers leave. It has
        the same with all drivers replaced by their wild types.

        Parameters
        ----------
        moment : str
            Name of the snapshot.
        g : int
            The generation.
        genotypes : Alleles
            `[n, ploidy, L]`.
        landscape : Landscape
            Gets the classes without drivers, so that its table has them.
        fitness_retained : Callable
            `Optimizer.fitness_retained`.
        """
        parts = [
            self._count_alike(genotypes[i : i + CHUNK], i, fitness_retained)
            for i in range(0, len(genotypes), CHUNK)
        ]
        keys = parts[0].columns[:-1]
        distinct = pl.concat(parts).group_by(*keys).agg(pl.col("count").sum()).sort(*keys)
        landscape.fitness(distinct["class_wild"].to_numpy())
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
        self.snapshots.append(pl.DataFrame(columns))

    def _count_alike(
        self, genotypes: Alleles, first: int, fitness_retained: Callable[[Alleles, int], Floats]
    ) -> pl.DataFrame:
        """Count individuals that are alike; `first` is the index of the first individual."""
        wild = self.grid.drive.replaced(genotypes) if self.grid.drive else genotypes
        columns: Arrays = {
            "class": self.grid.classes(genotypes),
            "kept": fitness_retained(genotypes, first),
            "class_wild": self.grid.classes(wild),
            "kept_wild": fitness_retained(wild, first),
        }
        columns |= {
            f"copies:{self.grid.loci[locus].name}:{self.grid.loci[locus].params.alleles[allele]}": (
                (genotypes[:, :, locus] == allele).sum(axis=1)
            )
            for locus, allele in self.grid.drive.alleles
        }
        return pl.DataFrame(columns).group_by(*columns).agg(pl.len().cast(pl.Int64).alias("count"))

    def mark(self) -> Mark:
        """Return the current length of the record."""
        return Mark(
            len(self.blocks),
            self.first,
            len(self.counts),
            self.generations,
            self.counts,
            len(self.snapshots),
        )

    def state(self, mark: Mark) -> RecordState:
        """Return the record up to a mark, without blocks on disk."""
        parts = [
            *self.blocks[: mark.blocks],
            Rows.from_lists(mark.first, mark.generations[: mark.rows], mark.counts[: mark.rows]),
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
            f"snapshot {i}": table for i, table in enumerate(self.snapshots[: mark.snapshots])
        }
        return RecordState(arrays, tables, first=parts[0].first)

    def restore(self, state: RecordState) -> None:
        """Continue from a state."""
        self.first, generations = state.first, state.tables["generations"]
        n = generations.height // blocks.BLOCK * blocks.BLOCK
        if n:
            counts = {name: state.arrays[name][:n] for name in COUNTS}
            self.blocks = [Rows(self.first, generations[:n], counts)]
        self.first += n
        self.generations = generations[n:].to_dicts()
        self.counts = [
            Counts(*row) for row in zip(*(state.arrays[name][n:] for name in COUNTS), strict=True)
        ]
        self.snapshots = [state.tables[f"snapshot {i}"] for i in range(len(state.tables) - 1)]

    def tables(self) -> Tables:
        """Return all that is in memory as tables; `docs/schema.md` documents every column."""
        parts = [
            self.tables_of(rows)
            for rows in (*self.blocks, self.take_rows())
            if rows.generations.height
        ]
        out = {name: pl.concat([part[name] for part in parts]) for name in parts[0]}
        return out | {"populations": self.populations()}

    def populations(self) -> pl.DataFrame:
        """Return the table `populations`."""
        # Polars gives small seeds a narrow type, but tables of replicates need equal types.
        return pl.concat(self.snapshots).with_columns(pl.col("seed").cast(pl.Int64))

    def tables_of(self, rows: Rows) -> Tables:
        """Return the tables by generation of at least one row."""
        n = rows.generations.height
        generation = rows.first + np.arange(n, dtype=np.int64)
        shown = [i for i, locus in enumerate(self.grid.loci) if not locus.silent]
        alleles_of_loci = [
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
            "generation": np.repeat(generation, len(alleles_of_loci)),
            "locus": pl.Series([name for name, _ in alleles_of_loci] * n, dtype=pl.String),
            "allele": pl.Series([allele for _, allele in alleles_of_loci] * n, dtype=pl.String),
            "frequency": rows.counts["alleles"].ravel(),
            "adult_frequency": rows.counts["adults"].ravel(),
        }
        tables = {
            "generations": rows.generations,
            "loci": pl.DataFrame(loci),
            "alleles": pl.DataFrame(alleles),
        }
        return {name: table.select(seed, pl.exclude("seed")) for name, table in tables.items()}
