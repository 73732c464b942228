"""Deception in closed form: formulas against enumeration of episodes and against each other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from evosim.theory import deception
from tests.support.theory import EXACT, Refusals, assert_refused


def absent_minded_by_episodes(p: float, train: int, deploy: int) -> float:
    """Expected number of `B`s, episode by episode."""
    free, total = 1.0, 0.0
    for _ in range(train):
        total += free * p
        free *= 1.0 - p
    return total + free * p * deploy


@pytest.mark.parametrize(("train", "deploy"), [(2, 3), (1, 5), (4, 1)])
def test_absent_minded_is_the_sum_over_episodes(train: int, deploy: int) -> None:
    for p in (0.0, 0.1, 0.5, 1.0):
        by_episodes = absent_minded_by_episodes(p, train, deploy)
        assert deception.absent_minded(p, train, deploy) == pytest.approx(by_episodes, abs=EXACT)


@pytest.mark.parametrize(("train", "deploy"), [(2, 3), (3, 8)])
def test_optima_are_the_best_of_a_fine_grid(train: int, deploy: int) -> None:
    grid = np.linspace(0.0, 1.0, 100_001)
    values = [deception.absent_minded(p, train, deploy) for p in grid]
    best = deception.absent_minded_optimum(train, deploy)
    assert best == pytest.approx(grid[int(np.argmax(values))], abs=1e-5)
    values = [deception.catastrophe(c, train, deploy) for c in grid]
    best = deception.catastrophe_optimum(train, deploy)
    assert best == pytest.approx(grid[int(np.argmax(values))], abs=1e-5)


def test_the_value_of_waiting_counts_later_episodes() -> None:
    assert deception.waiting(2, 3) == 3.0
    assert deception.waiting(2, 3, ends=0.3) == pytest.approx(0.9)
    assert deception.waiting(2, 3, weight=0.0) == 0.0
    assert deception.waiting(1, 2, weight=0.5) == pytest.approx(0.5 + 0.25)
    assert deception.at_once(2, 3) == 1.0
    assert deception.at_once(0, 3) == 3.0
    assert deception.deceiving(2, 3) == 3.0


def test_training_for_inverts_the_chance_after_training() -> None:
    train = deception.training_for(0.25, 5)
    assert deception.catastrophe_after_training(int(train), 5) == pytest.approx(0.25)
    c = deception.catastrophe_optimum(15, 5)
    assert 1.0 - c**5 == pytest.approx(deception.catastrophe_after_training(15, 5))


REFUSED: Refusals = [
    (lambda: deception.at_once(-1, 3), "train must be a whole number"),
    (lambda: deception.waiting(2, 3, ends=1.5), "chance that the threat ends must lie in"),
    (lambda: deception.absent_minded(-0.1, 2, 3), "chance of B must lie in"),
    (lambda: deception.catastrophe_optimum(0, 3), "train must be a whole number"),
    (lambda: deception.training_for(0.0, 3), "eps must be finite and above 0"),
]


@pytest.mark.parametrize(("call", "message"), REFUSED)
def test_invalid_arguments_are_refused(call: Callable[[], object], message: str) -> None:
    assert_refused(call, message)
