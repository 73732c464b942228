"""The cache of behaviours is bounded, and finds each behaviour again."""

from __future__ import annotations

import numpy as np

from evosim.fitness.cache import BehaviourCache, slots
from evosim.fitness.scorer import Scorer
from evosim.kernels import policy_dedup
from tests.support.settings import setting


def test_hash_tables_are_at_most_half_full() -> None:
    for n in (1, 2, 3, 100):
        table = slots(n)
        assert len(table) >= 2 * n
        assert (table == policy_dedup.EMPTY).all()


def test_known_behaviours_are_not_evaluated_again() -> None:
    problem = setting("micro")
    scorer = Scorer(problem.pair.modern, problem.pair)
    rules = problem.genome.decode(np.arange(min(50, problem.genome.grid.size)))
    first = scorer.score(rules)
    evaluated = scorer.evaluated
    again = scorer.score(rules)
    assert scorer.evaluated == evaluated
    np.testing.assert_array_equal(first.payoff, again.payoff)
    scorer.forget()
    assert np.array_equal(scorer.score(rules).payoff, first.payoff)
    assert scorer.evaluated > evaluated


def test_a_full_cache_forgets_all_behaviours() -> None:
    problem = setting("micro")
    scorer = Scorer(problem.pair.modern, problem.pair)
    rules = problem.genome.decode(np.arange(min(50, problem.genome.grid.size)))
    acts = scorer._compiler.act_sets(rules)
    cache = BehaviourCache(scorer, acts.words.shape[1], limit=64)
    whole, _ = cache.fitness_of(rules, acts)
    count = cache.count
    cache.forget()
    assert cache.count == 0
    again, _ = cache.fitness_of(rules, scorer._compiler.act_sets(rules))
    assert cache.count == count <= 64
    np.testing.assert_array_equal(whole, again)
