"""Simulate: the loop of one run. Its whole order of events is in `simulate`.

The base optimizer hears the fitness of the phase's own world and nothing else. Fitness in the other world is looked
up for the record only, so replacing the modern world cannot change an ancestral generation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim.compose import Setting, part_params
from evosim.errors import UserError
from evosim.landscape import Landscape
from evosim.optimizers import OPTIMIZERS, Extinction, InvalidOptimizer
from evosim.optimizers.catalogue import OPTIMIZER_PARAMS
from evosim.price import SearchLedger, Traits
from evosim.progress import Progress
from evosim.worth import Worth
from genomes import Grid
from genomes.loci import Alleles, Ints


@dataclass
class Recorder:
    """Rows of the tables of one run, one dictionary of columns at a time."""

    seed: int
    grid: Grid
    generations: list[dict[str, Any]] = field(default_factory=list)
    loci: list[tuple[int, NDArray[np.float64], NDArray[np.float64]]] = field(default_factory=list)
    alleles: list[tuple[int, list[NDArray[np.float64]], list[NDArray[np.float64]]]] = field(default_factory=list)
    populations: list[dict[str, Any]] = field(default_factory=list)

    def generation(
        self, g: int, world: str, genotypes: Alleles, classes: Ints, worth: Worth, kept: NDArray[np.float64]
    ) -> None:
        """What every generation leaves behind. `kept [n]` is what drivers and modifiers leave of fitness."""
        ancestral, modern, intent = worth.ancestral * kept, worth.modern * kept, worth.modern_intent * kept
        self.generations.append(
            {
                "seed": self.seed,
                "generation": g,
                "world": world,
                "size": len(classes),
                "ancestral_mean": ancestral.mean(),
                "ancestral_sd": ancestral.std(),
                "ancestral_max": ancestral.max(),
                "modern_mean": modern.mean(),
                "modern_sd": modern.std(),
                "modern_max": modern.max(),
                "modern_intent_mean": intent.mean(),
                "classes": np.unique(classes).size,
            }
        )
        values = self.grid.values(classes)
        self.loci.append((g, values.mean(axis=0), values.std(axis=0)))
        newborns = self._frequencies(genotypes, np.ones(len(genotypes)))
        adults = self._frequencies(genotypes, self.grid.drive.kept(genotypes)[0]) if self.grid.drive else newborns
        self.alleles.append((g, newborns, adults))

    def _frequencies(self, genotypes: Alleles, weight: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """Share of each locus' alleles among the strands of weighted individuals; of nobody, none."""
        strands = np.repeat(weight, genotypes.shape[1])
        total = max(strands.sum(), 1e-300)
        return [
            np.bincount(genotypes[:, :, i].ravel(), weights=strands, minlength=len(locus.params.alleles)) / total
            for i, locus in enumerate(self.grid.loci)
        ]

    def population(
        self, moment: str, g: int, genotypes: Alleles, landscape: Landscape, kept: Callable[[Alleles], NDArray[np.float64]]
    ) -> None:
        """A snapshot: which classes, how many of each, what drivers leave of them, and all this with drivers replaced."""
        wild = self.grid.drive.replaced(genotypes) if self.grid.drive else genotypes
        facts: dict[str, NDArray[Any]] = {
            "class": self.grid.classes(genotypes),
            "kept": kept(genotypes),
            "class_wild": self.grid.classes(wild),
            "kept_wild": kept(wild),
        }
        facts |= {
            f"copies:{self.grid.loci[locus].name}:{self.grid.loci[locus].params.alleles[allele]}": (
                (genotypes[:, :, locus] == allele).sum(axis=1)
            )
            for locus, allele in self.grid.drive.alleles
        }
        landscape.worth(facts["class_wild"])  # so that it stands in the record
        distinct = pl.DataFrame(facts).group_by(*facts).agg(pl.len().cast(pl.Int64).alias("count")).sort(*facts)
        values = self.grid.values(distinct["class"].to_numpy())
        columns = {"seed": self.seed, "moment": moment, "generation": g, **distinct.to_dict(as_series=True)}
        columns |= {f"locus:{locus.name}": values[:, i] for i, locus in enumerate(self.grid.loci) if not locus.silent}
        self.populations.append(columns)

    def tables(self) -> dict[str, pl.DataFrame]:
        """The run's tables; `docs/schema.md` documents every column."""
        loci = pl.DataFrame(
            [
                {"seed": self.seed, "generation": g, "locus": locus.name, "mean": mean[i], "sd": sd[i]}
                for g, mean, sd in self.loci
                for i, locus in enumerate(self.grid.loci)
                if not locus.silent
            ]
        )
        alleles = pl.DataFrame(
            [
                {
                    "seed": self.seed,
                    "generation": g,
                    "locus": locus.name,
                    "allele": str(allele),
                    "frequency": f,
                    "adult_frequency": adult,
                }
                for g, newborns, adults in self.alleles
                for locus, row, adult_row in zip(self.grid.loci, newborns, adults, strict=True)
                for allele, f, adult in zip(locus.params.alleles, row.tolist(), adult_row.tolist(), strict=True)
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


def simulate(
    setting: Setting, landscape: Landscape, seed: int, progress: Progress | None = None, *, control: str = ""
) -> Run:
    """One replicate of an experiment.

    In every generation: the optimizer shows its newborns; their classes are looked up or evaluated; they are recorded
    (the first, the last ancestral generation and the last of all also as snapshots), and the search ledger accounts for
    what made them; the optimizer hears their fitness in the world of the phase and makes the next newborns. If all of it
    is 0 nobody can be a parent: the run ends there with status `extinct`, and the last generation's snapshot is its end.
    """
    experiment, grid = setting.experiment, setting.genome.grid
    name = experiment.optimizer["name"]
    params = part_params(experiment.optimizer, OPTIMIZER_PARAMS[name], "optimizer")
    recorder = Recorder(seed, grid)
    total, g = experiment.generations, 0
    label = f"{control.replace('_', ' ')} control" if control else f"seed {seed}"
    status = "complete"
    try:
        optimizer = OPTIMIZERS[name](params, grid, seed)

        def fitness(genotypes: Alleles) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
            worth, kept = landscape.worth(grid.classes(genotypes), lived=False), optimizer.kept(genotypes)
            return worth.ancestral * kept, worth.modern * kept

        ledger = SearchLedger(Traits(grid, fitness), seed) if experiment.search_ledger else None
        selecting = experiment.phases[0].world
        for phase in experiment.phases:
            optimizer.begin_phase()
            for _ in range(phase.generations):
                genotypes = optimizer.ask()
                classes = grid.classes(genotypes)
                worth = landscape.worth(classes)
                recorder.generation(g, phase.world, genotypes, classes, worth, optimizer.kept(genotypes))
                if ledger:
                    ledger.generation(g, selecting, genotypes, optimizer.descent())
                selecting = phase.world
                moments = {"first": g == 0, "swap": g == experiment.swap - 1, "snapshot": g in experiment.snapshots}
                for moment in (name for name, now in moments.items() if now):
                    recorder.population(moment, g, genotypes, landscape, optimizer.kept)
                if progress:
                    progress(label, g, total, recorder.generations[-1]["ancestral_mean"], recorder.generations[-1]["modern_mean"])
                g += 1
                optimizer.tell(worth.ancestral if phase.world == "ancestral" else worth.modern)
    except Extinction:
        status = "extinct"
    except InvalidOptimizer as error:
        raise UserError(str(error)) from None
    recorder.population("end", g - 1, genotypes, landscape, optimizer.kept)
    tables = recorder.tables()
    return Run(seed, status, g, tables | ({"search": ledger.table()} if ledger else {}))
