"""Equal policies are merged."""

from __future__ import annotations

import numpy as np

from evosim.fitness.scorer import Scorer
from tests.support.settings import setting


def test_equal_policies_are_evaluated_once() -> None:
    made = setting("coarse-savanna")
    scorer = Scorer(made.pair.ancestral, made.pair)
    rules = made.genome.decode(np.arange(500))
    first = scorer.score(rules)
    assert scorer.evaluated == np.unique(first.policy).size < 500
    again = scorer.score(rules)
    np.testing.assert_array_equal(first.payoff, again.payoff)
    assert scorer.evaluated == np.unique(first.policy).size
