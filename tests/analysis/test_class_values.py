"""Amounts of classes agree with their occupancies."""

from __future__ import annotations

import numpy as np
import pytest

from evosim.analysis.class_values import ClassEvaluator
from tests.support.settings import quick, setting


@pytest.fixture(scope="module")
def evaluator() -> ClassEvaluator:
    problem = setting("micro", *quick("micro"))
    return ClassEvaluator(problem.genome, problem.pair)


def test_amounts_are_sums_over_the_life(evaluator: ClassEvaluator) -> None:
    for world in ("ancestral", "modern"):
        found = evaluator.evaluate(7, world)
        payoff = (found.occupancy * evaluator.world(world).payoff).sum()
        assert found.amounts.payoff == pytest.approx(payoff)
        assert evaluator.amounts(7, world) is found.amounts


def test_rules_off_the_grid_score_as_classes_do(evaluator: ClassEvaluator) -> None:
    classes = np.arange(12)
    rules = evaluator.genome.decode(classes)
    for world in ("ancestral", "modern"):
        scored = [evaluator.scored(int(c), world) for c in classes]
        np.testing.assert_allclose(evaluator.net_fitness(rules, world), scored, atol=1e-12)


def test_cases_average_to_the_fitness(evaluator: ClassEvaluator) -> None:
    shares = evaluator.pair.ancestral.case_shares()
    by_case = evaluator.fitness_by_case(5)
    assert shares @ by_case == pytest.approx(evaluator.amounts(5, "ancestral").fitness)
