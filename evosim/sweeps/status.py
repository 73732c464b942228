"""How far a sweep is, from the files in its folder."""

from __future__ import annotations

import contextlib
import os
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from evosim.runtime.checksums import Damaged
from evosim.sweeps.chunk_files import Frames, chunk_of
from evosim.sweeps.collect import known_digest
from evosim.sweeps.events import LogSummary
from evosim.sweeps.store import FAILED, RUNS, Store

ALIVE = 90.0  # seconds since the last line of a log


@dataclass(frozen=True)
class SweepStatus:
    """How far a sweep is.

    Attributes
    ----------
    runs : int
        All runs.
    done : int
        Runs that ended, with failed runs and finished runs of unfinished chunks.
    failed, extinct : int
        Runs among them that failed, and that died out.
    running : int
        Processes with a chunk and a recent line in their log.
    chunks, chunks_done : int
        All chunks, and those that are done.
    seconds_left : float or None
        Time left at the pace of the running processes; None without a pace.
    digest : str or None
        Digest of the collected table, if it is up to date.
    damaged : dict[int, str]
        Chunks with damaged checksums, and why. `evosim sweep check` finds more.
    """

    runs: int
    done: int
    failed: int
    extinct: int
    running: int
    chunks: int
    chunks_done: int
    seconds_left: float | None
    digest: str | None
    damaged: dict[int, str] = field(default_factory=dict)


def status_of(store: Store) -> SweepStatus:
    """The status of a sweep. Raises `UserError`."""
    done = store.done()
    runs = failed = extinct = 0
    damaged = {}
    for chunk in done:
        try:
            outcomes = store.outcomes(chunk)
        except Damaged as error:
            damaged[chunk] = str(error)
            continue
        runs += outcomes.runs
        failed += outcomes.failed
        extinct += outcomes.extinct
    for frames in _finished_in_unfinished_chunks(store, set(done)):
        runs += frames[RUNS].height
        failed += int((frames[RUNS]["status"] == FAILED).sum())
    running, seconds = _processes(store)
    left = None
    if running and seconds is not None and runs < store.runs:
        left = seconds * (store.runs - runs) / running
    return SweepStatus(
        runs=store.runs,
        done=runs,
        failed=failed,
        extinct=extinct,
        running=running,
        chunks=store.chunks,
        chunks_done=len(done),
        seconds_left=left,
        digest=known_digest(store, done),
        damaged=damaged,
    )


def _finished_in_unfinished_chunks(store: Store, done: set[int]) -> Iterator[Frames]:
    for entry in store.entries():
        chunk = chunk_of(entry.name) if entry.name.endswith(".partial") else None
        if chunk is None or chunk in done or chunk >= store.chunks:
            continue
        if frames := store.finished(chunk):
            yield frames


def _processes(store: Store) -> tuple[int, float | None]:
    """Number of processes that have a chunk, and the mean seconds per run, from the logs."""
    running, spent = 0, []
    for path in (store.folder / "logs").glob("*.jsonl"):
        log = LogSummary.read(path)
        spent += log.seconds
        with contextlib.suppress(OSError):
            recent = time.time() - path.stat().st_mtime < ALIVE
            running += log.event in ("begin", "at", "failed") and recent and not _has_exited(path)
    return running, sum(spent) / len(spent) if spent else None


def _has_exited(path: Path) -> bool:
    """Whether the process of a log ran on this machine and has ended."""
    host, pid, _ = path.stem.rsplit("-", 2)
    if host != platform.node() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        pass
    return False
