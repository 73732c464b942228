"""The local engine: chunks are computed by processes of this machine.

With one worker the chunks are computed in this process. Otherwise a `WorkerPool` computes them. A
worker that dies is replaced, and its chunk continues from its finished runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from evosim.errors import UserError
from evosim.runtime.machine import processors
from evosim.runtime.worker_pool import (
    THREAD_LIMITS,
    PoolCallbacks,
    PoolOptions,
    TaskContext,
    WorkerDied,
    WorkerPool,
    warn_on_stderr,
)
from evosim.sweeps.engines import Job
from evosim.sweeps.events import ChunkEvent
from evosim.sweeps.worker import run_chunk

MOST_DEATHS = 3  # of workers of one chunk


@dataclass(frozen=True)
class ChunkTask:
    """One chunk for a worker process."""

    folder: Path
    chunk: int
    other_sources: bool

    def __str__(self) -> str:
        return f"chunk {self.chunk}"


def compute(job: Job) -> None:
    """Compute the chunks of a job.

    Raises
    ------
    UserError
        If the folder cannot be written, if other code began the sweep, or if workers keep dying.
    """
    workers = min(job.workers or processors(), len(job.chunks))
    if workers > 1:
        _Driver(job, workers).run()
        return
    for chunk in job.chunks:
        if job.stop_requested():
            return
        run_chunk(
            job.folder,
            chunk,
            threads=job.threads,
            stop_requested=job.stop_requested,
            on_event=job.on_event,
            other_sources=job.other_sources,
        )


def compute_task(task: ChunkTask, context: TaskContext) -> None:
    """Compute a chunk in a worker process; events go to the driver."""
    run_chunk(
        task.folder,
        task.chunk,
        threads=None,
        stop_requested=context.stop_requested,
        on_event=context.send,
        other_sources=task.other_sources,
    )


class _Driver:
    """Passes on events of chunks, and counts the runs that are lost with a worker."""

    def __init__(self, job: Job, workers: int) -> None:
        self._job = job
        # Libraries make their thread pools on import, so the limits are environment variables.
        limits = dict.fromkeys(THREAD_LIMITS, str(job.threads or 1))
        self._options = PoolOptions(workers, True, MOST_DEATHS, limits)
        self._reported: dict[int, int] = {}  # runs of each chunk that were reported

    def run(self) -> None:
        """Compute all chunks, or stop."""
        job = self._job
        folder = job.folder.resolve()
        tasks = [ChunkTask(folder, chunk, job.other_sources) for chunk in job.chunks]
        callbacks = PoolCallbacks[ChunkTask](
            stop_requested=job.stop_requested,
            on_message=self._on_event,
            on_lost=self._on_lost,
            warn=warn_on_stderr,
        )
        pool = WorkerPool[ChunkTask](f"{__name__}:compute_task", self._options)
        try:
            pool.run(tasks, callbacks)
        except WorkerDied as died:
            raise UserError(
                f"{MOST_DEATHS} worker processes died while they computed {died.task}"
                f" ({died.cause}). Free some memory, read {job.folder / 'logs'}, and run the same"
                " command again; finished runs are stored."
            ) from None

    def _on_event(self, task: ChunkTask, event: ChunkEvent) -> None:
        if event.kind == "begin":
            self._reported[event.chunk] = event.done
        elif event.kind == "run":
            self._reported[event.chunk] += 1
        self._job.on_event(event)

    def _on_lost(self, task: ChunkTask) -> None:
        lost = self._reported.pop(task.chunk, 0)
        self._job.on_event(ChunkEvent("lost", task.chunk, lost=lost))
