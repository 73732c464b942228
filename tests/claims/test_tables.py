"""Verdicts as text: kinds of quantities, evidence, and the page of Markdown."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from evosim.claims.evaluate import (
    ClaimResult,
    ClaimRunner,
    VerdictRow,
    measurements_table,
    verdict_row,
)
from evosim.claims.experiments import claim_experiment
from evosim.claims.measurements import Measurement, best_found, exactly, of_sample
from evosim.claims.tables import agreement_count, as_markdown, format_measurement
from evosim.claims.verdicts import COMES_OUT, OPEN
from evosim.config.schema import Prediction
from tests.support.claims import numbers


def test_sampled_quantities_are_not_called_exact(made_up: str) -> None:
    found = {
        "mean": exactly(1.0),
        "most": of_sample(2.0, "genomes"),
        "best": best_found(0.9),
        "over": Measurement(1.0, 0.5, 1.5, seeds=9),
        "few": Measurement(1.0, seeds=3),
    }
    assert [m.kind for m in found.values()] == [
        "exact",
        "those drawn",
        "best found",
        "seeds",
        "seeds",
    ]
    assert [m.exact for m in found.values()] == [True, False, False, False, False]
    assert best_found(0.9, enumerated=True).exact
    choice = claim_experiment(made_up, "quick").claim
    assert choice is not None
    predictions = tuple(Prediction(quantity=name, says="above", value=0.0) for name in found)
    rows = [verdict_row(made_up, choice, prediction, found) for prediction in predictions]
    page = as_markdown(
        [ClaimResult(made_up, choice.model_copy(update={"predictions": predictions}), rows, OPEN)],
        "quick",
    )
    assert "| mean | above 0 | 1 | exact | comes out |" in page
    assert "| most | above 0 | 2 genomes | those drawn | comes out |" in page
    assert "| best | above 0 | 0.9 | best found | comes out |" in page
    assert "| over | above 0 | 1.00 [0.50, 1.50] | 9 seeds | comes out |" in page
    assert "| few | above 0 | 1 | 3 seeds | undecided |" in page
    assert "quantities without one have no chance" not in page
    assert [format_measurement(row) for row in rows] == [
        "1",
        "2 (those drawn) genomes",
        "0.9 (best found)",
        "1.00 [0.50, 1.50]",
        "1 (3 seeds)",
    ]
    assert measurements_table(found)["kind"].to_list() == [m.kind for m in found.values()]


def test_a_prediction_that_cannot_fail_is_no_evidence(made_up: str, tmp_path: Path) -> None:
    choice = claim_experiment(made_up, "quick").claim
    assert choice is not None
    row = verdict_row(
        made_up,
        choice,
        choice.predictions[0].model_copy(update={"by_construction": True}),
        {"mean": exactly(1.0)},
    )
    good = verdict_row(made_up, choice, choice.predictions[0], {"mean": exactly(1.0)})
    choice = choice.model_copy(update={"predictions": choice.predictions * 2})
    tested = ClaimResult(made_up, choice, [row, good], COMES_OUT)
    assert agreement_count(tested) == "1 of 1"
    assert "comes out (by construction)" in as_markdown([tested], "quick")
    with pytest.raises(ValueError, match="needs one that can fail"):
        type(choice)(
            number=1,
            statement="",
            predictions=(choice.predictions[0].model_copy(update={"by_construction": True}),),
        )


def test_verdicts_are_a_page(made_up: str, tmp_path: Path) -> None:
    runner = ClaimRunner([made_up], "quick", tmp_path / "parts")
    runner.left[0].file.parent.mkdir(parents=True)
    numbers(6, 1.0).write_parquet(runner.tasks[made_up][0].file)
    page = as_markdown([runner.test(made_up, tmp_path / "out", figures=False)], "quick")
    assert "| mean | above 0 | 1.025 [1.003, 1.044] | 6 seeds | comes out |  |" in page
    assert "1 of 1" in page


def test_a_measurement_has_the_decimals_of_its_interval() -> None:
    row = VerdictRow(
        number=1,
        claim="claim",
        quantity="x",
        predicted="above 0",
        measured=0.0006835,
        low=7.3e-05,
        high=0.001474,
        seeds=6,
        kind="seeds",
        unit="offspring",
        by_construction=False,
        verdict="comes out",
    )
    assert format_measurement(row) == "0.00068 [0.00007, 0.00147] offspring"
    without = replace(row, low=None, high=None)
    assert format_measurement(without) == "0.0006835 (6 seeds) offspring"
    unbounded = replace(row, measured=2.0, low=1.5, high=math.inf)
    assert format_measurement(unbounded) == "2.00 [1.50, inf] offspring"
