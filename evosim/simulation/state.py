"""State of a running simulation, as a checkpoint keeps it."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from numpy.typing import NDArray

from evosim.config.schema import Experiment
from evosim.errors import Stop, UserError
from evosim.runtime.atomic_files import Full
from evosim.runtime.blocks import Blocks

EVERY = 300.0  # seconds
SHARE = 0.01  # of the time, at most, goes into checkpoints

Arrays = dict[str, NDArray[Any]]
Tables = dict[str, pl.DataFrame]


@dataclass(frozen=True, eq=False)
class State:
    """What is kept: facts (JSON), arrays of numbers or words, tables."""

    facts: dict[str, Any] = field(default_factory=dict)
    arrays: Arrays = field(default_factory=dict)
    tables: Tables = field(default_factory=dict)


class Keeper(ABC):
    """Keeps what a run needs to go on, every so often and when it is to stop.

    Attributes:
        should_stop: asked between generations; anything true stops the run there (a `Stop` is what
        is raised then). every: seconds between checkpoints (0: only when stopped). More, where they
        would take more than `SHARE` of the time. tell: hears of a checkpoint that could not be
        written; the run goes on, unless the disk is full. failed: why the last one could not be
        written, or nothing. full: the error, where that was for lack of room. stopped_by: what the
        run was stopped by, or nothing. asked: whether a checkpoint is wanted now, since it was
        asked last. noted: called when such a checkpoint is written.
    """

    def __init__(
        self,
        should_stop: Callable[[], object] = lambda: None,
        every: float = EVERY,
        tell: Callable[[str], object] = lambda words: None,
    ) -> None:
        self.should_stop, self.every, self.tell = should_stop, every, tell
        self.failed: str | None = None
        self.full: Full | None = None
        self.stopped_by: str | None = None
        self.asked: Callable[[], bool] = lambda: False
        self.noted: Callable[[], object] = lambda: None
        self._facts: dict[str, Any] | None = None
        self._take: Callable[[], State] | None = None
        self._due = time.monotonic() + every if every else float("inf")

    @abstractmethod
    def begin(self, experiment: Experiment, seed: int, control: str) -> State | None:
        """A replicate begins: where it goes on, or nothing if at its beginning.

        Raises `UserError`.
        """

    def blocks(self, experiment: Experiment, seed: int, control: str) -> Blocks | None:
        """Where a long replicate puts what grows with generations; nothing: it keeps that in
        memory, and in each checkpoint.
        """
        return None

    @abstractmethod
    def _write(self, state: State | None) -> None:
        """Write what is there, and the state of the run under way."""

    def between(self, facts: dict[str, Any], take: Callable[[], State]) -> None:
        """A generation is over: which, and what gives the state until the next is.

        Raises `Stop` if the run is to stop, `Full`.
        """
        self._facts, self._take = facts, take
        if reason := self.should_stop():
            stop = reason if isinstance(reason, Stop) else Stop()
            self.stopped_by = str(stop)
            self.save()
            raise stop
        if not (asked := self.asked()) and time.monotonic() < self._due:
            return
        if self.save():
            if asked:
                self.noted()
        elif self.full:
            raise self.full  # to go on would put more and more work at risk

    def save(self) -> bool:
        """Write a checkpoint; tells whether that was done, and says so if not."""
        start = time.monotonic()
        try:
            self._write(self._take() if self._take else None)
            self.failed = self.full = None
        except UserError as error:
            self.failed = str(error)
            self.full = error if isinstance(error, Full) else None
            if not self.full:  # who is told of that ends, and says so
                self.tell(self.failed)
        now = time.monotonic()
        self._due = now + max(self.every, (now - start) / SHARE) if self.every else float("inf")
        return self.failed is None
