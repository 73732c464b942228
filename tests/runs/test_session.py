"""When checkpoints are written."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from evosim.runs import checkpoints, execute
from evosim.runs.checkpoint_files import CompatibilityKey, Contents
from evosim.runs.checkpoints import ReplicateCheckpoint
from evosim.runs.session import SessionOptions
from evosim.simulation.session import Snapshot
from evosim.simulation.state import Position, RecordState, RunState
from tests.support.runs import contents, experiment, once


def test_checkpoints_take_a_hundredth_of_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a fake clock, a write takes 2 s and a generation 1 s.

    At most one write is made in 200 s.
    """
    now, written = [0.0], []

    def write(path: Path, key: CompatibilityKey, contents: Contents) -> None:
        now[0] += 2.0
        written.append(now[0])

    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(checkpoints, "write", write)
    state = RunState(Position("seed 0", 0, "", 9, 3), {}, RecordState({}, {}))
    snapshot = Snapshot(state.position, (0.0, 0.0), lambda: state)

    def made(interval: float) -> ReplicateCheckpoint:
        out = ReplicateCheckpoint(tmp_path / "one.npz", SessionOptions(interval=interval))
        out.begin(experiment("micro"), 0, "")
        return out

    often = made(1.0)
    for _ in range(1000):
        now[0] += 1.0
        often.after_generation(snapshot)
    assert len(written) == 5
    assert len(written) * 2.0 <= 0.011 * now[0]
    seldom, never = made(600.0), made(0.0)
    for _ in range(1000):
        now[0] += 1.0
        seldom.after_generation(snapshot)
        never.after_generation(snapshot)
    assert len(written) == 6


@pytest.fixture(autouse=True)
def _handlers_stay() -> Iterator[None]:
    before = [
        signal.getsignal(number)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
    ]
    yield
    assert [
        signal.getsignal(number)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
    ] == before


def test_a_requested_checkpoint_is_written(tmp_path: Path) -> None:
    whole = execute.run(experiment("micro"), out=tmp_path / "whole")[0]
    heard: list[str] = []
    asked = once(3)
    execute.run(
        whole.experiment,
        out=tmp_path / "run",
        options=SessionOptions(interval=0.0, log=heard.append, checkpoint_requested=asked),
    )
    assert heard == ["checkpoint written, as requested by a signal"]
    assert contents(tmp_path / "run") == contents(whole.folder)
