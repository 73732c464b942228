"""Least squares against NumPy."""

from __future__ import annotations

import numpy as np

from evosim.analysis.least_squares import least_squares


def test_coefficients_are_those_of_numpy() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.random((20, 3)), rng.random((20, 2))
    fitted = least_squares(x, y)
    design = np.column_stack([np.ones(20), x])
    np.testing.assert_allclose(fitted.beta, np.linalg.lstsq(design, y, rcond=None)[0][1:])
    np.testing.assert_allclose(design.T @ fitted.residual, 0.0, atol=1e-9)


def test_chance_is_detected_seldom_and_effects_always() -> None:
    rng = np.random.default_rng(1)
    x = rng.random((24, 2))
    alarms = sum(least_squares(x, rng.normal(size=(24, 6))).detected(0.95) for _ in range(200))
    assert alarms < 20
    assert least_squares(x, 9.0 * x[:, :1] + rng.normal(size=(24, 6))).detected(0.95)
