"""Fitness of classes in both worlds, net of upkeep."""

from __future__ import annotations

import numpy as np
import pytest

from evosim.errors import UserError
from evosim.fitness.class_fitness import check_upkeep, evaluate_classes
from evosim.fitness.scorer import Scorer, Scores
from tests.support.settings import setting


def test_fitness_is_that_of_both_scorers() -> None:
    problem = setting("micro")
    scorers = (
        Scorer(problem.pair.ancestral, problem.pair),
        Scorer(problem.pair.modern, problem.pair),
    )
    classes = np.array([0, 4, 2])
    fitness = evaluate_classes(problem.genome, scorers, classes)
    rules = problem.genome.decode(classes)
    np.testing.assert_array_equal(fitness.ancestral, scorers[0].score(rules).fitness)
    np.testing.assert_array_equal(fitness.modern_intent, scorers[1].score(rules).net_intent)
    assert fitness.cases.shape == (3, 0)


def test_upkeep_with_negative_payoff_is_refused() -> None:
    def scores(payoff: float, retained: float) -> Scores:
        some, names = np.array([payoff]), np.zeros(1, dtype=np.int64)
        return Scores(some, some, np.array([retained]), names, np.empty((1, 0)))

    check_upkeep("micro", scores(-1.0, 1.0))
    check_upkeep("micro", scores(1.0, 0.9))
    with pytest.raises(UserError, match="planning_cost = 0"):
        check_upkeep("micro", scores(-1.0, 0.9))
