"""Genomes that behave alike."""

from __future__ import annotations

import numpy as np

from evosim.analysis.equivalence import alike, scaled
from evosim.genomes import PlannerRules
from tests.support.accounts import accountant_of


def test_groups_behave_alike_in_both_worlds() -> None:
    evaluator = accountant_of("micro").cache.evaluator
    groups = alike(evaluator, np.arange(60))
    assert groups
    for group in groups:
        for world in ("ancestral", "modern"):
            keys = {evaluator.evaluate(c, world).behaviour_key() for c in group}
            assert len(keys) == 1


def test_scaled_desires_have_the_same_fitness() -> None:
    evaluator = accountant_of("micro").cache.evaluator
    rules = evaluator.genome.decode(np.arange(20))
    assert isinstance(rules, PlannerRules)
    for world in ("ancestral", "modern"):
        expected = evaluator.net_fitness(rules, world)
        np.testing.assert_allclose(evaluator.net_fitness(scaled(rules, 4.0), world), expected)
