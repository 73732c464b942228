"""Means over seeds: by hand on small tables."""

from __future__ import annotations

import polars as pl
import pytest

from evosim.analysis import means_over_seeds
from evosim.config.schema import AnalysisChoice

LADDER = pl.DataFrame(
    [
        (0, "modern", "rung", "optimum", 4.0),
        (0, "modern", "rung", "population", 1.0),
        (0, "modern", "step", "search", 3.0),
        (1, "modern", "rung", "optimum", 4.0),
        (1, "modern", "rung", "population", 3.0),
        (1, "modern", "step", "search", None),
    ],
    schema=["seed", "world", "part", "name", "value"],
    orient="row",
)


def test_steps_and_rungs_are_over_complete_seeds() -> None:
    found = means_over_seeds.ladder_summary(LADDER, "modern", AnalysisChoice(), {})
    assert found.seeds == 1
    assert found.rungs == {"optimum": 4.0, "population": 1.0}
    assert found.steps == {"search": 3.0}


def test_steps_by_act_leave_out_incomplete_seeds() -> None:
    rows = [(None, "shift", "eat", 0.5), (0, "search", "eat", 2.0), (1, "search", "eat", 9.0)]
    table = pl.DataFrame(
        [(seed, "modern", step, act, value) for seed, step, act, value in rows],
        schema=["seed", "world", "step", "act", "value"],
        orient="row",
    )
    found = means_over_seeds.steps_by_act(table, LADDER)
    assert found.modern == {"shift": {"eat": 0.5}, "search": {"eat": 2.0}}
    assert found.ancestral == {}


def test_an_estimate_has_an_interval_from_five_seeds() -> None:
    few = means_over_seeds.estimate([1.0, 2.0, 3.0, 4.0], AnalysisChoice())
    assert (few.mean, few.n, few.interval) == (2.5, 4, None)
    more = means_over_seeds.estimate([1.0, 2.0, 3.0, 4.0, 5.0], AnalysisChoice())
    assert more.interval is not None
    assert more.interval[0] < 3.0 < more.interval[1]


def test_the_mean_of_nothing_is_none() -> None:
    assert means_over_seeds.mean([]) is None
    assert means_over_seeds.mean([1.0, 2.0]) == pytest.approx(1.5)
