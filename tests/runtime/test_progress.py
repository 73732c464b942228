"""Durations and sizes in words, and progress lines on terminals only."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from evosim.runtime.progress import duration, progress_line, size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(3.2, "3 s"), (99.0, "99 s"), (600.0, "10 min"), (7200.0, "2.0 h"), (259_200.0, "3.0 days")],
)
def test_durations_are_in_the_largest_unit(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(999, "999 B"), (1500, "1.5 kB"), (150_000, "150 kB"), (2.5e9, "2.5 GB"), (5e12, "5.0 TB")],
)
def test_sizes_are_in_the_largest_unit(count: float, text: str) -> None:
    assert size(count) == text


def test_there_is_no_progress_without_a_terminal() -> None:
    with progress_line(Console(file=io.StringIO()), 1) as progress:
        assert progress is None
