"""Sample lives: possible, paid as the world says, and chosen near the mean."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from evosim.analysis import policy_table, sample_life
from evosim.analysis.class_values import ClassEvaluator
from evosim.reference.dynamic_programming import level_at
from evosim.reference.rollout import live
from evosim.worlds import TabularMdp
from tests.support.figures import EVERYWHERE, conducts_of
from tests.support.settings import setting


@pytest.mark.parametrize("name", EVERYWHERE)
def test_a_life_is_possible_and_pays_what_it_says(name: str) -> None:
    made = setting(name)
    evaluator = conducts_of(made)
    number = int(np.random.default_rng(5).integers(made.genome.grid.size))
    found = sample_life.life(evaluator, number, seed=11)
    policies = policy_table.policies_of(evaluator, number)
    for which in policy_table.WORLDS:
        world, rows = evaluator.world(which), found.rows.filter(pl.col("world") == which)
        states, acts = live(world, policies[which], found.drawn, 0, 11)
        s = [world.states.index(x) for x in rows["state"]]
        a = [world.acts.index(x) for x in rows["act"]]
        assert s == states[found.number, : len(s)].tolist()
        assert a == acts[found.number, : len(a)].tolist()
        assert rows["age"].to_list() == list(range(len(s)))
        assert world.start[s[0]] > 0.0
        assert all(
            world.transitions[x, y, z] > 0.0 for x, y, z in zip(s[:-1], a[:-1], s[1:], strict=True)
        )
        assert not world.terminal_states()[s].any()
        assert len(s) == world.lifespan or world.terminal_states()[states[found.number, len(s)]]
        amount = world.payoff if which == "ancestral" else world.intent
        assert rows["amount"].to_list() == [float(amount[x, y]) for x, y in zip(s, a, strict=True)]
        assert float(rows["amount"].sum()) == pytest.approx(found.came_to[which])
        assert float(rows["so_far"][-1]) == pytest.approx(found.came_to[which])
        level = [level_at(t, world.lifespan, len(policies[which])) for t in range(len(s))]
        assert rows["chance"].to_list() == [
            float(policies[which][i, x, y]) for i, x, y in zip(level, s, a, strict=True)
        ]
        assert found.expected[which] == pytest.approx(
            float((evaluator.evaluate(number, which).occupancy * amount).sum())
        )


def test_equal_worlds_have_equal_lives() -> None:
    made = setting("birth-control")
    same = ClassEvaluator(made.genome, replace(made.pair, modern=replace_name(made.pair.ancestral)))
    rows = sample_life.life(same, 458, seed=0).rows
    one, other = (
        rows.filter(pl.col("world") == which).drop("world") for which in policy_table.WORLDS
    )
    assert one.equals(other)


def replace_name(world: TabularMdp) -> TabularMdp:
    return replace(world, name="another")


def test_the_middling_life() -> None:
    amounts = np.array([[0.0, 5.0], [1.0, 5.0], [2.0, 5.0], [1.0, 5.0]])
    # What is the same in all does not count; of equals the first
    assert sample_life.middling(amounts, np.array([0.9, 7.0])) == 1
    assert sample_life.middling(amounts[:, 1:], np.array([3.0])) == 0
    x = np.random.default_rng(0).gamma(1.0, size=50)
    assert sample_life.middling(x[:, None], np.array([x.mean()])) == int(
        np.abs(x - x.mean()).argmin()
    )
    # Each in units of its own spread
    far = np.array([[1.0, 0.0], [0.0, 30.0], [1.0, 300.0], [0.0, -300.0]])
    assert sample_life.middling(far, np.zeros(2)) == 1
