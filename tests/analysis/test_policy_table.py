"""Policies as tables."""

from __future__ import annotations

import numpy as np
import polars as pl

from evosim.analysis import policy_table
from tests.support.accounts import accountant_of


def test_the_most_common_class_has_its_share() -> None:
    populations = accountant_of("micro").tables["populations"]
    class_id, share, moment = policy_table.most_common_class(populations)
    assert class_id in set(populations["class"])
    assert 0.0 < share <= 1.0
    assert moment == "swap"


def test_policies_are_probabilities() -> None:
    evaluator = accountant_of("micro").cache.evaluator
    for world, policy in policy_table.policies_of(evaluator, 3).items():
        allowed = evaluator.world(world).available
        np.testing.assert_allclose(policy.sum(axis=2)[:, allowed.any(axis=1)], 1.0)


def test_chances_of_a_place_sum_to_1() -> None:
    found = policy_table.acting(accountant_of("micro").cache.evaluator, 3)
    assert set(found["world"]) == {"ancestral", "modern"}
    sums = found.group_by("world", "place", "column").agg(pl.col("chance").sum())
    np.testing.assert_allclose(sums["chance"].to_numpy(), 1.0)
