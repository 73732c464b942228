"""Compute one chunk of a sweep and write it. Every engine calls `run_chunk` in its own processes.

The bytes of a chunk depend only on its plan. The process, the number of threads, the order of
chunks and interruptions have no influence.
"""

from __future__ import annotations

import contextlib
import pickle
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from evosim.errors import Stop, UserError, in_one_line
from evosim.runs.in_memory import Replicate, replicate
from evosim.runtime.atomic_files import Unwritable
from evosim.runtime.checksums import Damaged
from evosim.runtime.interrupts import checkpoint_requests
from evosim.simulation.session import Session
from evosim.sweeps import run_checkpoints
from evosim.sweeps.chunk_results import Failure, FinishedRuns
from evosim.sweeps.design import experiment_of
from evosim.sweeps.events import ChunkEvent, OnEvent, ProcessLog, ignore
from evosim.sweeps.plan import PlannedRun
from evosim.sweeps.prepared_runs import prepared
from evosim.sweeps.run_checkpoints import RunCheckpoints, clear_all
from evosim.sweeps.schema import TomlTable
from evosim.sweeps.store import Store

# The next write waits so many times as long as the last one took: writes cost at most a twentieth.
WRITE_SHARE = 20


class MachineFailure(UserError):
    """The machine lacks something that a run needs. The run has not failed."""


class Stopped(BaseException):
    """A stop was requested during a run. The run has not failed."""


@dataclass(frozen=True)
class ChunkResult:
    """The result of `run_chunk`. The results of runs are in files.

    Attributes
    ----------
    chunk : int
        The chunk.
    finished : bool
        Whether it is done. Otherwise it was stopped; its finished runs are stored.
    computed : int
        Runs that were computed now.
    failed : int
        Runs of the chunk that failed.
    """

    chunk: int
    finished: bool
    computed: int
    failed: int


def run_chunk(
    folder: Path | str,
    chunk: int,
    *,
    threads: int | None = 1,
    stop_requested: Callable[[], bool] = lambda: False,
    on_event: OnEvent = ignore,
    other_sources: bool = False,
) -> ChunkResult:
    """Compute the runs of a chunk that are not finished, and write the chunk.

    A chunk that is done is left as it is. Two processes may work on the same chunk.

    Parameters
    ----------
    folder, chunk : Path | str
        The sweep and the chunk.
    threads : int or None
        Threads of the kernels; None for all processors.
    stop_requested : Callable
        If it returns true, the current run stops within a generation; finished runs are written.
    on_event : OnEvent
        Receives what happens.
    other_sources : bool
        Whether code other than that which began the sweep may compute it.

    Raises
    ------
    UserError
        If the folder cannot be read or written, or if other code began it.
    """
    store = opened(Path(folder))
    store.check_sources(other_sources=other_sources)
    if store.is_done(chunk) or store.complete(chunk):
        return ChunkResult(chunk, True, 0, failed_runs(store, chunk))
    use_threads(threads)
    return _ChunkRunner(store, chunk, stop_requested, on_event).run()


class _ChunkRunner:
    """Computes one chunk: run after run, with finished runs written now and then."""

    def __init__(
        self, store: Store, chunk: int, stop_requested: Callable[[], bool], on_event: OnEvent
    ) -> None:
        self._store, self._chunk = store, chunk
        self._stop_requested, self._on_event = stop_requested, on_event
        self._done = FinishedRuns(store.keep, store.kinds, store.finished(chunk))
        self._log = ProcessLog(store.folder)
        self._written, self._pause = time.monotonic(), run_checkpoints.WRITE_EVERY
        self._unwritten = False  # whether a finished run is not in a file yet
        self._seconds: list[float] = []
        self._checkpoints: list[RunCheckpoints] = []

    def run(self) -> ChunkResult:
        """Compute the chunk until it is done or a stop is requested."""
        chunk, done = self._chunk, self._done
        self._on_event(ChunkEvent("begin", chunk, done=len(done)))
        self._log("begin", chunk, done=len(done))
        try:
            for planned in self._store.runs_of(chunk):
                if planned.run not in done:
                    self._run_one(planned)
            self._store.commit(chunk, done.frames())
            clear_all(self._checkpoints)
            finished = True
        except (Stopped, Stop):
            if self._checkpoints and self._checkpoints[-1].run not in done:
                self._checkpoints[-1].save()
            self._write_finished()
            finished = False
        except MachineFailure:
            if self._unwritten:
                with contextlib.suppress(UserError, OSError, MemoryError):
                    self._store.write_finished(chunk, done.frames())
            raise
        kind = "end" if finished else "stop"
        self._log(kind, chunk, done=len(done), seconds=self._seconds)
        self._on_event(ChunkEvent("end", chunk, finished=finished))
        return ChunkResult(chunk, finished, len(self._seconds), done.failed)

    def _run_one(self, planned: PlannedRun) -> None:
        if self._stop_requested():
            raise Stopped
        start = time.perf_counter()
        self._write_if_requested()
        checkpoints = RunCheckpoints(
            self._store, self._chunk, planned.run, self._stop_requested, self._write_if_requested
        )
        self._checkpoints.append(checkpoints)
        result, trace = _computed(self._store, planned, checkpoints, self._stop_requested)
        self._seconds.append(round(time.perf_counter() - start, 4))
        self._done.add(planned, result)
        self._unwritten = True
        self._on_event(
            ChunkEvent(
                "run", self._chunk, run=planned.run, status=result.status, seconds=self._seconds[-1]
            )
        )
        if trace:
            self._log("failed", self._chunk, run=planned.run, trace=trace)
        self._log.sign_of_life(self._chunk, len(self._done))
        due = time.monotonic() - self._written > self._pause
        if due and len(self._done) < self._store.size(self._chunk):
            began = time.monotonic()
            self._store.write_finished(self._chunk, self._done.frames())
            clear_all(self._checkpoints)
            self._written, self._unwritten = time.monotonic(), False
            self._pause = max(run_checkpoints.WRITE_EVERY, WRITE_SHARE * (self._written - began))

    def _write_finished(self) -> None:
        """Write finished runs, if any is not in a file yet."""
        if self._unwritten:
            self._store.write_finished(self._chunk, self._done.frames())
            clear_all([each for each in self._checkpoints if each.run in self._done])

    def _write_if_requested(self) -> bool:
        """Write finished runs if a signal requested a checkpoint. Returns whether one did."""
        if not checkpoint_requests.take():
            return False
        self._write_finished()
        if self._unwritten:
            self._written, self._unwritten = time.monotonic(), False
        self._log("asked", self._chunk, done=len(self._done))
        return True


def failed_runs(store: Store, chunk: int) -> int:
    """Number of failed runs in a chunk that is done; 0 if that file is damaged."""
    try:
        return store.outcomes(chunk).failed
    except Damaged:  # `evosim sweep check` reports it
        return 0


def use_threads(threads: int | None) -> None:
    """Set the number of threads of the kernels; None for all."""
    import numba

    most = numba.config.NUMBA_NUM_THREADS
    numba.set_num_threads(most if threads is None else min(threads, most))


def compute(
    tree: TomlTable,
    planned: PlannedRun,
    kinds: dict[str, str],
    stop_requested: Callable[[], bool] = lambda: False,
    session: Callable[[str], Session | None] | None = None,
) -> Replicate:
    """Compute one run of a plan.

    Parameters
    ----------
    tree, kinds : TomlTable
        As in `plan.Plan`.
    planned : PlannedRun
        The run.
    stop_requested : Callable
        Whether to stop.
    session : Callable, optional
        Gives the session of the run and of each control, which asks whether to stop. By default
        there are no checkpoints.

    Raises
    ------
    Stopped
        If a stop was requested.
    UserError
        If the run resolves to another experiment than planned.
    Exception
        Any error of the computation.
    """
    settings = planned.settings(kinds)
    experiment = experiment_of(tree, settings, planned.seed, name=f"run {planned.run}")
    if experiment.setting_digest() != planned.cell:
        raise UserError(
            f"run {planned.run} resolves to cell {experiment.setting_digest()[:8]}, but cell"
            f" {planned.cell[:8]} was planned: defaults have changed. Run the sweep again with"
            " another --out."
        )

    def progress(*_: object) -> None:
        if stop_requested():
            raise Stopped

    ready = prepared(experiment, progress)
    session = session or (lambda control: Session(progress))
    return replicate(ready.setting, ready.landscape, session, ready.cache)


def _computed(
    store: Store,
    planned: PlannedRun,
    session: Callable[[str], Session],
    stop_requested: Callable[[], bool],
) -> tuple[Replicate | Failure, str | None]:
    """The result of a run, or its failure and the whole traceback."""
    try:
        return compute(store.manifest.tree, planned, store.kinds, stop_requested, session), None
    except Unwritable:  # the disk failed, not the run
        raise
    except Exception as error:
        if _is_machine_failure(error):
            words = in_one_line(f"{type(error).__name__}: {error}".rstrip(". "))
            raise MachineFailure(
                f"run {planned.run} needs more than this machine gave: {words}. Provide more"
                " memory, files, processes or disk space, and run the same command again. No"
                " failure is recorded; finished runs are stored."
            ) from None
        return Failure(_message_of(error)), traceback.format_exc()


def _is_machine_failure(error: Exception) -> bool:
    """Whether the machine failed, so that the run may succeed elsewhere or later."""
    if isinstance(error, UserError):
        return isinstance(error, MachineFailure)
    threads = isinstance(error, RuntimeError) and "can't start new thread" in str(error)
    return threads or isinstance(
        error, OSError | MemoryError | EOFError | ImportError | pickle.PickleError
    )


def _message_of(error: Exception) -> str:
    """An error and where in the package it occurred: equal on every machine with this code."""
    words = " ".join(str(error).split())
    if isinstance(error, UserError):
        return words
    package = Path(__file__).resolve().parent.parent
    places = [
        f"{Path(frame.filename).resolve().relative_to(package.parent).as_posix()}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if package in Path(frame.filename).resolve().parents
    ]
    where = f" ({places[-1]})" if places else ""
    return f"{type(error).__name__}: {words}{where}"


def opened(folder: Path) -> Store:
    """The store of a folder, read once per process and again if `sweep.json` changes.

    Raises
    ------
    UserError
        If the folder is no sweep, or is damaged.
    """
    folder = folder.resolve()
    try:
        facts = (folder / "sweep.json").stat()
    except OSError:
        return Store(folder)  # it raises the right error
    return _store(folder, facts.st_mtime_ns, facts.st_ino)


@lru_cache(maxsize=4)
def _store(folder: Path, *_: int) -> Store:
    return Store(folder)
