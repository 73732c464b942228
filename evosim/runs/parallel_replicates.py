"""Simulate the replicates of a run, and of its controls, in several processes.

A replicate depends on its experiment and its seed alone. So the tables are the same, byte for byte,
for any number of processes. Short runs stay in one process, because a worker needs about two
seconds to load its modules. So does the first replicate while kernels are not compiled yet:
otherwise each worker would compile them.

Each worker stores the state of its replicate in a file of its own (`ReplicateCheckpoint`). The
driver stores complete replicates (`RunCheckpoint`).
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evosim.config.schema import Experiment
from evosim.errors import Stop, UserError
from evosim.runs.checkpoints import RunCheckpoint, replicate_blocks
from evosim.runtime.atomic_files import make_folder
from evosim.runtime.threads import available_threads
from evosim.runtime.worker_pool import (
    THREAD_LIMITS,
    PoolCallbacks,
    PoolOptions,
    WorkerDied,
    WorkerPool,
    warn_on_stderr,
)
from evosim.simulation.controls import seed_of
from evosim.simulation.state import Run

if TYPE_CHECKING:
    from evosim.fitness.landscape import Landscape

# A generation takes as long as this many newborns, in addition to its newborns.
GENERATION = 400
# Newborns of all replicates, counted so, from which workers save time: about five seconds of work.
LEAST = 4_000_000
REPORT_EVERY = 0.1  # seconds between two messages of a worker about its progress

Replicate = tuple[str, int]  # control (empty for the run itself) and seed


def number_of_workers(experiment: Experiment, replicates: int, threads: int | None) -> int:
    """Return how many processes should simulate; 1 means this process alone.

    Parameters
    ----------
    experiment : Experiment
        The experiment.
    replicates : int
        Replicates that are missing, with those of controls.
    threads : int or None
        Threads that the run may use; None for all.
    """
    newborns = GENERATION + experiment.optimizer.get("population", 0)
    if replicates * experiment.generations * newborns < LEAST:
        return 1
    return min(available_threads(threads), replicates)


@dataclass(frozen=True)
class ReplicateTask:
    """One replicate for a worker.

    Attributes
    ----------
    experiment : Experiment
        The experiment, or the control.
    control : str
        Name of the control; empty for the run itself.
    seed : int
        The seed.
    landscape : Path
        Folder with the fitness of the whole grid; empty if the grid is not stored whole.
    checkpoint : Path
        Folder of the run's checkpoint.
    interval : float
        Seconds between checkpoints.
    """

    experiment: Experiment
    control: str
    seed: int
    landscape: Path
    checkpoint: Path
    interval: float

    def __str__(self) -> str:
        return f"seed {self.seed}" + (f" of the control '{self.control}'" if self.control else "")


@dataclass(frozen=True)
class ReplicateProgress:
    """Progress of a replicate: its last generation, and generations since the last message."""

    label: str
    generation: int
    total: int
    ancestral: float
    modern: float
    since: int


@dataclass(frozen=True)
class ReplicateResult:
    """A complete replicate.

    Attributes
    ----------
    run : Run
        The replicate, without `blocks`.
    blocks : tuple or None
        Number, hash and tables of the blocks on disk of a long replicate.
    """

    run: Run
    blocks: tuple[int, str, tuple[str, ...]] | None


class ReplicateWorkers:
    """Processes that simulate the replicates of one run. Use it in a `with` statement.

    Parameters
    ----------
    checkpoint : RunCheckpoint
        Gets complete replicates.
    workers : int
        Number of processes.
    threads : int or None
        Threads of all workers together; None for all.

    Attributes
    ----------
    workers : int
        Number of processes; 1: none but this one.
    """

    def __init__(self, checkpoint: RunCheckpoint, workers: int, threads: int | None) -> None:
        self._checkpoint, self._options, self.workers = checkpoint, checkpoint.options, workers
        # Libraries make their thread pools on import, so the limits are environment variables.
        each = str(max(1, available_threads(threads) // workers))
        variables = dict.fromkeys(THREAD_LIMITS, each)
        pool = PoolOptions(workers, graceful=True, variables=variables)
        self._pool = WorkerPool[ReplicateTask]("evosim.runs.replicate_worker:simulate_task", pool)
        self._stop: Stop | None = None
        self._unreported, self._reported_at = 0, 0.0
        self._last_line = ""

    def start(self) -> None:
        """Start the processes, so that they load their modules now.

        Raises
        ------
        UserError
            If none can be started.
        """
        if self.workers > 1:
            self._pool.start()

    def __enter__(self) -> ReplicateWorkers:
        self._pool.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.__exit__(*error)

    def simulate(
        self,
        replicates: Sequence[Replicate],
        experiments: Mapping[str, Experiment],
        landscape: Landscape,
    ) -> None:
        """Simulate replicates, and add them to the checkpoint when they are complete.

        Parameters
        ----------
        replicates : sequence of tuple
            Control and seed of each.
        experiments : mapping
            The experiment (its name is empty) and its controls.
        landscape : Landscape
            Fitness of classes. It gets the classes that lived.

        Raises
        ------
        Stop
            If the run was stopped. The checkpoint is written then.
        UserError
            If a worker ended, or raised such an error.
        """
        checkpoint, options = self._checkpoint, self._options
        make_folder(checkpoint.folder)  # workers write into it
        checkpoint.hand_over()

        def on_done(task: ReplicateTask, result: ReplicateResult) -> None:
            run = _with_blocks(result, task, checkpoint.folder)
            landscape.record_observed(run.lived)
            checkpoint.finished.add(task.control, run)
            checkpoint.save_if_due()

        callbacks = PoolCallbacks[ReplicateTask](
            stop_requested=self._stop_requested,
            on_message=self._on_message,
            on_done=on_done,
            on_checkpoint=self._on_checkpoint,
            warn=warn_on_stderr,
        )
        with tempfile.TemporaryDirectory(prefix="evosim-") as name:
            folder = _store(landscape, Path(name))
            tasks = [
                ReplicateTask(
                    experiments[control], control, seed, folder, checkpoint.folder, options.interval
                )
                for control, seed in replicates
            ]
            try:
                self._pool.run(tasks, callbacks)
            except WorkerDied as died:
                checkpoint.save()
                raise UserError(
                    f"a worker process ended at {died.task} ({died.cause}). Complete replicates are"
                    " stored. Its error is above; without one, memory may have been short. Continue"
                    " with one process: add --resume --threads 1."
                ) from None
        if self._stop:
            checkpoint.stopped_by = str(self._stop)
            checkpoint.save()
            raise self._stop

    def _stop_requested(self) -> bool:
        # Only `state.npz` makes the files of the workers a checkpoint. It is written in time,
        # because this process may be killed before any replicate is complete.
        self._checkpoint.save_if_due()
        reason = self._options.stop_requested()
        if reason and not self._stop:
            self._stop = reason if isinstance(reason, Stop) else Stop()
        return self._stop is not None

    def _on_message(self, task: ReplicateTask, message: ReplicateProgress | str) -> None:
        if isinstance(message, str):
            if message != self._last_line:  # workers that share a disk say the same of it
                self._options.log(message)
            self._last_line = message
            return
        self._unreported += message.since
        now = time.monotonic()
        if self._options.progress and now - self._reported_at >= REPORT_EVERY:
            self._options.progress(
                message.label,
                message.generation,
                message.total,
                message.ancestral,
                message.modern,
                generations=self._unreported,
            )
            self._unreported, self._reported_at = 0, now

    def _on_checkpoint(self) -> None:
        self._checkpoint.save()
        self._last_line = ""  # workers say when their part is written


def _store(landscape: Landscape, folder: Path) -> Path:
    """Store the fitness of a whole grid for the workers, who share these files in memory.

    Raises
    ------
    UserError
        If the folder for temporary files is full.
    """
    if (known := landscape.stored) is None:
        return Path()
    try:
        for item in fields(known):
            np.save(folder / f"{item.name}.npy", getattr(known, item.name))
    except OSError as error:
        raise UserError(
            f"the folder for temporary files {folder.parent} must have room for"
            f" {sum(getattr(known, item.name).nbytes for item in fields(known)):,} bytes, but"
            f" has not ({error.strerror}). Set TMPDIR to another folder, or add --threads 1."
        ) from None
    return folder


def _with_blocks(result: ReplicateResult, task: ReplicateTask, folder: Path) -> Run:
    """Return the run of a result, with its blocks on disk. Raises `UserError`."""
    if result.blocks is None:
        return result.run
    blocks = replicate_blocks(
        folder, task.experiment, task.control, seed_of(task.control, task.seed)
    )
    assert blocks is not None, "a replicate with blocks is long"
    blocks.reopen(*result.blocks)
    return replace(result.run, blocks=blocks)
