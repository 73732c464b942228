"""Remaining time: the pace without outliers, and one report of long work."""

from __future__ import annotations

import pytest

from evosim.runtime.remaining_time import RemainingTimeReport, pace, short_duration


def test_the_pace_is_that_of_the_last_half_without_outliers() -> None:
    assert pace([9.0, 9.0, 1.0, 2.0]) == 1.5
    assert pace([1.0] * 9 + [1000.0]) == 1.0
    assert pace([3.0]) == 3.0


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0123, "12 ms"), (1.26, "1.3 s"), (12.0, "12 s"), (600.0, "10 min")]
)
def test_durations_have_two_digits(seconds: float, text: str) -> None:
    assert short_duration(seconds) == text


def test_long_work_is_reported_once_and_short_work_never() -> None:
    now = [0.0]
    report = RemainingTimeReport(5.0, lambda: now[0])
    assert not report.due(1000.0)  # too early to know
    now[0] = 6.0
    assert not report.due(50.0)  # less than a minute in all
    assert report.due(60.0)
    assert not report.due(1000.0)
