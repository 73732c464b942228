"""Payoff on merged states: what merging alike states leaves alone, and what merging others
costs.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from evosim.reference.dynamic_programming import extreme_values, lifetime
from evosim.reference.policies import policy_of
from evosim.worlds import InvalidWorld
from evosim.worlds.ontology import merge_states, merge_states_of_pair, merging_error
from tests.support.paths import ROOT
from tests.support.random_worlds import random_pair
from tests.support.settings import setting


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(ROOT / "scripts" / "studies"))
    yield importlib.import_module("merged_states")
    sys.modules.pop("merged_states", None)


def test_a_group_gets_the_mean_payoff_of_available_acts() -> None:
    world = random_pair(3).ancestral
    groups = np.array([0, 0, 1, 2, 2, 2])
    found = merge_states(world, groups)
    for group in range(3):
        for act in range(len(world.acts)):
            can = (groups == group) & world.available[:, act]
            if can.any():
                assert found.payoff[can, act] == pytest.approx(
                    world.payoff[can, act].mean(), abs=1e-15
                )
    assert np.array_equal(found.intent, world.intent)
    assert np.array_equal(found.transitions, world.transitions)


def test_states_that_pay_alike_can_be_merged_for_nothing() -> None:
    """In the savanna energy and partner change no payoff, so merging them has no error."""
    world = setting("coarse-savanna").pair.ancestral
    stage = np.array([int(name.partition(".s")[2] or -1) for name in world.states])
    assert merging_error(world, stage + 1) == 0.0
    assert np.allclose(merge_states(world, stage + 1).payoff, world.payoff, atol=1e-15, rtol=0)
    assert merging_error(world, np.zeros(len(world.states), dtype=np.int64)) > 0.0


def test_own_groups_change_nothing() -> None:
    pair = random_pair(5)
    same = merge_states_of_pair(pair, np.arange(len(pair.ancestral.states)))
    assert np.array_equal(same.ancestral.payoff, pair.ancestral.payoff)
    assert np.array_equal(same.modern.payoff, pair.modern.payoff)


@pytest.mark.parametrize("groups", [np.zeros(3, dtype=np.int64), np.full(6, -1), np.zeros(6)])
def test_groups_that_are_none_are_refused(groups: np.ndarray) -> None:
    with pytest.raises(InvalidWorld, match="groups must be one number from 0 for each of 6 states"):
        merge_states(random_pair(1).ancestral, groups)


@pytest.mark.parametrize("seed", range(5))
def test_the_best_for_payoff_agrees_with_backward_induction(study: ModuleType, seed: int) -> None:
    world = random_pair(seed).ancestral
    value, q = extreme_values(world, world.payoff)
    assert study.best_for_payoff(replace(world, intent=world.payoff)) == pytest.approx(
        float(world.start @ value[0])
    )
    # No two acts tie here
    best = np.where(
        world.available, np.isclose(q[::-1], value[:-1][::-1, :, None], rtol=0, atol=1e-12), False
    )
    assert study.best_for_payoff(world) == pytest.approx(
        lifetime(world, best / best.sum(axis=2, keepdims=True), world.intent)
    )


def test_of_ties_the_worst_for_intent_is_taken(study: ModuleType) -> None:
    world = random_pair(2).ancestral
    unpaid = replace(world, payoff=np.zeros_like(world.payoff))
    worst, _ = extreme_values(world, world.intent, worst=True)
    assert study.best_for_payoff(unpaid) == pytest.approx(float(world.start @ worst[0]))


def test_the_specification_step_of_the_grid(study: ModuleType) -> None:
    made = setting("micro", "world.ancestral.display_payoff=0.0")
    groups = np.array([0, 0, 1])
    world = merge_states(made.pair.ancestral, groups)
    rules = made.genome.decode(np.arange(made.genome.grid.size))
    policies = [policy_of(rules, i, world, made.pair) for i in range(len(rules))]
    paid, meant = (
        np.array([lifetime(world, p, amount) for p in policies]) * rules.fitness_retained
        for amount in (world.payoff, world.intent)
    )
    wanted = 1.0 - meant[paid >= paid.max() - 1e-12].min() / meant.max()
    assert study.steps(made, groups)["genomes"] == pytest.approx(wanted, abs=1e-12)
    assert study.steps(made, np.arange(3)) == pytest.approx(
        {"misread": 0.0, "genomes": 0.0, "policies": 0.0}, abs=1e-12
    )
