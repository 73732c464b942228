"""Claim 3: all predictions are measured, and planted faults fail."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from evosim.claims import masturbation
from evosim.claims.claim import Tables
from evosim.claims.verdicts import OPEN
from evosim.config.schema import Experiment
from tests.support.claims import check_measured_and_drawn, small_claim, tables_of, verdicts_of

NAME = "claim-03-masturbation"
TINY = ("replicates=5", "optimizer.population=160", "phases.0.generations=32")


@pytest.fixture(scope="module")
def computed() -> tuple[Experiment, Tables]:
    """The experiment at a tiny size, and the tables of its parts."""
    experiment = small_claim(NAME, *TINY)
    return experiment, tables_of(experiment)


@pytest.mark.slow
def test_all_predictions_are_measured_and_drawn(computed: tuple[Experiment, Tables]) -> None:
    check_measured_and_drawn(*computed)


@pytest.mark.slow
def test_a_waste_that_does_not_fall_is_detected(computed: tuple[Experiment, Tables]) -> None:
    """The fault: every look at a population is at its first generations."""
    experiment, tables = computed
    wrong: dict[str, Any] = {
        k: (
            t.with_columns(pl.col(masturbation.WASTE).first().over("seed", "population"))
            if "population" in t.columns
            else t
        )
        for k, t in tables.items()
    }
    found = masturbation.measure(wrong, experiment)
    assert found["trend_with_generations"].value == pytest.approx(0.0, abs=1e-12)
    assert verdicts_of(NAME, found)["trend_with_generations"] == OPEN  # all seeds agree on no trend
