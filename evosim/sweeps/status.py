"""How far a sweep is, from the small files of its folder."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evosim.runtime.checksums import Damaged
from evosim.sweeps.collect import known_digest
from evosim.sweeps.store import Store, chunk_of

ALIVE = 90.0  # seconds since a sign of life


@dataclass(frozen=True)
class State:
    """How far a sweep is.

    Attributes:
        runs, done, failed, extinct: runs; `done` counts those that failed, and the finished ones of
        chunks in work. running: processes that gave a sign of life lately and have a chunk. chunks,
        chunks_done: chunks. seconds_left: at the pace of the processes that are running; None if
        there are none, or nothing to go by. digest: of the collected table, if that is of the very
        chunks that are there. damaged: chunks whose checksums cannot be read, with why; `check`
        finds more.
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


def state_of(store: Store) -> State:
    """The state of a sweep. Raises `UserError`."""
    done = store.done()
    here = set(done)
    runs = failed = extinct = 0
    damaged = {}
    for chunk in done:
        try:
            counted = store.counted(chunk)
        except Damaged as error:
            damaged[chunk] = str(error)
            continue
        runs, failed, extinct = (
            runs + counted.runs,
            failed + counted.failed,
            extinct + counted.extinct,
        )
    for entry in store.entries():
        if entry.name.endswith(".partial"):
            number = chunk_of(entry.name)
            if (
                number is not None
                and number not in here
                and number < store.chunks
                and (found := store.finished(number))
            ):
                runs += found["runs"].height
                failed += int((found["runs"]["status"] == "failed").sum())
    running, seconds = _processes(store)
    left = (
        seconds * (store.runs - runs) / running
        if running and seconds is not None and runs < store.runs
        else None
    )
    return State(
        store.runs,
        runs,
        failed,
        extinct,
        running,
        store.chunks,
        len(done),
        left,
        known_digest(store, done),
        damaged,
    )


def _processes(store: Store) -> tuple[int, float | None]:
    """How many processes have a chunk, and the mean seconds a run, by the logs."""
    running, spent = 0, []
    for path in (store.folder / "logs").glob("*.jsonl"):
        last: dict[str, Any] = {}
        with contextlib.suppress(OSError, ValueError):
            for line in path.read_text(encoding="utf-8").splitlines():
                last = json.loads(line)
                spent += last.get("seconds", [])
        with contextlib.suppress(OSError, TypeError):
            alive = (
                last.get("event") in ("begin", "at", "failed")
                and time.time() - path.stat().st_mtime < ALIVE
            )
            running += alive and not _is_gone(path)
    return running, sum(spent) / len(spent) if spent else None


def _is_gone(path: Path) -> bool:
    """Whether a log's process was of this machine and is no more."""
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
