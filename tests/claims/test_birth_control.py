"""Claim 2: all predictions are measured, and planted faults fail."""

from __future__ import annotations

import pytest

from evosim.claims import birth_control
from evosim.claims.claim import Tables
from evosim.claims.verdicts import COMES_OUT, NOT
from evosim.config.schema import Experiment
from tests.support.claims import check_measured_and_drawn, small_claim, tables_of, verdicts_of

NAME = "claim-02-birth-control"
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
def test_sampled_and_searched_quantities_are_not_exact(computed: tuple[Experiment, Tables]) -> None:
    """The best reflexes are those of a search with random starts; a maximum over populations is of
    those that evolved.
    """
    experiment, tables = computed
    kinds = {quantity: m.kind for quantity, m in birth_control.measure(tables, experiment).items()}
    assert kinds["reflex_kept"] == "best found"
    assert kinds["reflex_novel"] == kinds["novel_without_contraception"] == "those drawn"
    assert kinds["best_novel"] == kinds["shift_step"] == kinds["host_kept"] == "exact"


@pytest.mark.slow
def test_contraception_that_stays_is_detected(
    computed: tuple[Experiment, Tables], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fault: from M "without contraception" nothing is taken."""
    experiment, tables = computed
    assert (
        verdicts_of(NAME, birth_control.measure(tables, experiment))[
            "loss_left_without_contraception"
        ]
        == COMES_OUT
    )
    monkeypatch.setitem(birth_control.MODERN_WORLDS, birth_control.REMOVED, ())
    wrong = dict(tables) | {
        p.name: p.make(*p.arguments)
        for p in birth_control.parts(experiment)
        if p.name in ("grid", "removed")
    }
    found = verdicts_of(NAME, birth_control.measure(wrong, experiment))
    assert found["loss_left_without_contraception"] != COMES_OUT
    assert found["novel_without_contraception"] == NOT
