"""Objectives that explain a policy."""

from __future__ import annotations

import numpy as np
import pytest

from evosim.analysis import revealed_objectives
from tests.support.accounts import accountant_of


def test_scaled_weights_are_one_objective() -> None:
    grid = revealed_objectives.weight_grid([[0.0, 1.0, 2.0], [0.0, 1.0, 2.0]])
    unit = {tuple(np.round(row / max(abs(row).max(), 1e-300), 9)) for row in grid}
    assert len(unit) == len(grid)


def test_perfect_planners_lie_in_the_span() -> None:
    accountant = accountant_of("micro")
    world = accountant.pair.ancestral
    span = accountant.cache.evaluator.spans["ancestral"]
    found = revealed_objectives.perfect_amounts(world, np.eye(len(world.features)), world.payoff)
    assert (found <= span.best + 1e-9).all()
    assert (found >= span.worst - 1e-9).all()


def test_an_objective_ranks_itself_perfectly() -> None:
    payoff = accountant_of("micro").pair.ancestral.payoff
    world = accountant_of("micro").pair.ancestral
    assert revealed_objectives.misranking(world, payoff, payoff) == pytest.approx(0.0)
