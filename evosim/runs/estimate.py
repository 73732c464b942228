"""Estimate time, memory and disk of a run (`--dry-run`).

Nothing is guessed from the size of things: a part of the very work is timed, without what the
compiler takes, and multiplied. What a run leaves on disk is the exception: bytes a number takes in
our tables, as measured over the packaged experiments.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from evosim.config.resolve import Problem, build
from evosim.config.schema import Experiment
from evosim.errors import Stop, UserError
from evosim.runs.provenance import peak_memory_mib
from evosim.runtime import blocks
from evosim.runtime.progress import Progress, duration, size
from evosim.simulation.controls import controls_of

if TYPE_CHECKING:
    from evosim.fitness.landscape import Landscape

MINUTE = 60.0
LOOK = 3.0  # seconds of work that are timed before anything is said of the rest
FEWEST = 5  # generations
ODD = 10.0  # times the median: a generation in which something was compiled, or written
FIGURES = 6.0  # seconds: those of the packaged experiments take 4 to 8
# generations of the run whose account is timed: what there is to account for is the kinds of
# genomes that are left
LONGEST = 300
MIB = 2**20
BYTES_OF_CLASS = 10  # in tables/landscape.parquet
BYTES_OF_GENERATION, BYTES_OF_LOCUS, BYTES_OF_ALLELE, BYTES_OF_TRAIT = 60, 6, 4, 26
MEMORY_OF_CLASS = 200  # bytes of a class that is kept: worth, its place, its row
MEMORY_OF_JOINING = 150 * MIB  # measured: what is read ahead while blocks become one table
# Bytes in memory: of a row that is not in a table yet, and of a row of each table by generation.
MEMORY_OF_ROW, MEMORY_OF_GENERATION, MEMORY_OF_LOCUS, MEMORY_OF_ALLELE, MEMORY_OF_TRAIT = (
    4000,
    120,
    48,
    64,
    160,
)


class Foresight:
    """Hears how far a run is, hands it on, and tells once what is to come if the whole takes more
    than a minute.

    The pace is that of the last half of the generations so far, but for odd ones, and looked at
    again until it has been told.
    """

    def __init__(
        self,
        experiment: Experiment,
        tell: Callable[[str], object],
        onward: Progress | None = None,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._experiment, self._tell, self._onward, self._now = experiment, tell, onward, now
        self._arms = 1 + len(controls_of(experiment))
        self._left = experiment.replicates * self._arms * experiment.generations
        self._told_grid = self._told = False
        self._grid: tuple[float, int] | None = None
        self._last: float | None = None
        self._took: list[float] = []
        self._began = now()

    def genomes(self, done: int, total: int) -> None:
        """Genomes of the grid that were scored.

        The first block is not timed: what it needs is compiled.
        """
        if self._onward:
            self._onward.genomes(done, total)
        at = self._now()
        if self._grid is None:
            self._grid = (at, done)
            return
        since, first = self._grid
        if self._told_grid or done == first or at - since < LOOK:
            return
        rest = (total - done) * (at - since) / (done - first)
        if at - self._began + rest > MINUTE:
            self._told_grid = True
            self._tell(
                f"about {duration(rest)} for the grid of {total:,} genomes, which no checkpoint"
                " keeps; then the generations"
            )

    def skip(self, generations: int) -> None:
        """Generations that an earlier part of the run has done."""
        self._left -= generations
        if self._onward:
            self._onward.skip(generations)

    def __call__(self, run: str, generation: int, total: int, a: float, m: float) -> None:
        """A generation of a run."""
        if self._onward:
            self._onward(run, generation, total, a, m)
        self._left -= 1
        at = self._now()
        # Before the first of each run there is other work
        if self._last is not None and generation > 0:
            self._took.append(at - self._last)
        self._last = at
        if self._told or len(self._took) < FEWEST or sum(self._took) < LOOK:
            return
        each = pace(self._took)
        if at - self._began + each * self._left > MINUTE:
            self._told = True
            self._tell(
                f"about {duration(each * self._left)} left: {times(self._experiment, self._arms)}"
                f" at {short(each)}, then the account; memory {size(peak_memory_mib() * MIB)} so"
                f" far, disk about {size(disk_of(build(self._experiment)))}; Ctrl-C stops it,"
                " --resume goes on"
            )


def pace(took: list[float]) -> float:
    """Seconds a generation, of the last half of those that were timed, without odd ones."""
    half = took[len(took) // 2 :]
    most = ODD * median(half)
    usual = [seconds for seconds in half if seconds <= most]
    return sum(usual) / len(usual)


@dataclass(frozen=True)
class Cost:
    """What a run takes.

    Attributes:
        classes: of the grid. `exact`: whether all of them are scored; `kept`: and kept.
        grid, generation, account, figures: seconds: of scoring the grid (or looking for its best),
        of one generation, of the rest. generations: of all replicates and controls. memory: bytes,
        at least. disk: bytes. timed: generations that were timed.
    """

    classes: int
    exact: bool
    kept: bool
    grid: float
    generation: float
    account: float
    figures: float
    generations: int
    memory: float
    disk: float
    timed: int

    @property
    def seconds(self) -> float:
        """All of it, without compilation."""
        return self.grid + self.generation * self.generations + self.account + self.figures


class _Enough(Exception):
    """A run was timed for long enough."""


def foresee(
    setting: Problem, *, figures: bool = True, watch: Callable[[], Stop | None] = lambda: None
) -> Cost:
    """Time a part of a run that is thrown away: at most a block of the grid, some seconds of
    generations, an account. Writes nothing.

    Raises `UserError` where the run could not be, and `Stop` when told to.
    """
    from evosim.fitness.class_fitness import BLOCK, worth_of
    from evosim.fitness.landscape import Landscape
    from evosim.reference.selection import MEASURES

    experiment, classes = setting.experiment, setting.genome.grid.size
    analysis = experiment.analysis
    whole, exact = (
        classes <= analysis.max_classes,
        classes <= max(analysis.max_classes, analysis.max_enumerated),
    )
    if classes <= BLOCK:
        Landscape(setting)  # compiles
        start = time.perf_counter()
        landscape = Landscape(setting)
        grid = time.perf_counter() - start
    else:
        landscape = Landscape(
            setting,
            max_classes=classes if whole and not experiment.selection.plain else 0,
            max_enumerated=0,
        )
        some = np.unique(
            np.random.default_rng(0).integers(0, classes, size=BLOCK if exact else BLOCK // 32)
        )
        worth_of(setting.genome, landscape.scorers, some[:64])  # compiles
        start = time.perf_counter()
        worth_of(setting.genome, landscape.scorers, some)
        grid = (
            (time.perf_counter() - start)
            * (classes if exact else len(MEASURES) * _tries(setting))
            / len(some)
        )
    took = _timed(setting, landscape, watch)
    # Classes are scored as they come: time it with none known, now that all is compiled
    if classes > BLOCK and not whole:
        took = _timed(setting, Landscape(setting, max_classes=0, max_enumerated=0), watch)
    elif classes > BLOCK:
        took = _timed(setting, landscape, watch)  # they are known by now, as they will be
    account = (
        _account(setting, landscape, int(LOOK / max(pace(took), 1e-9))) if classes <= BLOCK else 0.0
    )
    arms = 1 + len(controls_of(experiment))
    return Cost(
        classes,
        exact,
        whole,
        grid,
        pace(took),
        account,
        FIGURES if figures else 0.0,
        experiment.replicates * arms * experiment.generations,
        peak_memory_mib() * MIB
        + memory_of(setting)
        + (MEMORY_OF_CLASS * classes if whole and classes > BLOCK else 0),
        disk_of(setting),
        len(took),
    )


def memory_of(setting: Problem) -> float:
    """Bytes that the records of a run take in memory, about: of all generations, or of one block
    where they go to disk in blocks.
    """
    experiment, grid = setting.experiment, setting.genome.grid
    loci = sum(not locus.silent for locus in grid.loci)
    alleles = sum(len(locus.params.alleles) for locus in grid.loci)
    traits = 2 + loci if experiment.search_ledger else 0
    of_table = (
        MEMORY_OF_GENERATION
        + MEMORY_OF_LOCUS * loci
        + MEMORY_OF_ALLELE * alleles
        + MEMORY_OF_TRAIT * traits
    )
    rows = min(experiment.generations, blocks.BLOCK)
    of_rows = MEMORY_OF_ROW + 16 * (loci + alleles) + 80 * traits
    every = experiment.generations * experiment.replicates * (1 + len(controls_of(experiment)))
    # At the end blocks are read and put together, some at a time
    if experiment.generations > blocks.BLOCK:
        largest = max(MEMORY_OF_LOCUS * loci, MEMORY_OF_ALLELE * alleles, MEMORY_OF_TRAIT * traits)
        return float(rows * (of_rows + of_table) + min(MEMORY_OF_JOINING, every * largest))
    # A table is put together from its replicates, and for a moment both are there.
    return float(rows * of_rows + 2 * every * of_table)


def disk_of(setting: Problem) -> float:
    """Bytes that the tables of a run take, about: what is recorded of every generation, and the
    grid if it is kept whole. Of a larger grid
    those classes come on top that lived, which nobody knows beforehand.
    """
    experiment = setting.experiment
    runs = experiment.replicates * (1 + len(controls_of(experiment)))
    each = disk_by_table(setting)
    return each.pop("landscape") + runs * sum(each.values())


def disk_by_table(setting: Problem) -> dict[str, float]:
    """Estimate the bytes of the tables that grow with generations or with the grid.

    Parameters
    ----------
    setting: a run.

    Returns
    -------
    By table, the bytes of one replicate without its controls; `landscape` is the grid's, once for
    all replicates.
    """
    experiment, grid = setting.experiment, setting.genome.grid
    loci = [locus for locus in grid.loci if not locus.silent]
    alleles = sum(len(locus.params.alleles) for locus in grid.loci)
    traits = 2 + len(loci) if experiment.search_ledger else 0
    each = {
        "generations": BYTES_OF_GENERATION,
        "loci": BYTES_OF_LOCUS * len(loci),
        "alleles": BYTES_OF_ALLELE * alleles,
        "search": BYTES_OF_TRAIT * traits,
    }
    landscape = BYTES_OF_CLASS * (grid.size if grid.size <= experiment.analysis.max_classes else 0)
    return {name: float(count * experiment.generations) for name, count in each.items()} | {
        "landscape": float(landscape)
    }


def _tries(setting: Problem) -> int:
    """Genomes that a coordinate ascent asks for, about: every locus in turn, twice."""
    return 2 * setting.experiment.analysis.restarts * sum(setting.genome.grid.counts)


def _timed(setting: Problem, landscape: Landscape, watch: Callable[[], Stop | None]) -> list[float]:
    """Seconds of the generations of a run's beginning, without the first, in which much is
    compiled.
    """
    from evosim.simulation.loop import simulate
    from evosim.simulation.session import Session

    at: list[float] = []

    def hear(run: str, generation: int, total: int, a: float, m: float) -> None:
        at.append(time.perf_counter())
        if stop := watch():
            raise stop
        if len(at) > FEWEST + 2 and at[-1] - at[2] > LOOK:
            raise _Enough

    with suppress(_Enough):
        simulate(setting, landscape, setting.experiment.seed, Session(hear))
    took = [b - a for a, b in itertools.pairwise(at)]
    return took[1:] or took or [0.0]


def _account(setting: Problem, landscape: Landscape, generations: int) -> float:
    """Seconds of the account of one replicate with so many generations, in bounds.

    Most of any account is the same for all replicates.
    """
    from evosim.analysis.account import Accountant
    from evosim.simulation.loop import simulate

    experiment = setting.experiment
    each = max(FEWEST, min(generations, LONGEST) // len(experiment.phases))
    phases = tuple(
        phase.model_copy(update={"generations": min(phase.generations, each)})
        for phase in experiment.phases
    )
    small = replace(
        setting,
        experiment=experiment.model_copy(
            update={"phases": phases, "snapshots": (), "replicates": 1}
        ),
    )
    run = simulate(small, landscape, experiment.seed)
    start = time.perf_counter()
    try:
        Accountant(
            small, run.tables | {"landscape": landscape.frame()}, exact=landscape.exact
        ).account()
    except UserError:  # so short a run may have nothing to account for
        return 0.0
    return time.perf_counter() - start


def told(cost: Cost, setting: Problem, free: float | None = None) -> list[str]:
    """What a run takes, in lines; with the `free` bytes of the disk, where that is known."""
    experiment = setting.experiment
    arms = 1 + len(controls_of(experiment))
    how = (
        "scored as a whole"
        if cost.exact
        else "too large to be scored as a whole; its best are looked for"
    )
    parts = [f"grid {short(cost.grid)}", f"generations {short(cost.generation * cost.generations)}"]
    parts.append(
        f"account about {short(cost.account)}"
        if cost.account
        else "and the account, which was not timed"
    )
    parts += [f"figures {short(cost.figures)}"] if cost.figures else []
    there = (
        ""
        if free is None
        else f"; {size(free)} free" + ("" if cost.disk <= free else ", which is not enough")
    )
    return [
        f"run:     {times(experiment, arms)} of {_population(experiment)}",
        f"grid:    {cost.classes:,} genomes, {how}",
        (
            f"time:    about {duration(cost.seconds)} ({', '.join(parts)}; {short(cost.generation)}"
            f" a generation, of {cost.timed}); half a minute more if kernels must be compiled"
        ),
        f"memory:  about {size(cost.memory)}",
        f"disk:    about {size(cost.disk)}"
        + ("" if cost.kept else ", and the genomes that will have lived")
        + (", and figures" if cost.figures else "")
        + there,
    ]


def times(experiment: Experiment, arms: int) -> str:
    """How many generations of how many runs, in words."""
    seeds = f"{experiment.replicates:,} seed" + "s" * (experiment.replicates > 1)
    controls = f" x {arms} (the run and {arms - 1} control{'s' * (arms > 2)})" if arms > 1 else ""
    return f"{seeds}{controls} x {experiment.generations:,} generations"


def _population(experiment: Experiment) -> str:
    many = experiment.optimizer.get("population")
    return f"{many:,}" if many else f"what '{experiment.optimizer['name']}' asks for"


def short(seconds: float) -> str:
    """A length of time in its own unit."""
    return (
        f"{1000 * seconds:.2g} ms"
        if seconds < 0.0995
        else f"{seconds:.2g} s"
        if seconds < 9.95
        else duration(seconds)
    )
