"""Progress of a sweep."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from evosim.runtime.remaining_time import RemainingTimeReport
from evosim.sweeps import progress
from evosim.sweeps.events import ChunkEvent


def test_a_long_sweep_reports_the_time_left_once(monkeypatch: pytest.MonkeyPatch) -> None:
    at = [0.0]
    monkeypatch.setattr(
        progress,
        "RemainingTimeReport",
        lambda least_seconds: RemainingTimeReport(least_seconds, lambda: at[0]),
    )
    said = io.StringIO()
    for runs, lines in ((100, 0), (1000, 1)):  # of half a second each
        at[0] = 0.0
        on_event = progress.SweepProgress(
            Console(file=said, width=200), runs, 0, 0, lambda words, done: None
        )
        on_event(ChunkEvent("begin", 0))
        for _ in range(runs):
            at[0] += 0.5
            on_event(ChunkEvent("run", 0, status="complete"))
        assert said.getvalue().count("left for") == lines
    assert (
        said.getvalue()
        == "about 8 min left for 990 runs at 0.5 s. Ctrl-C stops; the same command continues.\n"
    )
