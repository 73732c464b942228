"""Simulate: the loop of one run. Its whole order of events is in `simulate`.

The base optimizer hears the fitness of the phase's own world and nothing else. Fitness in the other world is looked
up for the record only, so replacing the modern world cannot change an ancestral generation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim.compose import Setting, part_params
from evosim.errors import UserError
from evosim.landscape import Landscape, Worth
from evosim.optimizers import OPTIMIZERS, Extinction, InvalidOptimizer
from evosim.optimizers.catalogue import OPTIMIZER_PARAMS
from evosim.progress import Progress
from genomes import Grid
from genomes.loci import Alleles, Ints


@dataclass
class Recorder:
    """Rows of the tables of one run, one dictionary of columns at a time."""

    seed: int
    grid: Grid
    generations: list[dict[str, Any]] = field(default_factory=list)
    loci: list[tuple[int, NDArray[np.float64], NDArray[np.float64]]] = field(default_factory=list)
    alleles: list[tuple[int, list[NDArray[np.float64]]]] = field(default_factory=list)
    populations: list[dict[str, Any]] = field(default_factory=list)

    def generation(self, g: int, world: str, genotypes: Alleles, classes: Ints, worth: Worth) -> None:
        """What every generation leaves behind."""
        self.generations.append(
            {
                "seed": self.seed,
                "generation": g,
                "world": world,
                "size": len(classes),
                "ancestral_mean": worth.ancestral.mean(),
                "ancestral_sd": worth.ancestral.std(),
                "ancestral_max": worth.ancestral.max(),
                "modern_mean": worth.modern.mean(),
                "modern_sd": worth.modern.std(),
                "modern_max": worth.modern.max(),
                "modern_intent_mean": worth.modern_intent.mean(),
                "classes": np.unique(classes).size,
            }
        )
        values = self.grid.values(classes)
        self.loci.append((g, values.mean(axis=0), values.std(axis=0)))
        copies = genotypes.shape[0] * genotypes.shape[1]
        frequency = [
            np.bincount(genotypes[:, :, i].ravel(), minlength=len(locus.params.alleles)) / copies
            for i, locus in enumerate(self.grid.loci)
        ]
        self.alleles.append((g, frequency))

    def population(self, moment: str, g: int, classes: Ints) -> None:
        """A snapshot: which classes, how many of each."""
        distinct, counts = np.unique(classes, return_counts=True)
        values = self.grid.values(distinct)
        columns: dict[str, Any] = {
            "seed": self.seed,
            "moment": moment,
            "generation": g,
            "class": distinct,
            "count": counts,
        }
        columns |= {f"locus:{locus.name}": values[:, i] for i, locus in enumerate(self.grid.loci)}
        self.populations.append(columns)

    def tables(self) -> dict[str, pl.DataFrame]:
        """The run's tables; `docs/schema.md` documents every column."""
        loci = pl.DataFrame(
            [
                {"seed": self.seed, "generation": g, "locus": locus.name, "mean": mean[i], "sd": sd[i]}
                for g, mean, sd in self.loci
                for i, locus in enumerate(self.grid.loci)
            ]
        )
        alleles = pl.DataFrame(
            [
                {"seed": self.seed, "generation": g, "locus": locus.name, "allele": str(allele), "frequency": f}
                for g, frequency in self.alleles
                for locus, row in zip(self.grid.loci, frequency, strict=True)
                for allele, f in zip(locus.params.alleles, row.tolist(), strict=True)
            ]
        )
        tables = {
            "generations": pl.DataFrame(self.generations),
            "loci": loci,
            "alleles": alleles,
            "populations": pl.concat([pl.DataFrame(columns) for columns in self.populations]),
        }
        # A small seed would make a narrow column, and replicates must fit together.
        return {name: table.with_columns(pl.col("seed").cast(pl.Int64)) for name, table in tables.items()}


@dataclass(frozen=True, eq=False)
class Run:
    """One replicate: its tables, and how it ended (`complete`, or `extinct` in some generation)."""

    seed: int
    status: str
    generations: int
    tables: dict[str, pl.DataFrame]


def simulate(setting: Setting, landscape: Landscape, seed: int, progress: Progress | None = None) -> Run:
    """One replicate of an experiment.

    In every generation: the optimizer shows its newborns; their classes are looked up or evaluated; they are recorded
    (the last ancestral generation and the last of all also as snapshots); the optimizer hears their fitness in the
    world of the phase and makes the next newborns. If all of it is 0 nobody can be a parent: the run ends there with
    status `extinct`, and the last generation's snapshot is its end.
    """
    experiment, grid = setting.experiment, setting.genome.grid
    name = experiment.optimizer["name"]
    params = part_params(experiment.optimizer, OPTIMIZER_PARAMS[name], "optimizer")
    recorder = Recorder(seed, grid)
    total, g = experiment.generations, 0
    status = "complete"
    try:
        optimizer = OPTIMIZERS[name](params, grid, seed)
        for phase in experiment.phases:
            optimizer.begin_phase()
            for _ in range(phase.generations):
                genotypes = optimizer.ask()
                classes = grid.classes(genotypes)
                worth = landscape.worth(classes)
                recorder.generation(g, phase.world, genotypes, classes, worth)
                if g == 0:
                    recorder.population("first", g, classes)
                if g == experiment.swap - 1:
                    recorder.population("swap", g, classes)
                if g in experiment.snapshots:
                    recorder.population("snapshot", g, classes)
                if progress:
                    progress(seed, g, total, recorder.generations[-1]["ancestral_mean"], recorder.generations[-1]["modern_mean"])
                g += 1
                optimizer.tell(worth.ancestral if phase.world == "ancestral" else worth.modern)
    except Extinction:
        status = "extinct"
    except InvalidOptimizer as error:
        raise UserError(str(error)) from None
    recorder.population("end", g - 1, classes)
    return Run(seed, status, g, recorder.tables())
