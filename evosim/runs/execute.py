"""Execute an experiment into a folder, with checkpoints, and read it back."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evosim.analysis.recorded_run import Recorded
from evosim.analysis.shared_cache import gaps_of_pair
from evosim.config.landscape_search import landscape_digest
from evosim.config.resolve import Problem, build
from evosim.config.schema import Experiment
from evosim.errors import UserError
from evosim.runs.accounts import write_tables
from evosim.runs.checkpoint_files import seconds_saved
from evosim.runs.checkpoints import RunCheckpoint
from evosim.runs.estimate import disk_of
from evosim.runs.folder import (
    RunWriter,
    finish_publishing,
    holds_run,
    is_half_published,
    run_folder,
)
from evosim.runs.interruption import describe_position, end_early, number_of_runs
from evosim.runs.parallel_replicates import Replicate, ReplicateWorkers, number_of_workers
from evosim.runs.provenance import LandscapeFacts, RunOutcome
from evosim.runs.reader import CHECKPOINT, read_run
from evosim.runs.session import SessionOptions
from evosim.runtime import forked_processes
from evosim.runtime.atomic_files import check_room
from evosim.runtime.output_folders import in_use, partial_of
from evosim.runtime.threads import check_threads, use_threads
from evosim.runtime.timing import Clock
from evosim.simulation.control_runs import simulate_one
from evosim.simulation.controls import controls_of

if TYPE_CHECKING:
    from evosim.fitness.landscape import Landscape

PROTECTED = 60.0  # seconds of unfinished work that are deleted only with --force

__all__ = ["number_of_runs", "run"]


def run(
    experiment: Experiment,
    *,
    out: Path | None = None,
    threads: int | None = None,
    force: bool = False,
    resume: bool = False,
    clock: Clock | None = None,
    options: SessionOptions | None = None,
) -> tuple[Recorded, bool]:
    """Run an experiment, or read it back if its folder already holds it.

    Parameters
    ----------
    experiment : Experiment
        The experiment.
    out : Path, optional
        Folder of the run. Default: `results/runs/NAME-DIGEST-sSEED`.
    threads : int, optional
        Threads of the kernels.
    force : bool
        Repeat a run that is there.
    resume : bool
        Continue an interrupted run if there is one.
    clock : Clock, optional
        Counts seconds by stage.
    options : SessionOptions, optional
        Requests to stop, checkpoints, progress, messages.

    Returns
    -------
    tuple of Recorded and bool
        The run, and whether it was computed now.

    Raises
    ------
    UserError
        If the experiment, the folder or the disk does not allow the run.
    Interrupted
        If the run was stopped. A partial folder stays, whose file STATUS says what it is.
    """
    forked_processes.check()
    folder = run_folder(experiment, out)
    if not folder.name:
        folder = folder.resolve()
    check_threads(threads)
    is_there = (not force or is_half_published(folder)) and finish_publishing(folder, experiment)
    is_there |= holds_run(folder, experiment)
    clock, options = clock or Clock(), options or SessionOptions()
    partial = partial_of(folder)
    checkpoint = RunCheckpoint(partial / CHECKPOINT, experiment, clock, options)
    continues = resume and checkpoint.exists
    if is_there and not force and not continues:
        return read_run(folder), False
    problem = build(experiment)
    gaps_of_pair(problem.pair)  # raises now what the analysis would raise after the run
    check_room(folder, disk_of(problem))
    if continues:
        checkpoint.load()
    elif resume and partial.is_dir():
        options.log(f"{partial} has no checkpoint; starting at the beginning")
    elif not force:
        _protect_unfinished_work(partial, options.log)
    job = _Job(experiment, problem, checkpoint, clock, options)
    workers = number_of_workers(experiment, len(job.missing), threads)
    with ReplicateWorkers(checkpoint, workers, threads) as processes:
        with clock.stage("imports"):
            from evosim.kernels.compilation import is_compiled

            if compiled := is_compiled("reproduce"):
                processes.start()
            import evosim.fitness.landscape
            import evosim.simulation.loop  # noqa: F401

            use_threads(threads)
        writer = RunWriter(folder, experiment, continues=continues)
        try:
            if continues:
                job.report_resumption()
            landscape = job.simulate_all(processes, alone=not compiled)
            job.write(writer, landscape)
        except BaseException as error:
            end_early(error, writer, checkpoint, experiment, job.problems)
            raise
    return read_run(folder), True


@dataclass(frozen=True, eq=False)
class _Job:
    """All replicates of one experiment and of its controls."""

    experiment: Experiment
    problem: Problem
    checkpoint: RunCheckpoint
    clock: Clock
    options: SessionOptions

    @property
    def controls(self) -> Mapping[str, Experiment]:
        """The controls by name."""
        return controls_of(self.experiment)

    @property
    def problems(self) -> list[str]:
        """Names of the controls, after the empty name of the run itself."""
        return ["", *self.controls]

    def report_resumption(self) -> None:
        """Say where the run continues, and count what was done for the progress line."""
        checkpoint = self.checkpoint
        seconds = sum(part.total for part in checkpoint.interruptions)
        place = describe_position(checkpoint, self.experiment)
        self.options.log(f"continuing at {place}, after {seconds:.0f} s of work")
        if self.options.progress:
            done = len(checkpoint.finished) * self.experiment.generations
            position = checkpoint.under_way
            self.options.progress.skip(done + (position.generation + 1 if position else 0))

    @property
    def missing(self) -> list[Replicate]:
        """Replicates that are not complete, the run's before those of its controls."""
        finished = self.checkpoint.finished
        return [
            (name, seed)
            for name in self.problems
            for complete in [finished.endings(name)]
            for seed in self.experiment.seeds
            if str(seed) not in complete
        ]

    def simulate_all(self, processes: ReplicateWorkers, *, alone: bool) -> Landscape:
        """Simulate all replicates that are missing, and return the landscape.

        Parameters
        ----------
        processes : ReplicateWorkers
            Simulate if they are several.
        alone : bool
            Whether this process simulates the first replicate alone, because it compiles.
        """
        from evosim.fitness.landscape import Landscape

        experiment, finished = self.experiment, self.checkpoint.finished
        progress = self.options.progress
        problems = {"": self.problem} | {
            name: build(control) for name, control in self.controls.items()
        }
        with _stage(self.clock, "landscape"):
            landscape = Landscape(self.problem, progress=progress.genomes if progress else None)
            landscape.record_observed(finished.lived())
        self.options.on_ready()
        missing = self.missing
        here = len(missing) if processes.workers == 1 else int(alone)
        for stage, names in (("evolution", [""]), ("controls", list(self.controls))):
            with _stage(self.clock, stage):
                for name, seed in missing[:here]:
                    if name in names:
                        run = simulate_one(name, problems[name], landscape, seed, self.checkpoint)
                        finished.add(name, run)
        if missing[here:]:
            experiments = {"": experiment, **self.controls}
            with _stage(self.clock, "evolution and controls"):
                processes.simulate(missing[here:], experiments, landscape)
        with _stage(self.clock, "landscape"):
            landscape.observe_best(experiment.seed, experiment.analysis.restarts)
        return landscape

    def write(self, writer: RunWriter, landscape: Landscape) -> None:
        """Write all tables and the provenance, and publish the folder."""
        finished, interruptions = self.checkpoint.finished, self.checkpoint.interruptions
        with self.clock.stage("tables"):
            writer.table("landscape", landscape.frame())
            write_tables(writer, finished, self.problems)
        ancestral, modern = landscape.scorers
        writer.finish(
            RunOutcome(
                seconds=_summed([*(part.seconds for part in interruptions), self.clock.as_dict()]),
                interruptions=[part.model_dump() for part in interruptions],
                runs=finished.endings(),
                controls={name: finished.endings(name) for name in self.controls},
                landscape=LandscapeFacts(
                    digest=landscape_digest(self.experiment),
                    exact=landscape.exact,
                    grid=self.problem.genome.grid.size,
                    policies_ancestral=ancestral.evaluated,
                    policies_modern=modern.evaluated,
                    kept_whole=landscape.whole,
                    survey=landscape.survey.facts() if landscape.survey else None,
                ),
            )
        )


def _protect_unfinished_work(partial: Path, log: Callable[[str], object]) -> None:
    """Refuse to delete an interrupted run that took long; log that a short one is deleted.

    Raises
    ------
    UserError
        If the work took a minute or more.
    """
    seconds = 0.0 if in_use(partial) else seconds_saved(partial / CHECKPOINT)
    if seconds >= PROTECTED:
        amount = (
            f"{seconds / 60:.0f} min of unfinished work"
            if seconds < float("inf")
            else "unfinished work that cannot be read"
        )
        raise UserError(
            f"{partial} holds {amount}. Continue it: add --resume. Delete it and start again: add"
            " --force."
        )
    if seconds:
        folder = shlex.quote(str(partial))
        log(
            f"starting again; {seconds:.0f} s of unfinished work in {folder} are deleted (next time"
            " --resume continues an interrupted run)"
        )


def _summed(parts: list[dict[str, float]]) -> dict[str, float]:
    """Add up the seconds by stage of all parts."""
    stages = dict.fromkeys(stage for part in parts for stage in part)
    return {stage: round(sum(part.get(stage, 0.0) for part in parts), 3) for stage in stages}


@contextmanager
def _stage(clock: Clock, name: str) -> Iterator[None]:
    """Time a stage without the time that Numba takes to compile, which is a stage of its own."""
    from numba.core.event import TimingListener, install_listener

    compiler = TimingListener()
    with clock.stage(name):
        try:
            with install_listener("numba:compile", compiler):
                yield
        finally:
            if compiler.done:
                clock.add("compilation", compiler.duration)
