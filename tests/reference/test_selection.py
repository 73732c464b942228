"""Selection fitness over start cases: mean, worst case and CVaR, and samples of cases."""

from __future__ import annotations

import numpy as np
import pytest

from evosim.config.schema import SelectionChoice
from evosim.reference.dynamic_programming import Span
from evosim.reference.selection import case_weights, margin, selection_fitness


def test_criteria_by_hand() -> None:
    cases, weights = np.array([[1.0, 2.0, 3.0, 9.0]]), np.array([0.5, 0.25, 0.25, 0.0])
    assert selection_fitness(SelectionChoice(over="mean"), cases, weights)[0] == pytest.approx(1.75)
    assert selection_fitness(SelectionChoice(over="worst"), cases, weights)[0] == 1.0
    assert selection_fitness(SelectionChoice(over="cvar", tail=0.5), cases, weights)[
        0
    ] == pytest.approx(1.0)
    assert selection_fitness(SelectionChoice(over="cvar", tail=0.75), cases, weights)[
        0
    ] == pytest.approx((0.5 + 0.5) / 0.75)
    assert selection_fitness(SelectionChoice(over="cvar", tail=0.6), cases, weights)[
        0
    ] == pytest.approx((0.5 + 0.2) / 0.6)


def test_cvar_lies_between_worst_and_mean() -> None:
    rng = np.random.default_rng(0)
    cases, weights = rng.random((50, 6)), rng.dirichlet(np.ones(6))
    by = {
        tail: selection_fitness(SelectionChoice(over="cvar", tail=tail), cases, weights)
        for tail in (1e-9, 0.2, 0.6, 1.0)
    }
    np.testing.assert_allclose(
        by[1e-9], selection_fitness(SelectionChoice(over="worst"), cases, weights), atol=1e-12
    )
    np.testing.assert_allclose(
        by[1.0], selection_fitness(SelectionChoice(over="mean"), cases, weights), atol=1e-12
    )
    assert (by[1e-9] <= by[0.2] + 1e-12).all()
    assert (by[0.2] <= by[0.6] + 1e-12).all()
    assert (by[0.6] <= by[1.0] + 1e-12).all()


def test_samples_are_drawn_by_share_and_addressed() -> None:
    shares = np.array([0.5, 0.0, 0.3, 0.2, 0.0])
    fresh, once = SelectionChoice(sample=5), SelectionChoice(sample=5, fresh=False)
    drawn = np.array([case_weights(fresh, shares, 7, g) for g in range(4000)])
    assert not drawn[:, [1, 4]].any()
    np.testing.assert_allclose(drawn.sum(axis=1), 1.0, atol=1e-12)
    spread = np.sqrt(shares * (1 - shares) / 5 / len(drawn))
    assert (np.abs(drawn.mean(axis=0) - shares) <= 4.5 * spread).all()
    np.testing.assert_array_equal(
        case_weights(once, shares, 7, 3), case_weights(once, shares, 7, 900)
    )
    assert len({case_weights(once, shares, seed, 0).tobytes() for seed in range(30)}) > 5
    np.testing.assert_array_equal(case_weights(SelectionChoice(over="worst"), shares, 7, 3), shares)


def test_a_constant_payoff_changes_no_near_tie() -> None:
    plain, shifted = Span(worst=1.0, best=5.0, size=6.0), Span(worst=11.0, best=15.0, size=16.0)
    assert (
        margin(4.0, 0.1, plain) == pytest.approx(margin(14.0, 0.1, shifted)) == pytest.approx(0.3)
    )
    assert margin(4.0, 0.0, plain) == pytest.approx(6e-12)
