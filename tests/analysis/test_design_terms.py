"""Terms of a design are orthonormal under its distribution."""

from __future__ import annotations

import numpy as np
import pytest

from evosim.analysis.design_terms import Column, terms_of


def test_legendre_terms_are_orthonormal() -> None:
    u = (np.arange(4000) + 0.5) / 4000
    straight, curved, _ = terms_of(Column(u))
    terms = np.hstack([straight, curved])
    np.testing.assert_allclose(terms.mean(axis=0), 0.0, atol=1e-6)
    np.testing.assert_allclose(terms.T @ terms / len(u), np.eye(2), atol=1e-5)


@pytest.mark.parametrize("weights", [None, np.array([1.0, 2.0, 5.0])])
def test_terms_of_levels_are_orthonormal(weights: np.ndarray | None) -> None:
    levels = np.array([0.0, 0.5, 1.0])
    straight, curved, slope = terms_of(Column(levels, levels=levels, weights=weights))
    w = np.full(3, 1 / 3) if weights is None else weights / weights.sum()
    terms = np.hstack([straight, curved])
    np.testing.assert_allclose(w @ terms, 0.0, atol=1e-12)
    np.testing.assert_allclose(terms.T @ (w[:, None] * terms), np.eye(2), atol=1e-12)
    assert straight[-1, 0] - straight[0, 0] == pytest.approx(slope)


def test_a_constant_parameter_has_no_terms() -> None:
    straight, curved, slope = terms_of(Column(np.full(5, 0.3)))
    assert straight.size == curved.size == 0
    assert np.isnan(slope)
