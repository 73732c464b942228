"""How a run is controlled from outside: requests to stop, checkpoints, progress, messages."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from evosim.errors import Stop, UserError
from evosim.runtime.atomic_files import Full
from evosim.runtime.progress import Progress
from evosim.simulation.session import Session, Snapshot

INTERVAL = 300.0  # seconds between two checkpoints
SHARE = 0.01  # largest share of the time that checkpoints take


def _never() -> None:
    """Request nothing."""


@dataclass(frozen=True, eq=False)
class SessionOptions:
    """How a run is controlled and what it reports.

    Attributes
    ----------
    stop_requested : Callable
        Called between generations. A true value stops the run; a `Stop` is raised as it is.
    checkpoint_requested : Callable
        Whether a checkpoint was requested since the last call.
    interval : float
        Seconds between checkpoints; 0: only when the run stops. The interval grows if checkpoints
        would take more than 1% of the time.
    log : Callable
        Gets lines for the user.
    progress : Progress, optional
        Gets every generation.
    on_ready : Callable
        Called when all is checked and the first generation is about to begin.
    """

    stop_requested: Callable[[], object] = _never
    checkpoint_requested: Callable[[], bool] = lambda: False
    interval: float = INTERVAL
    log: Callable[[str], object] = lambda line: None
    progress: Progress | None = None
    on_ready: Callable[[], object] = _never


class Checkpointer(Session):
    """A session that stores the state of a run at intervals and when it stops.

    Attributes
    ----------
    options : SessionOptions
        Requests, interval, messages, progress.
    failure : str or None
        The reason why the last checkpoint could not be written.
    disk_full : Full or None
        The error, if the reason was a full disk.
    stopped_by : str or None
        The name of the request that stopped the run.
    last : Snapshot or None
        The last generation.
    """

    def __init__(self, options: SessionOptions | None = None) -> None:
        self.options = options or SessionOptions()
        super().__init__(self.options.progress)
        self.failure: str | None = None
        self.disk_full: Full | None = None
        self.stopped_by: str | None = None
        self.last: Snapshot | None = None
        interval = self.options.interval
        self._due = time.monotonic() + interval if interval else float("inf")

    def after_generation(self, snapshot: Snapshot) -> None:
        """Write a checkpoint if one is due, and stop if requested.

        Raises
        ------
        Stop
            If the run has to stop. A checkpoint is written first.
        Full
            If a checkpoint was due and the disk is full. Continuing would risk more work.
        """
        self.last = snapshot
        if reason := self.options.stop_requested():
            stop = reason if isinstance(reason, Stop) else Stop()
            self.stopped_by = str(stop)
            self.save()
            raise stop
        requested = self.options.checkpoint_requested()
        if requested or time.monotonic() >= self._due:
            if self.save():
                if requested:
                    self.options.log("checkpoint written, as requested by a signal")
            elif self.disk_full:
                raise self.disk_full
        super().after_generation(snapshot)

    def save(self) -> bool:
        """Write a checkpoint now. Return whether it was written; log the reason if not."""
        start = time.monotonic()
        try:
            self._write()
            self.failure = self.disk_full = None
        except UserError as error:
            self.failure = str(error)
            self.disk_full = error if isinstance(error, Full) else None
            if not self.disk_full:  # a full disk ends the run with its own message
                self.options.log(f"no checkpoint now: {self.failure}")
        now, interval = time.monotonic(), self.options.interval
        self._due = now + max(interval, (now - start) / SHARE) if interval else float("inf")
        return self.failure is None

    @abstractmethod
    def _write(self) -> None:
        """Write the state of the run. Raises `UserError`."""
