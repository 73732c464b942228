"""Claim 5: intervals of several shares, and the toy games."""

from __future__ import annotations

import pytest

from evosim.claims import deception
from evosim.claims.experiments import packaged
from evosim.claims.measurements import share_of_seeds


def test_intervals_of_several_shares_are_wider() -> None:
    one, many = share_of_seeds(5, 20), deception.together(5, 20, 6)
    assert many[0] < one.low < one.high < many[1]  # type: ignore[operator]
    assert deception.together(5, 20, 1) == pytest.approx((one.low, one.high))


def test_the_absent_minded_game_has_its_known_optimum() -> None:
    """A life ends with the second B, so that the best chance of B is known."""
    games = dict(deception.games(packaged("deception")).rows())
    assert games["deceiving"] > games["at once"]
    assert 0.0 < games["absent-minded"] < 1.0
    assert 0.0 <= games["catastrophe"] <= 1.0


def test_names_of_errors_are_file_names() -> None:
    assert [deception.name_of(e) for e in (0.0, 0.005, 0.08)] == ["0", "0-005", "0-08"]
