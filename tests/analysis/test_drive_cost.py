"""The cost of drivers: differences between arms, and verdicts."""

from __future__ import annotations

import polars as pl
import pytest

from evosim.analysis import drive_cost
from evosim.analysis.population import PopulationFitness
from evosim.analysis.values import ByWorld


def arm(mean: float, free: float) -> ByWorld[PopulationFitness]:
    fitness = PopulationFitness(mean=mean, free=free, wild=free, best_present=mean)
    return ByWorld(fitness, fitness)


def test_the_hack_is_own_cost_and_behaviour() -> None:
    arms = {"run": arm(1.0, 1.5), "fair": arm(3.0, 3.25), "fair_again": arm(3.5, 3.5)}
    rows = drive_cost.drive_rows(7, arms)
    values = {row.quantity: row.value for row in rows if row.world == "ancestral"}
    assert values["hack"] == 2.0 == values["own_cost"] + values["behaviour"]
    assert values["own_cost"] == pytest.approx(0.25)
    assert values["null"] == 0.5
    assert values["instantaneous"] == 0.5


def test_an_arm_that_died_out_measures_nothing() -> None:
    assert drive_cost.drive_rows(0, {"run": None, "fair": arm(1.0, 1.0)}) == []
    rows = drive_cost.drive_rows(0, {"run": arm(1.0, 1.0), "fair": None})
    assert {row.quantity for row in rows} == {"instantaneous"}


def test_deaths_before_the_swap_are_counted() -> None:
    table = pl.DataFrame({"seed": [0, 0, 1], "moment": ["swap", "end", "end"]})
    assert drive_cost.died({"run": {"populations": table}}) == {"run": 1}


def test_frequencies_are_means_over_seeds() -> None:
    table = pl.DataFrame(
        {
            "locus": ["d", "d", "d"],
            "allele": ["drive"] * 3,
            "generation": [4, 4, 5],
            "frequency": [0.2, 0.4, 0.9],
        }
    )
    (found,) = drive_cost.frequencies([("d", "drive")], {"run": table, "none": table.head(0)}, 4)
    assert found.arms["run"] == pytest.approx(0.3)
    assert found.arms["none"] is None
