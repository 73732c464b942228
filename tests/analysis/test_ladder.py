"""Ladders: rungs, steps and tie sets."""

from __future__ import annotations

import polars as pl
import pytest

from evosim.analysis import ladder
from evosim.reference.dynamic_programming import Span

FIXED = ladder.FixedRungs(
    {"optimum": 5.0, "best_for_intent": 4.0, "best_for_payoff": 3.5, "best_ancestral": 3.0}, {}
)


def test_steps_sum_to_the_whole_loss() -> None:
    rungs, steps = ladder.rungs_and_steps(
        FIXED, ladder.Reached(1.0, 1.5), ladder.Reached(2.0, 2.5), has_control=True
    )
    names = ("representation", "specification", "shift", "search", "hack")
    assert sum(steps[name] or 0.0 for name in names) == rungs["optimum"] - rungs["population"]
    assert (steps["unfound"], steps["load"]) == (0.5, 0.5)


def test_a_fixed_sample_leads_down_from_its_best() -> None:
    sampled = ladder.SampledSelection(varies=False, best=2.5)
    rungs, steps = ladder.rungs_and_steps(
        FIXED, ladder.Reached(1.0, 1.0), None, has_control=False, sampled=sampled
    )
    assert rungs["best_on_sample"] == 2.5
    assert (steps["sampling"], steps["search"]) == (0.5, 1.5)


def test_a_varying_sample_leads_down_from_all_cases() -> None:
    sampled = ladder.SampledSelection(varies=True, all_cases=ladder.Reached(2.0, 2.0))
    rungs, steps = ladder.rungs_and_steps(
        FIXED, ladder.Reached(1.5, 1.5), None, has_control=False, sampled=sampled
    )
    assert rungs["all_cases"] == 2.0
    assert (steps["search"], steps["sampling"]) == (1.0, 0.5)


def test_rungs_have_the_steps_that_lead_to_them() -> None:
    names = ["optimum", "best_for_intent", "best_for_payoff", "best_ancestral", "population"]
    steps = [step for _, step in ladder.steps_down(names)]
    assert steps == ["representation", "specification", "shift", "search"]


@pytest.mark.parametrize(("tolerance", "height"), [(0.0, 1), (0.1, 2), (1.0, 3)])
def test_near_best_counts_from_the_worst_policy(tolerance: float, height: int) -> None:
    table = pl.DataFrame({"class": [0, 1, 2], "ancestral": [0.0, 9.5, 10.0]})
    found = ladder.near_best(table, tolerance, Span(0.0, 10.0, 10.0))
    assert found.height == height
