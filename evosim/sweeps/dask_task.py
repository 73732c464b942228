"""The Dask task: compute one chunk in a Dask worker, and report events to the driver."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from evosim.runtime.worker_pool import POLL
from evosim.sweeps.events import ChunkEvent, OnEvent
from evosim.sweeps.worker import run_chunk

REPORT_EVERY = 1.0  # seconds


class Unfinished(Exception):
    """A chunk was stopped; its finished runs are stored."""


_ONE_AT_A_TIME = threading.Lock()
_STOPPED: set[str] = set()  # tokens of drivers that stopped


def stop_here(token: str) -> None:
    """In a worker: have the tasks of one driver store what they have, and end."""
    _STOPPED.add(token)


def compute_chunk(folder: str, chunk: int, token: str, threads: int, other_sources: bool) -> None:
    """The task: compute a chunk.

    Parameters
    ----------
    folder, chunk : str
        The sweep and the chunk.
    token : str
        Names the driver.
    threads : int
        Threads of the kernels.
    other_sources : bool
        Whether code other than that which began the sweep may compute it.

    Raises
    ------
    UserError
        If the folder cannot be read or written.
    Unfinished
        If it was stopped.
    """
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()
    leaving = ("closing", "closing_gracefully", "closed", "failed", "stopping")

    def stop_requested() -> bool:
        task = worker.state.tasks.get(key)
        unwanted = task is None or task.state == "cancelled"
        return token in _STOPPED or unwanted or worker.status.name in leaving

    # One chunk at a time, whatever the number of the worker's threads: kernels have their own.
    while not _ONE_AT_A_TIME.acquire(timeout=POLL):
        if stop_requested():
            raise Unfinished(chunk)
    try:
        with _reporter(worker, token) as on_event:
            result = run_chunk(
                folder,
                chunk,
                threads=threads,
                stop_requested=stop_requested,
                on_event=on_event,
                other_sources=other_sources,
            )
    finally:
        _ONE_AT_A_TIME.release()
    if not result.finished:
        raise Unfinished(chunk)


@contextlib.contextmanager
def _reporter(worker: Any, token: str) -> Iterator[OnEvent]:
    """Sends events to the driver, at most once a second."""
    waiting: list[ChunkEvent] = []
    last = time.monotonic()

    def flush() -> None:
        nonlocal last
        if waiting:
            worker.log_event(token, [asdict(event) for event in waiting])
            waiting.clear()
        last = time.monotonic()

    def on_event(event: ChunkEvent) -> None:
        if event.kind == "end":
            return  # the driver looks into the folder
        waiting.append(event)
        if event.kind == "begin" or time.monotonic() - last > REPORT_EVERY:
            flush()

    try:
        yield on_event
    finally:
        flush()
