"""Engines that compute with Dask: workers of this machine, of a running scheduler, or of Slurm.

A task is a chunk. It returns nothing: the files in the folder say whether the chunk is done. Few
tasks are submitted at a time. Dask replaces workers that die, and their chunks continue from the
finished runs. Needs the package `distributed`, for Slurm also `dask-jobqueue`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import queue
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from evosim.errors import UserError
from evosim.runtime import installation
from evosim.runtime.worker_pool import POLL
from evosim.sweeps.dask_clusters import (
    client_here,
    client_of,
    client_of_slurm,
    quiet,
    require_slurm,
)
from evosim.sweeps.dask_task import Unfinished, compute_chunk, stop_here
from evosim.sweeps.engines import Job
from evosim.sweeps.events import ChunkEvent
from evosim.sweeps.store import FAILED, Store
from evosim.sweeps.worker import failed_runs
from evosim.version import DISTRIBUTION

LEAST_OUT, EACH_OUT = 4, 3  # Submitted tasks: minimum, and for each worker.
MOST_ERRORS = 3  # Unforeseen errors of one chunk.
LOOK_EVERY = 2.0  # Seconds between two checks of the scheduler.
NO_WORKERS = 60.0  # Seconds without workers, if none is expected.
NO_SCHEDULER = 30.0  # Seconds without an answer of the scheduler.
NOT_SEEN = 90.0  # Seconds until a file written elsewhere must appear here.
GRACE = 30.0  # Seconds in which workers may store finished runs.


def compute(job: Job) -> None:
    """Compute the chunks of a job on this machine, or on the scheduler at the job's address.

    Raises
    ------
    UserError
        If Dask or the scheduler is missing, or if workers fail.
    """
    need_dask()
    with quiet(), contextlib.ExitStack() as stack:
        client = client_of(job.address, stack) if job.address else client_here(job, stack)
        _Driver(job, client, lambda: False).work()


def compute_on_slurm(job: Job) -> None:
    """Compute the chunks of a job with new Slurm jobs as workers.

    Raises
    ------
    UserError
        If Dask or Slurm is missing, or if workers fail.
    """
    need_slurm()
    with quiet(), contextlib.ExitStack() as stack:
        client, expects_workers = client_of_slurm(job, stack)
        _Driver(job, client, expects_workers).work()


def need_dask() -> None:
    """Refuse to start without Dask. Raises `UserError`."""
    _need("distributed", "dask")
    _need("cryptography", "dask")
    if installation.COMMAND in os.environ:
        importlib.import_module("dask")  # it may replace the reader of package metadata
        installation.tolerate()


def need_slurm() -> None:
    """Refuse to start without Dask or Slurm. Raises `UserError`."""
    _need("distributed", "slurm")
    _need("dask_jobqueue", "slurm")
    _need("cryptography", "slurm")
    require_slurm()


def _need(package: str, extra: str) -> None:
    if importlib.util.find_spec(package) is None:
        name = package.replace("_", "-")
        raise UserError(
            f"this engine needs the package {name}, which is not installed. Install it: pip"
            f" install '{DISTRIBUTION}[{extra}]'."
        )


class _Driver:
    """Submits chunks as tasks and looks for their files in the folder."""

    def __init__(self, job: Job, client: Any, expects_workers: Callable[[], bool]) -> None:
        self._job, self._client, self._expects_workers = job, client, expects_workers
        self._store = Store(job.folder)
        self._token = f"evosim-{uuid.uuid4().hex}"
        self._todo = list(reversed(job.chunks))
        self._futures: dict[int, Any] = {}  # by chunk
        self._reported: dict[int, tuple[int, int]] = {}  # runs of a chunk that ended, and failed
        # chunks that were written elsewhere, and until when their files must appear here
        self._unseen: dict[int, float] = {}
        self._errors: dict[int, int] = {}
        self._tries = 0
        self._messages: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._workers = 0
        self._checked = self._answered = self._worked = time.monotonic()
        self._until: float | None = None  # the end of a stop
        self._trouble: str | None = None
        client.subscribe_topic(self._token, lambda event: self._messages.put(("events", event[1])))

    def work(self) -> None:
        """Compute all chunks, unless a stop is requested or an error concerns all."""
        try:
            self._check_workers()
            while self._todo or self._futures or self._unseen:
                if self._until is None and (self._job.stop_requested() or self._trouble):
                    self._stop()
                if self._until is not None and (
                    not self._futures or time.monotonic() > self._until
                ):
                    break
                self._hand_out()
                self._listen()
                self._seek()
                if time.monotonic() - self._checked > LOOK_EVERY:
                    self._check_workers()
        finally:
            self._let_go()
        if self._trouble:
            raise UserError(self._trouble)

    def _hand_out(self) -> None:
        job = self._job
        if self._client.status != "running":
            return  # it is reconnecting and would lose a task
        while (
            self._todo
            and self._until is None
            and len(self._futures) < max(LEAST_OUT, EACH_OUT * self._workers)
        ):
            chunk = self._todo.pop()
            self._tries += 1
            arguments = (
                str(job.folder.resolve()),
                chunk,
                self._token,
                job.threads or 1,
                job.other_sources,
            )
            key = f"{self._token}-{chunk}-{self._tries}"
            future = self._client.submit(compute_chunk, *arguments, key=key, pure=False, retries=0)
            self._futures[chunk] = future
            future.add_done_callback(
                lambda ended, chunk=chunk: self._messages.put(("ended", (chunk, ended)))
            )

    def _listen(self) -> None:
        """Wait for a message, and handle all that have arrived."""
        with contextlib.suppress(queue.Empty):
            kind, content = self._messages.get(timeout=POLL)
            while True:
                if kind == "events":
                    for event in content:
                        self._on_event(ChunkEvent(**event))
                else:
                    self._ended(*content)
                kind, content = self._messages.get_nowait()

    def _on_event(self, event: ChunkEvent) -> None:
        chunk = event.chunk
        if chunk not in self._futures:
            return
        if event.kind == "begin":
            self._lost(chunk)
            self._reported[chunk] = (event.done, 0)
        elif chunk in self._reported:
            ended, failed = self._reported[chunk]
            self._reported[chunk] = (ended + 1, failed + (event.status == FAILED))
        else:
            return
        self._job.on_event(event)

    def _lost(self, chunk: int) -> None:
        """Take back what was reported of a chunk: it begins again."""
        if chunk in self._reported:
            self._job.on_event(ChunkEvent("lost", chunk, lost=self._reported.pop(chunk)[0]))

    def _ended(self, chunk: int, future: Any) -> None:
        """Handle a task that ended in any way; the folder says whether its chunk is done."""
        if chunk not in self._futures or self._futures[chunk] is not future:
            return
        del self._futures[chunk]
        status, error = future.status, None
        if status == "error":
            with contextlib.suppress(Exception):  # the scheduler may have lost it
                error = future.exception(timeout=NO_SCHEDULER)
        future.release()
        if self._store.is_done(chunk):
            self._done(chunk)
        elif status == "finished":
            self._unseen[chunk] = time.monotonic() + NOT_SEEN
        elif error is None or type(error).__name__ == Unfinished.__name__:
            # its worker ended in good order, or the scheduler lost it
            self._again(chunk)
        elif isinstance(error, UserError):
            self._trouble = self._trouble or str(error)
        elif type(error).__name__ == "KilledWorker":
            self._trouble = self._trouble or (
                f"several worker processes died while they computed chunk {chunk}. Free some"
                f" memory, read {self._job.folder / 'logs'}, and run the same command again;"
                " finished runs are stored."
            )
        else:
            self._errors[chunk] = self._errors.get(chunk, 0) + 1
            if self._errors[chunk] >= MOST_ERRORS:
                words = " ".join(f"{type(error).__name__}: {error}".split())
                self._trouble = self._trouble or (
                    f"chunk {chunk} ended {MOST_ERRORS} times with {words}. Remove the cause and"
                    " run the same command again; finished runs are stored."
                )
            self._again(chunk)

    def _again(self, chunk: int) -> None:
        self._lost(chunk)
        self._todo.append(chunk)

    def _done(self, chunk: int) -> None:
        """Report a chunk that is done, and its runs that were not reported yet."""
        ended, failed = self._reported.pop(chunk, (None, 0))
        if ended is None:
            self._job.on_event(ChunkEvent("begin", chunk))
        all_failed = failed_runs(self._store, chunk)
        for _ in range(self._store.size(chunk) - (ended or 0)):
            status, failed = (FAILED, failed + 1) if failed < all_failed else ("complete", failed)
            self._job.on_event(ChunkEvent("run", chunk, status=status))
        self._job.on_event(ChunkEvent("end", chunk, finished=True))

    def _seek(self) -> None:
        """Look for chunks that were written elsewhere; a network file system may be late."""
        for chunk, until in list(self._unseen.items()):
            if self._store.is_done(chunk):
                del self._unseen[chunk]
                self._done(chunk)
            elif time.monotonic() > until:
                self._trouble = self._trouble or (
                    f"a worker wrote chunk {chunk} {NOT_SEEN:.0f} s ago, but it is not in"
                    f" {self._job.folder}. Give all machines the same folder, and run the same"
                    " command again."
                )
                del self._unseen[chunk]

    def _check_workers(self) -> None:
        """Check that the scheduler answers and has workers."""
        now = self._checked = time.monotonic()
        client = self._client
        with contextlib.suppress(Exception):  # no answer: see below
            self._workers = len(
                client.sync(client.scheduler.ncores, workers=None, callback_timeout=5)
            )
            now = self._answered = time.monotonic()
            if self._workers or (now - self._worked > NO_WORKERS / 3 and self._expects_workers()):
                self._worked = now
        if self._until is not None:
            return
        if client.status in ("closed", "closing") or now - self._answered > NO_SCHEDULER:
            where = self._job.address or "that was started"
            self._trouble = (
                f"the Dask scheduler {where} does not answer. Start it and run the same command"
                " again; finished runs are stored."
            )
            self._until = now  # there is no scheduler to send a stop to
        elif now - self._worked > NO_WORKERS:
            where = f"the Dask scheduler {self._job.address}" if self._job.address else "the engine"
            self._trouble = (
                f"{where} had no workers for {NO_WORKERS:.0f} s. Start some and run the same"
                " command again; finished runs are stored."
            )

    def _stop(self) -> None:
        """Have workers store what they have, as those of the local engine do."""
        self._until = time.monotonic() + (GRACE if self._workers else 0.0)
        self._todo.clear()
        self._unseen.clear()
        threading.Thread(target=self._send_stop, daemon=True).start()

    def _send_stop(self) -> None:
        # repeated: new workers may start in the meantime
        while self._futures and self._until and time.monotonic() < self._until:
            with contextlib.suppress(Exception):
                client = self._client
                client.sync(
                    client._run, stop_here, self._token, on_error="ignore", callback_timeout=5
                )
            time.sleep(POLL)

    def _let_go(self) -> None:
        """Cancel the remaining tasks; the scheduler may outlive this driver."""
        with contextlib.suppress(Exception):
            if self._futures and self._client.status == "running":
                self._client.sync(
                    self._client._cancel,
                    list(self._futures.values()),
                    force=True,
                    callback_timeout=5,
                )
        self._futures.clear()
