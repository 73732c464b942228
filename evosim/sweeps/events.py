"""Events of a sweep while its chunks are computed, and the log of a process."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from evosim.runtime.atomic_files import refuse_link

SIGN_OF_LIFE = 10.0  # seconds between two lines of a log, at most


@dataclass(frozen=True)
class ChunkEvent:
    """Something that happened while a chunk was computed.

    Attributes
    ----------
    kind : {'begin', 'run', 'end', 'lost'}
        `begin`, `run` (a run ended), `end`, or `lost` (a worker died; its runs are not counted).
    chunk : int
        The chunk.
    done : int
        `begin`: runs that were finished before.
    run, status, seconds : int
        `run`: the run, how it ended, and the seconds it took.
    finished : bool
        `end`: whether the chunk is done.
    lost : int
        `lost`: runs that were reported and are computed again.
    """

    kind: Literal["begin", "run", "end", "lost"]
    chunk: int
    done: int = 0
    run: int = -1
    status: str = ""
    seconds: float = 0.0
    finished: bool = False
    lost: int = 0


OnEvent = Callable[[ChunkEvent], None]


def ignore(event: ChunkEvent) -> None:
    """Ignore an event."""


class ProcessLog:
    """The log of this process, one JSON object per line.

    It is for people and for `evosim sweep status`. Failures to write it are ignored.
    """

    def __init__(self, folder: Path) -> None:
        refuse_link(folder / "logs")
        self._path = folder / "logs" / f"{platform.node()}-{os.getpid()}-{_STARTED}.jsonl"
        self._last = 0.0

    def __call__(self, event: str, chunk: int, **facts: object) -> None:
        """Write a line."""
        self._last = time.monotonic()
        line = {"time": round(time.time(), 3), "event": event, "chunk": chunk, **facts}
        with contextlib.suppress(OSError), self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def sign_of_life(self, chunk: int, done: int) -> None:
        """Write how many runs are done, unless there was a line in the last seconds."""
        if time.monotonic() - self._last > SIGN_OF_LIFE:
            self("at", chunk, done=done)


_STARTED = time.time_ns()


@dataclass(frozen=True)
class LogSummary:
    """The last event in the log of a process, and the seconds of all runs in it."""

    event: str
    seconds: list[float]

    @classmethod
    def read(cls, path: Path) -> LogSummary:
        """Read a log; a damaged line and what follows it are ignored."""
        event, seconds = "", []
        with contextlib.suppress(OSError, ValueError, AttributeError):
            for line in path.read_text(encoding="utf-8").splitlines():
                facts = json.loads(line)
                event = str(facts.get("event"))
                seconds += facts.get("seconds", [])
        return cls(event, seconds)
