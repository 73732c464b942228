"""Checkpoints of a run of a sweep and its controls, written when they are interrupted."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from evosim.config.schema import Experiment
from evosim.errors import UserError
from evosim.runs.checkpoints import ReplicateCheckpoint
from evosim.runs.session import SessionOptions
from evosim.simulation.state import RunState
from evosim.sweeps.store import Store, clear

WRITE_EVERY = 5.0  # seconds between two writes of finished runs, at least


class RunCheckpoints:
    """Checkpoints of one run and its controls.

    Parameters
    ----------
    store, chunk, run : Store
        The run.
    stop_requested : Callable
        Whether to stop.
    checkpoint_requested : Callable
        Whether to write a checkpoint now.
    """

    def __init__(
        self,
        store: Store,
        chunk: int,
        run: int,
        stop_requested: Callable[[], bool],
        checkpoint_requested: Callable[[], bool] = lambda: False,
    ) -> None:
        self._store, self._chunk, self.run = store, chunk, run
        self._options = SessionOptions(
            stop_requested=stop_requested, checkpoint_requested=checkpoint_requested
        )
        self._sessions: list[_Checkpoint] = []
        self._began = time.monotonic()

    def __call__(self, control: str) -> ReplicateCheckpoint:
        """The checkpoint of the run (`control` is empty) or of a control."""
        if self._sessions and time.monotonic() - self._began > WRITE_EVERY:
            # The last one has ended, but its results are not stored before all controls have.
            self._sessions[-1].save()
        path = self._store.checkpoint(self._chunk, self.run, control)
        self._sessions.append(_Checkpoint(path, self._options))
        return self._sessions[-1]

    def save(self) -> None:
        """Write the state of the run and its controls."""
        for session in self._sessions:
            session.save()

    @property
    def paths(self) -> list[Path]:
        """The files."""
        return [session.path for session in self._sessions]


class _Checkpoint(ReplicateCheckpoint):
    """A checkpoint of one run. A damaged one, or one of other code, is removed."""

    def begin(self, experiment: Experiment, seed: int, control: str) -> RunState | None:
        try:
            return super().begin(experiment, seed, control)
        except UserError:
            clear([self.path])
            return None


def clear_all(checkpoints: list[RunCheckpoints]) -> None:
    """Remove the files of runs whose results are stored, and empty the list."""
    for each in checkpoints:
        clear(each.paths)
    checkpoints.clear()
