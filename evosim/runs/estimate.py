"""Estimate time, memory and disk of a run (`--dry-run`).

Time is measured, not guessed: a part of the work is timed without compilation and multiplied. Disk
is computed from the bytes of a row of each table, as measured over the packaged experiments.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from evosim.config.resolve import Problem, build
from evosim.config.schema import Experiment
from evosim.errors import Stop, UserError
from evosim.runs.parallel_replicates import number_of_workers
from evosim.runs.provenance import peak_memory_mib
from evosim.runtime import blocks
from evosim.runtime.progress import Progress, duration, size
from evosim.runtime.remaining_time import RemainingTimeReport, pace, short_duration
from evosim.runtime.words import count_of
from evosim.simulation.controls import controls_of

if TYPE_CHECKING:
    from evosim.fitness.landscape import Landscape

# An estimate times so many seconds of work and at least so many generations.
TIMED, FEWEST = 3.0, 5
# Seconds; the packaged experiments take 4 to 8.
FIGURES = 6.0
# Generations of the run whose analysis is timed. The cost depends on the genomes at its end.
LONGEST = 300
MIB = 2**20
BYTES_OF_CLASS = 10  # in tables/landscape.parquet
BYTES_OF_GENERATION, BYTES_OF_LOCUS, BYTES_OF_ALLELE, BYTES_OF_TRAIT = 60, 6, 4, 26
MEMORY_OF_CLASS = 200  # bytes
MEMORY_OF_JOINING = 150 * MIB  # measured while blocks are joined
MEMORY_OF_PROCESS = 250 * MIB  # of a process that simulates replicates; measured
# Bytes in memory: first of a row before it is in a table, then of rows of tables by generation.
MEMORY_OF_ROW, MEMORY_OF_GENERATION, MEMORY_OF_LOCUS, MEMORY_OF_ALLELE, MEMORY_OF_TRAIT = (
    4000,
    120,
    48,
    64,
    160,
)


class RuntimeEstimator:
    """Progress callback that logs the remaining time once, for runs over a minute.

    The pace is that of the last half of the generations so far, without outliers. It passes
    progress on to another callback.
    """

    def __init__(
        self,
        experiment: Experiment,
        log: Callable[[str], object],
        progress: Progress | None = None,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._experiment, self._log, self._progress, self._now = experiment, log, progress, now
        self._arms = 1 + len(controls_of(experiment))
        self._left = experiment.replicates * self._arms * experiment.generations
        self._grid_report = RemainingTimeReport(clock=now)
        self._report = RemainingTimeReport(clock=now)
        self._grid: tuple[float, int] | None = None
        self._last: float | None = None
        self._took: list[float] = []
        self._worked = 0.0

    def genomes(self, done: int, total: int) -> None:
        """Take the number of genomes of the grid that are evaluated.

        The first block is not timed, because it compiles.
        """
        if self._progress:
            self._progress.genomes(done, total)
        at = self._now()
        if self._grid is None:
            self._grid = (at, done)
            return
        since, first = self._grid
        if self._grid_report.reported or done == first or at - since < TIMED:
            return
        rest = (total - done) * (at - since) / (done - first)
        if self._grid_report.due(rest):
            self._log(
                f"about {duration(rest)} for the grid of {count_of(total, 'genome')}, which no"
                " checkpoint"
                " keeps; then the generations"
            )

    def skip(self, generations: int) -> None:
        """Take the number of generations of earlier parts of the run."""
        self._left -= generations
        if self._progress:
            self._progress.skip(generations)

    def __call__(
        self, run: str, generation: int, total: int, a: float, m: float, *, generations: int = 1
    ) -> None:
        """Take a generation of a run, or several of runs that are simulated side by side."""
        if self._progress:
            self._progress(run, generation, total, a, m, generations=generations)
        self._left -= generations
        at = self._now()
        # Before the first generation of a run there is other work
        if self._last is not None and generation > 0:
            self._took.append((at - self._last) / generations)
            self._worked += at - self._last
        self._last = at
        if self._report.reported or len(self._took) < FEWEST or self._worked < TIMED:
            return
        each = pace(self._took)
        if self._report.due(each * self._left):
            self._log(
                f"about {duration(each * self._left)} left: {times(self._experiment, self._arms)}"
                f" at {short_duration(each)}, then the account. Memory"
                f" {size(peak_memory_mib() * MIB)} so far, disk about"
                f" {size(disk_of(build(self._experiment)))}. Ctrl-C stops it, --resume continues"
            )


@dataclass(frozen=True)
class Cost:
    """The cost of a run.

    Attributes
    ----------
    classes : int
        Classes of the grid.
    exact, stored : bool
        Whether all of them are evaluated, and whether all are stored.
    grid, generation, account, figures : float
        Seconds: of the grid (or of a search for its best), of one generation, of the rest.
    generations : int
        Generations of all replicates and controls.
    memory, disk : float
        Bytes. Memory is a lower bound.
    timed : int
        Generations that were timed.
    processes : int
        Processes that simulate side by side.
    """

    classes: int
    exact: bool
    stored: bool
    grid: float
    generation: float
    account: float
    figures: float
    generations: int
    memory: float
    disk: float
    timed: int
    processes: int = 1

    @property
    def evolution(self) -> float:
        """Seconds of all generations."""
        return self.generation * self.generations / self.processes

    @property
    def seconds(self) -> float:
        """Seconds of the whole run, without compilation."""
        return self.grid + self.evolution + self.account + self.figures


class _Enough(Exception):
    """Enough generations were timed."""


def estimate_run(
    setting: Problem,
    *,
    figures: bool = True,
    threads: int | None = None,
    stop_requested: Callable[[], Stop | None] = lambda: None,
) -> Cost:
    """Time a part of a run: at most a block of the grid, some seconds of generations, an analysis.

    Nothing is written.

    Parameters
    ----------
    setting : Problem
        The run.
    figures : bool
        Whether it draws figures.
    threads : int, optional
        Threads and processes of the run. By default all that this process may have.
    stop_requested : Callable
        Called between generations. A `Stop` that it returns is raised.

    Raises
    ------
    UserError
        If the run is impossible.
    Stop
        If `stop_requested` returns it.
    """
    from evosim.fitness.class_fitness import BLOCK, evaluate_classes
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
        evaluate_classes(setting.genome, landscape.scorers, some[:64])  # compiles
        start = time.perf_counter()
        evaluate_classes(setting.genome, landscape.scorers, some)
        grid = (
            (time.perf_counter() - start)
            * (classes if exact else len(MEASURES) * _tries(setting))
            / len(some)
        )
    took = _timed(setting, landscape, stop_requested)
    # Classes are evaluated when they appear: time that with an empty cache, after compilation
    if classes > BLOCK and not whole:
        took = _timed(setting, Landscape(setting, max_classes=0, max_enumerated=0), stop_requested)
    elif classes > BLOCK:
        took = _timed(
            setting, landscape, stop_requested
        )  # they are in the cache now, as in the run
    account = (
        _account(setting, landscape, int(TIMED / max(pace(took), 1e-9)))
        if classes <= BLOCK
        else 0.0
    )
    arms = 1 + len(controls_of(experiment))
    processes = number_of_workers(experiment, experiment.replicates * arms, threads)
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
        + (MEMORY_OF_PROCESS * processes if processes > 1 else 0)
        + (MEMORY_OF_CLASS * classes if whole and classes > BLOCK else 0),
        disk_of(setting),
        len(took),
        processes,
    )


def memory_of(setting: Problem) -> float:
    """Estimate the bytes of a run's record in memory.

    A long run has one block of generations in memory, a short one all of them.
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
    # At the end blocks are read and joined, some at a time
    if experiment.generations > blocks.BLOCK:
        largest = max(MEMORY_OF_LOCUS * loci, MEMORY_OF_ALLELE * alleles, MEMORY_OF_TRAIT * traits)
        return float(rows * (of_rows + of_table) + min(MEMORY_OF_JOINING, every * largest))
    # For a moment memory has a table and its parts.
    return float(rows * of_rows + 2 * every * of_table)


def disk_of(setting: Problem) -> float:
    """Estimate the bytes of a run's tables: all generations, and the grid if it is stored.

    Of a larger grid the classes that live are stored too. Their number is unknown before the run.
    """
    experiment = setting.experiment
    arms = 1 + len(controls_of(experiment))
    each = disk_by_table(setting)
    once = each.pop("landscape") + experiment.replicates * each.pop("search")
    return once + experiment.replicates * arms * sum(each.values())


def disk_by_table(setting: Problem) -> dict[str, float]:
    """Estimate the bytes of the tables that grow with generations or with the grid.

    Parameters
    ----------
    setting : Problem
        The run.

    Returns
    -------
    dict
        Bytes by table, of one replicate without controls. `landscape` is that of all replicates.
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
    """Estimate the genomes that a coordinate ascent evaluates: every locus in turn, twice."""
    return 2 * setting.experiment.analysis.restarts * sum(setting.genome.grid.counts)


def _timed(
    setting: Problem, landscape: Landscape, stop_requested: Callable[[], Stop | None]
) -> list[float]:
    """Time the first generations of a run, in seconds, without the first one, which compiles."""
    from evosim.simulation.loop import simulate
    from evosim.simulation.session import Session

    at: list[float] = []

    def on_generation(run: str, generation: int, total: int, a: float, m: float) -> None:
        at.append(time.perf_counter())
        if stop := stop_requested():
            raise stop
        if len(at) > FEWEST + 2 and at[-1] - at[2] > TIMED:
            raise _Enough

    with suppress(_Enough):
        simulate(setting, landscape, setting.experiment.seed, Session(on_generation))
    took = [b - a for a, b in itertools.pairwise(at)]
    return took[1:] or took or [0.0]


def _account(setting: Problem, landscape: Landscape, generations: int) -> float:
    """Time the analysis of one replicate with a limited number of generations, in seconds.

    Most of the analysis is shared by all replicates.
    """
    from evosim.analysis.account import Accountant
    from evosim.fitness.scorer import Scorer
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
            small,
            run.tables | {"landscape": landscape.frame()},
            exact=landscape.exact,
            make_scorer=Scorer,
        ).account()
    except UserError:  # so short a run may have nothing to account for
        return 0.0
    return time.perf_counter() - start


def format_cost(cost: Cost, setting: Problem, free: float | None = None) -> list[str]:
    """Return the cost of a run as lines of text.

    Parameters
    ----------
    cost : Cost
        The cost.
    setting : Problem
        The run.
    free : float, optional
        Free bytes of the disk.
    """
    experiment = setting.experiment
    arms = 1 + len(controls_of(experiment))
    method = (
        "scored as a whole"
        if cost.exact
        else "too large to be scored as a whole; its best are looked for"
    )
    parts = [
        f"grid {short_duration(cost.grid)}",
        f"generations {short_duration(cost.evolution)}"
        + (f" in {cost.processes} processes" if cost.processes > 1 else ""),
    ]
    parts.append(
        f"account about {short_duration(cost.account)}"
        if cost.account
        else "and the account, which was not timed"
    )
    parts += [f"figures {short_duration(cost.figures)}"] if cost.figures else []
    there = (
        ""
        if free is None
        else f"; {size(free)} free" + ("" if cost.disk <= free else ", which is not enough")
    )
    return [
        f"run:     {times(experiment, arms)} of {_population(experiment)}",
        f"grid:    {count_of(cost.classes, 'genome')}, {method}",
        (
            f"time:    about {duration(cost.seconds)} ({', '.join(parts)};"
            f" {short_duration(cost.generation)} a generation, of {cost.timed}); half a minute more"
            " if kernels must be compiled"
        ),
        f"memory:  about {size(cost.memory)}",
        f"disk:    about {size(cost.disk)}"
        + ("" if cost.stored else ", and the genomes that will have lived")
        + (", and figures" if cost.figures else "")
        + there,
    ]


def times(experiment: Experiment, arms: int) -> str:
    """Return the numbers of seeds, runs and generations in words."""
    seeds = f"{experiment.replicates:,} seed" + "s" * (experiment.replicates > 1)
    controls = f" x {arms} (the run and {arms - 1} control{'s' * (arms > 2)})" if arms > 1 else ""
    return f"{seeds}{controls} x {count_of(experiment.generations, 'generation')}"


def _population(experiment: Experiment) -> str:
    many = experiment.optimizer.get("population")
    return (
        f"{many:,}"
        if many
        else f"a population of the size that '{experiment.optimizer['name']}' chooses"
    )
