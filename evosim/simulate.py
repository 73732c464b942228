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

from evosim import blocks
from evosim.blocks import BY_GENERATION, Blocks
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
    """What one run leaves behind: rows of every generation, a block at a time, and snapshots of the population."""

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
            row |= {f"{name}_mean": fitness.mean(), f"{name}_sd": fitness.std(), f"{name}_max": fitness.max()}
        self.last = row | {"modern_intent_mean": living.worth("modern_intent").mean(), "classes": len(living.distinct)}
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
        """Take away the rows that are in no block yet. The lists that a `Mark` holds stay as they are."""
        rows = self._rows(self.first, self.generations, self.counts)
        self.first, self.generations, self.counts = self.first + len(self.counts), [], []
        return rows

    @staticmethod
    def _rows(first: int, generations: list[dict[str, Any]], counts: list[Counts]) -> Rows:
        return Rows(first, pl.DataFrame(generations), {name: np.array([getattr(row, name) for row in counts]) for name in COUNTS})

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

    def mark(self) -> Mark:
        """How far it has come."""
        return Mark(len(self.blocks), self.first, len(self.counts), self.generations, self.counts, len(self.populations))

    def kept(self, mark: Mark) -> State:
        """What was recorded up to a mark and is on no disk, as plain things."""
        parts = [*self.blocks[: mark.blocks], self._rows(mark.first, mark.generations[: mark.rows], mark.counts[: mark.rows])]
        arrays = {name: np.concatenate([part.counts[name] for part in parts if len(part.counts[name])] or [np.empty(0)]) for name in COUNTS}
        generations = [part.generations for part in parts if part.generations.height]
        tables = {"generations": pl.concat(generations) if generations else pl.DataFrame()}
        tables |= {f"snapshot {i}": table for i, table in enumerate(self.populations[: mark.populations])}
        return State({"first": parts[0].first}, arrays, tables)

    def resume(self, state: State) -> None:
        """Go on from what `kept` gave."""
        self.first, generations = state.facts["first"], state.tables["generations"]
        many = generations.height // blocks.BLOCK * blocks.BLOCK
        if many:
            self.blocks = [Rows(self.first, generations[:many], {name: state.arrays[name][:many] for name in COUNTS})]
        self.first += many
        self.generations = generations[many:].to_dicts()
        self.counts = [Counts(*row) for row in zip(*(state.arrays[name][many:] for name in COUNTS), strict=True)]
        self.populations = [state.tables[f"snapshot {i}"] for i in range(len(state.tables) - 1)]

    def tables(self) -> dict[str, pl.DataFrame]:
        """All that is in memory as tables; `docs/schema.md` documents every column."""
        parts = [self.tables_of(rows) for rows in (*self.blocks, self.cut()) if rows.generations.height]
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
        every = [(locus.name, str(allele)) for locus in self.grid.loci for allele in locus.params.alleles]
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
        tables = {"generations": rows.generations, "loci": pl.DataFrame(loci), "alleles": pl.DataFrame(alleles)}
        return {name: table.select(seed, pl.exclude("seed")) for name, table in tables.items()}


@dataclass(frozen=True, eq=False)
class Run:
    """One replicate.

    Attributes:
        status: `complete`, or `extinct` in some generation.
        tables: by name. The tables by generation are missing where they are in `blocks`.
        lived: classes that lived, where noted.
        blocks: the tables by generation of a long run, on disk.
    """

    seed: int
    status: str
    generations: int
    tables: dict[str, pl.DataFrame]
    lived: Ints
    blocks: Blocks | None = None


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
        on_disk = keeper.blocks(experiment, seed, control) if keeper else None
        try:
            census, reader = Census(grid), Census(grid)
            living = Living(census)
            optimizer.judged_by(judge)

            def fitness(genotypes: Alleles, first: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
                distinct, places = reader.classes(genotypes)
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
                    if on_disk is not None:
                        on_disk.reopen(saved.facts["blocks"], saved.facts["seal"], _names(ledger))
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
                if recorder.full:
                    _cut(recorder, ledger, on_disk)
                if keeper:
                    now = facts | {"generation": g}
                    keeper.between(now, _taker(now, genotypes, lived, recorder, ledger, on_disk))
                if progress:
                    progress(label, g, total, *recorder.means)
                g += 1
                optimizer.tell(*heard(g - 1))
        except Extinction:
            status = "extinct"
        except InvalidOptimizer as error:
            raise UserError(str(error)) from None
        finally:
            optimizer.end()
        recorder.population("end", g - 1, genotypes, landscape, optimizer.kept)
        if on_disk is not None:
            _cut(recorder, ledger, on_disk)
            tables = {"populations": recorder.snapshots()}
        else:
            tables = recorder.tables() | ({"search": ledger.table()} if ledger else {})
        return Run(seed, status, g, tables, np.array(sorted(lived), dtype=np.int64), on_disk)


def _names(ledger: SearchLedger | None) -> tuple[str, ...]:
    """The tables by generation that a run has."""
    return BY_GENERATION if ledger else BY_GENERATION[:-1]


def _cut(recorder: Recorder, ledger: SearchLedger | None, on_disk: Blocks | None) -> None:
    """Put the rows since the last block into one: on disk, or in memory without a folder for it."""
    rows = recorder.cut()
    accounts = ledger.cut() if ledger else []
    if on_disk is None:
        recorder.blocks.append(rows)
        if ledger:
            ledger.blocks.append(accounts)
    elif rows.generations.height:
        on_disk.add(recorder.tables_of(rows) | ({"search": ledger.table_of(accounts)} if ledger else {}))


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
    facts: dict[str, Any], genotypes: Alleles, lived: set[int], recorder: Recorder, ledger: SearchLedger | None, on_disk: Blocks | None
) -> Callable[[], State]:
    """What gives the state as it is now, until another generation is recorded.

    It may be asked in the middle of the next generation: newborns are not overwritten while their children are made and recorded,
    and what was recorded since is left out.
    """
    mark, accounts, many = recorder.mark(), ledger.mark() if ledger else None, 0 if on_disk is None else len(on_disk)

    def take() -> State:
        state = recorder.kept(mark)
        arrays: dict[str, NDArray[Any]] = {"genotypes": genotypes, "lived": np.array(sorted(lived), dtype=np.int64), **state.arrays}
        if ledger and accounts:
            arrays |= ledger.kept(accounts)
        found: dict[str, Any] = {}
        if on_disk is not None:
            on_disk.settle()
            found = {"blocks": many, "seal": on_disk.seals[many]}
        return State(facts | state.facts | found, arrays, state.tables)

    return take
