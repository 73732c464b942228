"""Accounts of evolved populations equal those of `evosim run`."""

from __future__ import annotations

import pytest

from evosim.claims import experiments, populations
from evosim.config.resolve import build
from evosim.errors import UserError
from evosim.fitness.landscape import Landscape
from evosim.runs.in_memory import replicate
from evosim.simulation.loop import simulate
from tests.support.claims import small_claim

TINY = ("replicates=5", "optimizer.population=160", "phases.0.generations=32")


def test_population_rows_equal_the_account() -> None:
    experiment = experiments.ancestral_only(
        small_claim("claim-02-birth-control", *TINY), 48, "replicates=1", "seed=3"
    )
    mine = populations.population_accounts(experiment, (experiment.swap,), "solo").row(
        0, named=True
    )
    made = build(experiment)
    numbers = replicate(made, Landscape(made)).numbers
    assert mine["fitness_A"] == pytest.approx(
        numbers["ladder.ancestral.rungs.population"], abs=1e-12
    )
    assert mine["fitness_M"] == pytest.approx(numbers["ladder.modern.rungs.population"], abs=1e-12)
    assert mine["gain"] == pytest.approx(numbers["desires.solo.gain_ancestral"], abs=1e-12)
    for act in ("self_stimulate", "mate", "rest"):
        assert mine[f"waste:{act}"] == pytest.approx(
            numbers[f"behaviour.ancestral.acts.{act}"], abs=1e-12
        )
    for kind in ("novel", "stale", "inherited"):
        assert mine[f"M:{kind}"] == pytest.approx(
            numbers[f"behaviour.modern.kinds.{kind}"], abs=1e-12
        )


def test_best_genome_rows_equal_the_account() -> None:
    experiment = experiments.ancestral_only(
        small_claim("claim-02-birth-control", *TINY), 48, "replicates=1"
    )
    found = populations.best_genome_account(experiment)
    made = build(experiment)
    numbers = replicate(made, Landscape(made)).numbers
    assert found["best_M"] == pytest.approx(
        numbers["ladder.modern.rungs.best_for_payoff"], abs=1e-12
    )
    assert found["fitness_M"] == pytest.approx(
        numbers["ladder.modern.rungs.best_ancestral"], abs=1e-12
    )
    assert found["optimum_M"] == pytest.approx(numbers["ladder.modern.rungs.optimum"], abs=1e-12)


def test_an_extinct_population_is_refused() -> None:
    setting = build(small_claim("claim-02-birth-control", *TINY, "replicates=1"))
    run = simulate(setting, Landscape(setting), 0)
    with pytest.raises(UserError, match="died out"):
        populations.snapshot_of(run, 10_000, "snapshot")
