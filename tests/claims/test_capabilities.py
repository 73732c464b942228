"""Claim 10: all predictions are measured, and planted faults fail."""

from __future__ import annotations

import polars as pl
import pytest

from evosim.claims import capabilities
from evosim.claims.claim import Tables
from evosim.config.schema import Experiment
from tests.support.claims import check_measured_and_drawn, small_claim, tables_of

NAME = "claim-10-capabilities"
TINY = (
    "replicates=5",
    "optimizer.population=40",
    "phases.0.generations=20",
    "genome.horizon.alleles=[1,6]",
)


@pytest.fixture(scope="module")
def computed() -> tuple[Experiment, Tables]:
    """The experiment at a tiny size, and the tables of its parts."""
    experiment = small_claim(NAME, *TINY)
    return experiment, tables_of(experiment)


@pytest.mark.slow
def test_all_predictions_are_measured_and_drawn(computed: tuple[Experiment, Tables]) -> None:
    check_measured_and_drawn(*computed)


@pytest.mark.slow
def test_both_parts_agree_on_the_best_genome(computed: tuple[Experiment, Tables]) -> None:
    """The phase diagram's cell with the experiment's own gestation and all its horizons is the deep
    planners' row.
    """
    experiment, tables = computed
    found = capabilities.measure(tables, experiment)
    cap = max(experiment.genome["horizon"]["alleles"])
    cell = (
        tables["gestation-4"]
        .filter(pl.col("seed").is_null() & (pl.col("cap") == cap))
        .row(0, named=True)
    )
    assert cell["alignment_fall"] == pytest.approx(found["deep_alignment_fall"].value, abs=1e-12)
    assert cell["capability_fall"] == pytest.approx(found["deep_capability_fall"].value, abs=1e-12)
