"""Simulate: the loop of one run. Its whole order of events is in `simulate`.

The base optimizer hears the fitness of the phase's own world and nothing else. Fitness in the other world is looked
up for the record only, so replacing the modern world cannot change an ancestral generation.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim.census import Census, Counts, worth
from evosim.checkpoint import Keeper, State
from evosim.compose import Setting, part_params
from evosim.errors import UserError
from evosim.landscape import Landscape
from evosim.optimizers import OPTIMIZERS, Extinction, InvalidOptimizer, Optimizer
from evosim.optimizers.catalogue import OPTIMIZER_PARAMS
from evosim.params import SelectionChoice
from evosim.price import SearchLedger, Traits
from evosim.progress import Tell
from evosim.selection import selected, weights_of
from genomes import Grid
from genomes.loci import Alleles, Ints

BLOCK = 2**16
COUNTS = tuple(item.name for item in fields(Counts))


class Living:
    """One generation: which classes it has, and what each individual is worth. What it gives is overwritten."""

    def __init__(self, census: Census) -> None:
        self._census, self._out = census, np.empty(0)

    def look(
        self, genotypes: Alleles, landscape: Landscape, kept: NDArray[np.float64], *, lived: bool = True
    ) -> None:
        """A generation has come. `kept [n]` is what drivers and modifiers leave of fitness.

        Classes of individuals that never `lived` are not recorded.
        """
        self.distinct, self._places = self._census.classes(genotypes)
        self._worth, self.kept = landscape.worth(self.distinct, lived=lived), kept
        if len(self._out) != len(kept):
            self._out = np.empty(len(kept))

    def worth(self, name: str) -> NDArray[np.float64]:
        """Worth `[n]` of individuals, after what drivers and modifiers take."""
        return worth(getattr(self._worth, name), self._places, self.kept, self._out)

    def fitness(self, name: str) -> NDArray[np.float64]:
        """Fitness `[n]` by behaviour alone."""
        return getattr(self._worth, name).take(self._places, out=self._out, mode="clip")

    def selected(self, choice: SelectionChoice, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """The same as selection hears it in the ancestral world, of cases by their `weights`."""
        return selected(choice, self._worth.cases, weights)[self._places]


@dataclass
class Recorder:
    """Rows of the tables of one run, one dictionary of columns at a time."""

    seed: int
    grid: Grid
    generations: list[dict[str, Any]] = field(default_factory=list)
    counts: list[tuple[int, Counts]] = field(default_factory=list)
    populations: list[pl.DataFrame] = field(default_factory=list)

    def generation(self, g: int, world: str, counts: Counts, living: Living) -> None:
        """What every generation leaves behind."""
        row = {"seed": self.seed, "generation": g, "world": world, "size": len(living.kept)}
        for name in ("ancestral", "modern"):
            fitness = living.worth(name)
            row |= {f"{name}_mean": fitness.mean(), f"{name}_sd": fitness.std(), f"{name}_max": fitness.max()}
        self.generations.append(row | {"modern_intent_mean": living.worth("modern_intent").mean(), "classes": len(living.distinct)})
        self.counts.append((g, counts))

    def population(
        self, moment: str, g: int, genotypes: Alleles, landscape: Landscape, kept: Callable[[Alleles, int], NDArray[np.float64]]
    ) -> None:
        """A snapshot: which classes, how many of each, what drivers leave of them, and all this with drivers replaced."""
        parts = [self._distinct(genotypes[i : i + BLOCK], i, kept) for i in range(0, len(genotypes), BLOCK)]
        facts = parts[0].columns[:-1]
        distinct = pl.concat(parts).group_by(*facts).agg(pl.col("count").sum()).sort(*facts)
        landscape.worth(distinct["class_wild"].to_numpy())  # so that it stands in the record
        values = self.grid.values(distinct["class"].to_numpy())
        columns = {"seed": self.seed, "moment": moment, "generation": g, **distinct.to_dict(as_series=True)}
        columns |= {f"locus:{locus.name}": values[:, i] for i, locus in enumerate(self.grid.loci) if not locus.silent}
        self.populations.append(pl.DataFrame(columns))

    def _distinct(
        self, genotypes: Alleles, first: int, kept: Callable[[Alleles, int], NDArray[np.float64]]
    ) -> pl.DataFrame:
        """What differs among some individuals, the first of which is `first`, and how many are alike."""
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

    def so_far(self) -> tuple[int, int]:
        """How many generations and snapshots there are."""
        return len(self.counts), len(self.populations)

    def kept(self, generations: int, snapshots: int) -> State:
        """The first so many of what was recorded, as plain things."""
        some = self.counts[:generations]
        arrays = {name: np.array([getattr(counts, name) for _, counts in some]) for name in COUNTS}
        tables = {"generations": pl.DataFrame(self.generations[:generations])}
        tables |= {f"snapshot {i}": table for i, table in enumerate(self.populations[:snapshots])}
        return State({}, arrays, tables)

    def resume(self, state: State) -> None:
        """Go on from what `kept` gave."""
        self.generations = state.tables["generations"].to_dicts()
        columns = [state.arrays[name] for name in COUNTS]
        self.counts = [(g, Counts(*row)) for g, row in enumerate(zip(*columns, strict=True))]
        self.populations = [state.tables[f"snapshot {i}"] for i in range(len(state.tables) - 1)]

    def tables(self) -> dict[str, pl.DataFrame]:
        """The run's tables; `docs/schema.md` documents every column."""
        loci = pl.DataFrame(
            [
                {"seed": self.seed, "generation": g, "locus": locus.name, "mean": counts.mean[i], "sd": counts.sd[i]}
                for g, counts in self.counts
                for i, locus in enumerate(self.grid.loci)
                if not locus.silent
            ]
        )
        every = [(locus, allele) for locus in self.grid.loci for allele in locus.params.alleles]
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
                for g, counts in self.counts
                for (locus, allele), f, adult in zip(every, counts.alleles.tolist(), counts.adults.tolist(), strict=True)
            ]
        )
        tables = {
            "generations": pl.DataFrame(self.generations),
            "loci": loci,
            "alleles": alleles,
            "populations": pl.concat(self.populations),
        }
        # A small seed would make a narrow column, and replicates must fit together.
        return {name: table.with_columns(pl.col("seed").cast(pl.Int64)) for name, table in tables.items()}


@dataclass(frozen=True, eq=False)
class Run:
    """One replicate: its tables, how it ended (`complete`, or `extinct` in some generation), and the classes that lived, where noted."""

    seed: int
    status: str
    generations: int
    tables: dict[str, pl.DataFrame]
    lived: Ints


def simulate(
    setting: Setting,
    landscape: Landscape,
    seed: int,
    progress: Tell | None = None,
    *,
    control: str = "",
    keeper: Keeper | None = None,
) -> Run:
    """One replicate of an experiment.

    In every generation: the optimizer shows its newborns; their classes are looked up or evaluated; they are recorded
    (the first, the last ancestral generation and the last of all also as snapshots), and the search ledger accounts for
    what made them; the optimizer hears their fitness in the world of the phase (in the ancestral one, as the experiment's
    selection has it) and makes the next newborns. If all of it is 0 nobody can be a parent: the run ends there with status `extinct`, and the last generation's snapshot is its end.

    With a `keeper` the run goes on from the state that it has, if any. The keeper is told of every generation when it is recorded
    and its fitness not yet heard, and may stop the run there (`Stop`). Stopped and continued, a run has the same tables byte for byte.
    """
    experiment, grid = setting.experiment, setting.genome.grid
    name = experiment.optimizer["name"]
    params = part_params(experiment.optimizer, OPTIMIZER_PARAMS[name], "optimizer")
    recorder = Recorder(seed, grid)
    worlds = [phase.world for phase in experiment.phases for _ in range(phase.generations)]
    begins = {0, *itertools.accumulate(phase.generations for phase in experiment.phases)}
    total, g = len(worlds), 0
    label = f"{control.replace('_', ' ')} control" if control else f"seed {seed}"
    status = "complete"
    choice, shares = experiment.selection, setting.pair.ancestral.shares()

    def heard(g: int, those: Living | None = None) -> tuple[NDArray[np.float64], ...]:
        """What the optimizer hears of those that live: fitness, and where that is not fitness in the whole world, this too."""
        those = those or living
        if choice.plain or worlds[g] == "modern":
            return (those.fitness(worlds[g]),)
        return those.selected(choice, weights_of(choice, shares, seed, g)), those.fitness("ancestral")

    def judge(genotypes: Alleles, g: int) -> NDArray[np.float64]:
        """What the optimizer would hear of others in a generation. They are not recorded."""
        others = Living(Census(grid))
        others.look(genotypes, landscape, optimizer.kept(genotypes), lived=False)
        return heard(g, others)[0]

    try:
        optimizer = OPTIMIZERS[name](params, grid, seed)
    except InvalidOptimizer as error:
        raise UserError(str(error)) from None
    with landscape.noting() as lived:
        try:
            census, blocks = Census(grid), Census(grid)
            living = Living(census)
            optimizer.judged_by(judge)

            def fitness(genotypes: Alleles, first: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
                distinct, places = blocks.classes(genotypes)
                found, kept = landscape.worth(distinct, lived=False), optimizer.kept(genotypes, first)
                return tuple(worth(table, places, kept, np.empty(len(kept))) for table in (found.ancestral, found.modern))  # type: ignore[return-value]

            ledger = SearchLedger(Traits(grid, fitness), seed) if experiment.search_ledger else None
            facts = {"label": label, "seed": seed, "control": control, "generations": total}
            saved = keeper.begin(experiment, seed, control) if keeper else None
            if saved:
                g = saved.facts["generation"] + 1
                try:
                    if not optimizer.resume(saved.arrays["genotypes"], g - 1):
                        _lead_again(optimizer, landscape, living, g - 1, begins, heard)
                    landscape.note(saved.arrays["lived"])
                    recorder.resume(saved)
                    if ledger:
                        ledger.resume(saved.arrays)
                except (LookupError, TypeError, ValueError, pl.exceptions.PolarsError):
                    raise UserError(f"the checkpoint of the {label} must hold what was recorded, but holds something else. Start afresh (--force).") from None
                genotypes = optimizer.ask()
                if not np.array_equal(genotypes, saved.arrays["genotypes"]):
                    raise UserError(f"optimizer '{name}' must do again what it did before the checkpoint, but does not. Start afresh (--force).")
                living.look(genotypes, landscape, optimizer.kept(genotypes))
                optimizer.tell(*heard(g - 1))
            while g < total:
                if g in begins:
                    optimizer.begin_phase()
                genotypes = optimizer.ask()
                living.look(genotypes, landscape, optimizer.kept(genotypes))
                recorder.generation(g, worlds[g], census.counts(genotypes), living)
                if ledger:
                    ledger.generation(g, worlds[max(g - 1, 0)], genotypes, optimizer.descent())
                moments = {"first": g == 0, "swap": g == experiment.swap - 1, "snapshot": g in experiment.snapshots}
                for moment in (name for name, now in moments.items() if now):
                    recorder.population(moment, g, genotypes, landscape, optimizer.kept)
                if keeper:
                    now = facts | {"generation": g}
                    keeper.between(now, _taker(now, genotypes, lived, recorder, ledger))
                if progress:
                    progress(label, g, total, recorder.generations[-1]["ancestral_mean"], recorder.generations[-1]["modern_mean"])
                g += 1
                optimizer.tell(*heard(g - 1))
        except Extinction:
            status = "extinct"
        except InvalidOptimizer as error:
            raise UserError(str(error)) from None
        finally:
            optimizer.end()
        recorder.population("end", g - 1, genotypes, landscape, optimizer.kept)
        tables = recorder.tables() | ({"search": ledger.table()} if ledger else {})
        return Run(seed, status, g, tables, np.array(sorted(lived), dtype=np.int64))


def _lead_again(
    optimizer: Optimizer, landscape: Landscape, living: Living, until: int, begins: set[int], heard: Callable[[int], tuple[NDArray[np.float64], ...]]
) -> None:
    """Lead an optimizer through the generations before the one it is to go on from, without recording them again."""
    for g in range(until):
        if g in begins:
            optimizer.begin_phase()
        genotypes = optimizer.ask()
        living.look(genotypes, landscape, optimizer.kept(genotypes))
        optimizer.tell(*heard(g))
    if until in begins:
        optimizer.begin_phase()


def _taker(
    facts: dict[str, Any], genotypes: Alleles, lived: set[int], recorder: Recorder, ledger: SearchLedger | None
) -> Callable[[], State]:
    """What gives the state as it is now, until another generation is recorded.

    It may be asked in the middle of the next generation: newborns are not overwritten while their children are made and recorded,
    and what was recorded since is left out.
    """
    rows, accounts = recorder.so_far(), ledger.so_far() if ledger else None

    def take() -> State:
        state = recorder.kept(*rows)
        arrays: dict[str, NDArray[Any]] = {"genotypes": genotypes, "lived": np.array(sorted(lived), dtype=np.int64), **state.arrays}
        if ledger and accounts:
            arrays |= ledger.kept(*accounts)
        return State(facts, arrays, state.tables)

    return take
