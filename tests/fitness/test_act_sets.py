"""Compiled policies: equal planners share a plan, and only listed kinds are compiled."""

from __future__ import annotations

import numpy as np
import pytest

from evosim.errors import UserError
from evosim.fitness.act_sets import COMPILED, PolicyCompiler, chunks_for, grouped
from evosim.fitness.world_arrays import WorldTables
from evosim.genomes import GatedRules, PlannerRules
from tests.support.random_worlds import random_pair


def planners(weights: np.ndarray, horizon: list[int]) -> PlannerRules:
    n = len(weights)
    return PlannerRules(
        weights=weights,
        horizon=np.array(horizon),
        belief=np.zeros(n, dtype=np.int64),
        temperature=np.zeros(n),
        beliefs=("true",),
        discount=1.0,
        tie_tolerance=1e-9,
        ties="split",
        planning_cost=0.0,
        levels=4,
    )


def test_equal_planners_share_the_plan_with_the_longest_horizon() -> None:
    pair = random_pair(1)
    k = len(pair.modern.features)
    weights = np.ones((3, k))
    weights[2] = -1.0
    acts = PolicyCompiler(WorldTables(pair.modern), pair).act_sets(planners(weights, [1, 4, 2]))
    assert len(acts.words) == 2
    assert acts.plans[0] == acts.plans[1] != acts.plans[2]
    assert acts.depths.tolist() == np.minimum([1, 4, 2], pair.modern.lifespan).tolist()


def test_equal_policies_are_grouped_by_their_first_rule() -> None:
    words = np.array([[[1]], [[2]], [[1]]], dtype=np.uint64)
    groups, first = grouped(words, np.array([0, 1, 2, 1]), np.ones(4, dtype=np.int64))
    assert groups.tolist() == [0, 1, 0, 1]
    assert first.tolist() == [0, 1]


def test_points_of_planners_do_not_depend_on_the_scale() -> None:
    weights = np.array([[1.0, -2.0], [10.0, -20.0], [0.0, 0.0]])
    points = COMPILED[PlannerRules].points(planners(weights, [1, 1, 1]), np.arange(3))
    np.testing.assert_allclose(points, [[0.5, -1.0], [0.5, -1.0], [0.0, 0.0]])


def test_gated_rules_need_a_cue() -> None:
    pair = random_pair(0)
    assert pair.cue is None
    rules = planners(np.ones((1, len(pair.modern.features))), [1])
    gated = GatedRules(rules, rules, np.array([1]))
    with pytest.raises(UserError, match=r"need a cue, but .* has none"):
        PolicyCompiler(WorldTables(pair.modern), pair).act_sets(gated)


def test_work_is_split_into_at_least_one_piece() -> None:
    assert chunks_for(1, 64) == chunks_for(0, 64) == 1
    assert chunks_for(10**6, 64) >= 8
