"""Claims 2, 3, 4 and 10: what they measure is what other code finds, and their verdicts can
fail.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from evosim.claims import (
    birth_control,
    capabilities,
    claim_of,
    experiments,
    greedy_genes,
    masturbation,
    populations,
    seed_statistics,
)
from evosim.claims.claim import Tables
from evosim.claims.experiments import claim_experiment
from evosim.claims.measurements import Measurement
from evosim.claims.verdicts import COMES_OUT, NOT, OPEN, judge_prediction
from evosim.config.resolve import build
from evosim.config.schema import Experiment
from evosim.fitness.landscape import Landscape
from evosim.runs.in_memory import replicate
from evosim.theory import drive

TINY = {
    "claim-02-birth-control": (
        "replicates=5",
        "optimizer.population=160",
        "phases.0.generations=32",
    ),
    "claim-03-masturbation": (
        "replicates=5",
        "optimizer.population=160",
        "phases.0.generations=32",
    ),
    "claim-04-greedy-genes": (
        "replicates=5",
        "optimizer.population=60",
        "phases.0.generations=64",
        "optimizer.introductions.0.generation=4",
    ),
    "claim-10-capabilities": (
        "replicates=5",
        "optimizer.population=40",
        "phases.0.generations=20",
        "genome.horizon.alleles=[1,6]",
    ),
}


def tiny(name: str) -> Experiment:
    """A claim's experiment, very small."""
    full = claim_experiment(name, "full")
    return experiments.with_settings(full, *TINY[name]).model_copy(update={"claim": full.claim})


@pytest.fixture(scope="module")
def computed() -> dict[str, tuple[Tables, Experiment]]:
    """Tables of every claim."""
    out = {}
    for name in TINY:
        experiment = tiny(name)
        out[name] = (
            {part.name: part.make(*part.arguments) for part in claim_of(name).parts(experiment)},
            experiment,
        )
    return out


def verdicts(name: str, measured: dict[str, Measurement]) -> dict[str, str]:
    """By quantity."""
    choice = claim_experiment(name, "full").claim
    assert choice is not None
    return {p.quantity: judge_prediction(p, measured[p.quantity]) for p in choice.predictions}


@pytest.mark.parametrize("name", TINY)
def test_all_that_is_predicted_is_measured_and_drawn(
    name: str, computed: dict[str, tuple[Tables, Experiment]]
) -> None:
    claim = claim_of(name)
    tables, experiment = computed[name]
    measured = claim.measure(tables, experiment)
    assert set(verdicts(name, measured).values())
    for quantity, found in measured.items():
        assert np.isfinite(found.value), quantity
        assert found.low is None or found.low <= found.value <= found.high, quantity  # type: ignore[operator]
    for chart in claim.figures(tables, experiment).values():
        assert "config" in chart.to_dict()


def test_entries_are_those_of_the_account() -> None:
    experiment = experiments.ancestral_only(
        tiny("claim-02-birth-control"), 48, "replicates=1", "seed=3"
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


def test_rungs_are_those_of_the_account() -> None:
    experiment = experiments.ancestral_only(tiny("claim-02-birth-control"), 48, "replicates=1")
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


def test_hack_steps_are_those_of_the_account() -> None:
    experiment = greedy_genes.sized(tiny("claim-04-greedy-genes"), 60, 20, "replicates=1", "seed=5")
    mine = greedy_genes.hacks(greedy_genes.arms(experiment, (20,))).row(0, named=True)
    made = build(experiment)
    numbers = replicate(made, Landscape(made)).numbers
    for quantity in ("hack", "behaviour", "null"):
        assert mine[quantity] == pytest.approx(numbers[f"hack.ancestral.{quantity}"], abs=1e-12)


def test_slopes_and_intercepts_are_least_squares_within_each_seed() -> None:
    rng = np.random.default_rng(1)
    table = pl.DataFrame(
        {"seed": np.repeat([4, 9], 7), "x": np.tile(np.arange(7.0), 2), "y": rng.normal(size=14)}
    )
    wanted = [
        np.polyfit(np.arange(7.0), table.filter(pl.col("seed") == s)["y"].to_numpy(), 1)
        for s in (4, 9)
    ]
    assert seed_statistics.slopes(table, pl.col("x"), pl.col("y")) == pytest.approx(
        [w[0] for w in wanted]
    )
    assert seed_statistics.intercepts(table, pl.col("x"), pl.col("y")) == pytest.approx(
        [w[1] for w in wanted]
    )


def test_the_recursion_without_suppressors_is_that_of_one_locus() -> None:
    """A suppressor that kills is not there in the end."""
    driver, suppressor = greedy_genes.recursion(0.65, (1.0, 0.65), 1.0)
    assert suppressor == pytest.approx(0.0, abs=1e-9)
    assert driver == pytest.approx(drive.equilibrium(0.65, 0.0, 0.35).frequency, abs=1e-6)


def test_what_is_drawn_or_found_is_not_called_exact(
    computed: dict[str, tuple[Tables, Experiment]],
) -> None:
    """The best reflexes are those of a search with random starts; a maximum over populations is of
    those that evolved.
    """
    name = "claim-02-birth-control"
    tables, experiment = computed[name]
    kinds = {quantity: m.kind for quantity, m in birth_control.measure(tables, experiment).items()}
    assert kinds["reflex_kept"] == "best found"
    assert kinds["reflex_novel"] == kinds["novel_without_contraception"] == "those drawn"
    assert kinds["best_novel"] == kinds["shift_step"] == kinds["host_kept"] == "exact"


def test_contraception_that_stays_is_seen(
    computed: dict[str, tuple[Tables, Experiment]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fault: from M "without contraception" nothing is taken."""
    name = "claim-02-birth-control"
    tables, experiment = computed[name]
    assert (
        verdicts(name, birth_control.measure(tables, experiment))[
            "shift_left_without_contraception"
        ]
        == COMES_OUT
    )
    monkeypatch.setitem(birth_control.MODERN_WORLDS, birth_control.REMOVED, ())
    wrong = dict(tables) | {
        p.name: p.make(*p.arguments)
        for p in birth_control.parts(experiment)
        if p.name in ("grid", "removed")
    }
    found = verdicts(name, birth_control.measure(wrong, experiment))
    assert found["shift_left_without_contraception"] == NOT
    assert found["novel_without_contraception"] == NOT


def test_meiosis_that_is_not_fair_is_seen(
    computed: dict[str, tuple[Tables, Experiment]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fault: the fair control drives too.

    There is no hack step then, and the driver is not lost.
    """
    experiment = greedy_genes.sized(tiny("claim-04-greedy-genes"), 120, 80)
    right = greedy_genes.hacks(greedy_genes.arms(experiment, (80,)))
    assert right["driver_fair"].to_numpy().mean() < 0.05
    monkeypatch.setattr(
        greedy_genes, "controls_of", lambda made: dict.fromkeys(greedy_genes.ARMS, made)
    )
    wrong = greedy_genes.hacks(greedy_genes.arms(experiment, (80,)))
    assert np.abs(wrong["hack"].to_numpy()).max() == 0.0
    assert wrong["driver_fair"].to_numpy().mean() > 0.2


def test_a_waste_that_does_not_fall_is_seen(computed: dict[str, tuple[Tables, Experiment]]) -> None:
    """The fault: every look at a population is at its first generations."""
    name = "claim-03-masturbation"
    tables, experiment = computed[name]
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
    assert verdicts(name, found)["trend_with_generations"] == OPEN  # all seeds agree on no trend


def test_capability_and_alignment_of_the_best_are_the_same_in_both_parts(
    computed: dict[str, tuple[Tables, Experiment]],
) -> None:
    """The phase diagram's cell with the experiment's own gestation and all its horizons is the deep
    planners' row.
    """
    tables, experiment = computed["claim-10-capabilities"]
    found = capabilities.measure(tables, experiment)
    cap = max(experiment.genome["horizon"]["alleles"])
    cell = (
        tables["gestation-4"]
        .filter(pl.col("seed").is_null() & (pl.col("cap") == cap))
        .row(0, named=True)
    )
    assert cell["alignment_fall"] == pytest.approx(found["deep_alignment_fall"].value, abs=1e-12)
    assert cell["capability_fall"] == pytest.approx(found["deep_capability_fall"].value, abs=1e-12)
