"""Decision rules: what each kind says of itself, and a kind that evosim does not know."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from evosim.analysis.deception import CONDITIONS, without
from evosim.analysis.planner_causes import causes_of
from evosim.fitness.act_sets import COMPILED
from evosim.fitness.scorer import Scorer
from evosim.genomes import DecisionRules, GatedRules, PlannerRules, ReflexRules, TableRules
from evosim.reference.dynamic_programming import lifetime
from evosim.reference.policies import policy_of
from evosim.worlds import WORLDS


@dataclass(frozen=True, eq=False)
class UniformRules(DecisionRules):
    """Rules of a new kind: every available act is equally likely."""

    n: int

    def __len__(self) -> int:
        return self.n

    @property
    def fitness_retained(self) -> np.ndarray:
        return np.full(self.n, 0.5)

    def key(self, i: int) -> bytes:
        return b"uniform"

    def take(self, index: np.ndarray) -> UniformRules:
        return replace(self, n=len(index))

    def policy(self, i: int, world: Any, pair: Any) -> np.ndarray:
        return np.asarray(world.available / world.available.sum(axis=1, keepdims=True))[None]


def planners(n: int = 3) -> PlannerRules:
    return PlannerRules(
        weights=np.arange(2.0 * n).reshape(n, 2),
        horizon=np.full(n, 2),
        belief=np.zeros(n, dtype=np.int64),
        temperature=np.zeros(n),
        beliefs=("true",),
        discount=1.0,
        tie_tolerance=0.0,
        ties="split",
        planning_cost=0.01,
        levels=2,
    )


def test_a_new_kind_is_scored_by_its_own_policy() -> None:
    pair = WORLDS["micro"].build(WORLDS["micro"].params(), {})
    rules = UniformRules(2)
    world = pair.modern
    scores = Scorer(world, pair).score(rules)
    policy = policy_of(rules, 0, world, pair)
    expected = lifetime(world, policy, world.payoff)
    np.testing.assert_allclose(scores.payoff, [expected, expected], rtol=1e-12)
    np.testing.assert_allclose(scores.fitness, 0.5 * scores.payoff)
    assert causes_of(rules, world, world.payoff) is None


def test_a_kind_without_a_policy_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="must define the method 'policy'"):
        DecisionRules().policy(0, None, None)


def test_gated_rules_have_two_planners() -> None:
    first, second = planners(), planners()
    rules = GatedRules(first, second, np.array([0, 1, 2]))
    cue = np.array([True, False])
    assert rules.planners() == (first, second)
    assert rules.with_planners(second, first).first is second
    where = [rules.second_objective(i, cue) for i in range(3)]
    assert [list(states) for states in where if states is not None] == [
        [False, False],
        [True, False],
        [False, True],
    ]


def test_rules_without_planners_say_so() -> None:
    reflexes = ReflexRules(np.zeros((1, 3), dtype=np.int64), ("a",))
    table = TableRules(np.ones((1, 1, 2, 1)), ("a",), np.ones(1))
    assert reflexes.planners() == table.planners() == ()
    assert without(reflexes, CONDITIONS[0]) is reflexes
    assert reflexes.acts_by_observation
    assert not table.acts_by_observation
    assert table.second_objective(0, None) is None


def test_compiled_kinds_are_listed_once() -> None:
    assert set(COMPILED) == {PlannerRules, GatedRules, ReflexRules}
