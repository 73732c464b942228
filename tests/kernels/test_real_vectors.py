"""Searches of landscapes over real vectors."""

from __future__ import annotations

import numpy as np

from evosim.kernels.real_vectors import COLUMNS, GradientRule, Waves, climb, descend


def flat(reach: float = 10.0) -> Waves:
    """A landscape without waves: loss is minus x_0."""
    return Waves(0.0, np.zeros((1, 1, 2)), np.zeros((1, 1)), np.zeros((1, 1)), reach)


def test_normalised_steps_without_noise_have_the_rate_as_length() -> None:
    path = np.empty((4, COLUMNS))
    descend(flat(), GradientRule(0.5, True, 0), np.zeros((3, 2)), np.zeros((1, 2)), 1, path)
    np.testing.assert_allclose(path[:, 0], [0.0, 0.5, 1.0, 1.5])


def test_climbing_accepts_only_moves_that_are_not_worse() -> None:
    path = np.empty((4, COLUMNS))
    moves = np.array([[1.0, 0.0], [-1.0, 0.0], [2.0, 0.0]])
    climb(flat(), moves, 0, np.zeros((1, 2)), 1, path)
    np.testing.assert_allclose(path[:, 0], [0.0, 1.0, 1.0, 3.0])


def test_coordinates_stay_within_reach() -> None:
    path = np.empty((2, COLUMNS))
    climb(flat(2.0), np.array([[9.0, 9.0]]), 0, np.zeros((1, 2)), 1, path)
    np.testing.assert_allclose(path[1, :2], [2.0, 2.0])
