"""Claim 4: all predictions are measured, and planted faults fail."""

from __future__ import annotations

import numpy as np
import pytest

from evosim.claims import greedy_genes
from evosim.claims.claim import Tables
from evosim.config.resolve import build
from evosim.config.schema import Experiment
from evosim.fitness.landscape import Landscape
from evosim.runs.in_memory import replicate
from evosim.theory import drive
from tests.support.claims import check_measured_and_drawn, small_claim, tables_of

NAME = "claim-04-greedy-genes"
TINY = (
    "replicates=5",
    "optimizer.population=60",
    "phases.0.generations=64",
    "optimizer.introductions.0.generation=4",
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
def test_hack_steps_are_those_of_the_account() -> None:
    experiment = greedy_genes.sized(small_claim(NAME, *TINY), 60, 20, "replicates=1", "seed=5")
    mine = greedy_genes.hacks(greedy_genes.arms(experiment, (20,))).row(0, named=True)
    made = build(experiment)
    numbers = replicate(made, Landscape(made)).numbers
    for quantity in ("hack", "behaviour", "null"):
        assert mine[quantity] == pytest.approx(numbers[f"hack.ancestral.{quantity}"], abs=1e-12)


def test_recursion_without_suppressors_has_one_locus() -> None:
    """A suppressor that kills is not there in the end."""
    driver, suppressor = greedy_genes.recursion(0.65, (1.0, 0.65), 1.0)
    assert suppressor == pytest.approx(0.0, abs=1e-9)
    assert driver == pytest.approx(drive.equilibrium(0.65, 0.0, 0.35).frequency, abs=1e-6)


@pytest.mark.slow
def test_unfair_control_meiosis_is_detected(
    computed: tuple[Experiment, Tables], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fault: the fair control drives too.

    There is no hack step then, and the driver is not lost.
    """
    experiment = greedy_genes.sized(small_claim(NAME, *TINY), 120, 80)
    right = greedy_genes.hacks(greedy_genes.arms(experiment, (80,)))
    assert right["driver_fair"].to_numpy().mean() < 0.05
    monkeypatch.setattr(
        greedy_genes, "controls_of", lambda made: dict.fromkeys(greedy_genes.ARMS, made)
    )
    wrong = greedy_genes.hacks(greedy_genes.arms(experiment, (80,)))
    assert np.abs(wrong["hack"].to_numpy()).max() == 0.0
    assert wrong["driver_fair"].to_numpy().mean() > 0.2
