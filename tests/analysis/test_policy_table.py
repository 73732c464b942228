"""The table of a class's policy: it is the policy, and it sums to the ledger."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from evosim.analysis import policy_table
from evosim.reference.dynamic_programming import level_at
from tests.support.figures import EVERYWHERE, conducts_of
from tests.support.settings import setting


def test_the_commonest_class() -> None:
    # Seed 2 died out
    rows = [
        (0, "swap", 7, 60),
        (0, "swap", 3, 40),
        (1, "swap", 3, 55),
        (1, "swap", 9, 45),
        (2, "end", 1, 100),
    ]
    table = pl.DataFrame(rows, schema=["seed", "moment", "class", "count"], orient="row")
    assert policy_table.commonest_class(table) == (3, pytest.approx(0.475), "swap")
    assert policy_table.commonest_class(table.filter(pl.col("seed") == 2)) == (1, 1.0, "end")
    even = table.with_columns(pl.lit(50).alias("count"))
    # Of equals the lowest
    assert policy_table.commonest_class(even.filter(pl.col("seed") == 0))[0] == 3


@pytest.mark.parametrize("name", EVERYWHERE)
def test_what_is_done_is_the_policy_and_adds_up_to_the_ledger(name: str) -> None:
    made = setting(name)
    evaluator = conducts_of(made)
    number = int(np.random.default_rng(3).integers(made.genome.grid.size))
    frame = policy_table.acting(evaluator, number)
    policies, pair = policy_table.policies_of(evaluator, number), made.pair
    for which in policy_table.WORLDS:
        world, mine = evaluator.world(which), frame.filter(pl.col("world") == which)
        done = np.where(
            world.uncounted_states()[:, None], 0.0, evaluator.evaluate(number, which).occupancy
        )
        times = {
            act: float((rows["chance"] * rows["occupancy"]).sum())
            for (act,), rows in mine.group_by("act")
        }
        for a, act in enumerate(world.acts):  # the ledger's times an act is done in a life
            assert times.get(act, 0.0) == pytest.approx(done[:, :, a].sum(), abs=1e-5)
        chances = mine.group_by("place", "column").agg(pl.col("chance").sum())["chance"]
        assert chances.to_numpy() == pytest.approx(1.0, abs=1e-4)
        if policy_table.places_of(evaluator) == "state":
            for row in mine.sample(min(60, mine.height), seed=1).iter_rows(named=True):
                for left in {row["least_left"], row["most_left"]}:
                    level = level_at(world.lifespan - left, world.lifespan, len(policies[which]))
                    assert policies[which][
                        level, row["order"], world.acts.index(row["act"])
                    ] == pytest.approx(row["chance"])
        else:
            for row in mine.iter_rows(named=True):
                states = np.flatnonzero(pair.observe == row["order"])
                assert policies[which][0, states, world.acts.index(row["act"])].max() > 0.0
    once = frame.unique(["world", "place", "column"])
    for which in policy_table.WORLDS:
        lived = np.where(
            evaluator.world(which).uncounted_states()[:, None],
            0.0,
            evaluator.evaluate(number, which).occupancy,
        ).sum()
        assert float(once.filter(pl.col("world") == which)["occupancy"].sum()) == pytest.approx(
            lived
        )
