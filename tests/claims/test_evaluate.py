"""Claims are found, computed, judged and stored, and stored verdicts can be derived again."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

import evosim.claims as claims
from evosim.claims.evaluate import ClaimRunner, claims_by_name
from evosim.claims.experiments import claim_experiment
from evosim.claims.measurements import Measurement
from evosim.claims.verdicts import COMES_OUT, NOT, judge_prediction
from evosim.config.experiments import read_experiment
from evosim.config.resolve import build, resolve
from evosim.errors import UserError
from tests.support.claims import evosim, numbers
from tests.support.paths import ROOT

# Packaged experiments of which claims report exact numbers
ENUMERATED_TOO = ("coarse-savanna", "host", "micro", "maze", "villages", "deception", "suppressor")


@pytest.mark.parametrize(
    "name", [*(name for name in claims.CLAIMS if name != "claim-06-demons"), *ENUMERATED_TOO]
)
def test_exact_best_genomes_are_of_enumerated_grids(name: str) -> None:
    experiment = (
        claim_experiment(name, "full") if name in claims.CLAIMS else resolve(read_experiment(name))
    )
    made = build(experiment)
    assert made.genome.grid.size <= experiment.analysis.max_enumerated


def test_predictions_change_no_digest(made_up: str) -> None:
    plain = claim_experiment(made_up, "quick")
    assert plain.claim is not None
    assert plain.digest() == plain.model_copy(update={"claim": None}).digest()
    assert claim_experiment(made_up, "full").replicates == 20


def test_claims_are_found_by_name_number_and_word() -> None:
    assert claims_by_name(["6", "claim-06-demons", "mazes"]) == [
        "claim-06-demons",
        "claim-07-mazes",
    ]
    assert claims_by_name([]) == list(claims.CLAIMS)
    with pytest.raises(UserError, match="a claim"):
        claims_by_name(["sevn"])


@pytest.mark.slow
def test_a_claim_is_computed_judged_and_stored(made_up: str, tmp_path: Path) -> None:
    runner = ClaimRunner([made_up], "quick", tmp_path / "parts")
    assert len(runner.left) == 1
    runner.left[0].file.parent.mkdir(parents=True)
    numbers(6, 1.0).write_parquet(runner.left[0].file)
    assert not runner.left
    tested = runner.test(made_up, tmp_path / "out")
    assert tested.verdict == COMES_OUT
    folder = tmp_path / "out" / made_up
    assert {p.name for p in folder.iterdir()} == {
        "some.csv",
        "measured.csv",
        "experiment.toml",
        "provenance.json",
        "some.png",
        "some.svg",
    }
    numbers(6, -1.0).write_parquet(runner.tasks[made_up][0].file)  # planted
    assert runner.test(made_up, tmp_path / "out").verdict == NOT


def test_an_unknown_claim_gives_one_line(tmp_path: Path) -> None:
    done = evosim("claims", "no-such", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "a claim must be one of" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", claims.CLAIMS)
def test_stored_verdicts_follow_from_stored_measurements(name: str) -> None:
    """Full size has at least 20 seeds if chance enters; findings name refuted predictions."""
    kept = pl.read_csv(ROOT / "results" / "claims" / "verdicts.csv").filter(pl.col("claim") == name)
    choice = claim_experiment(name, "full").claim
    assert choice is not None
    assert kept["quantity"].to_list() == [prediction.quantity for prediction in choice.predictions]
    findings = " ".join((ROOT / "docs" / "findings.md").read_text(encoding="utf-8").split())
    for prediction, row in zip(choice.predictions, kept.iter_rows(named=True), strict=True):
        found = Measurement(
            row["measured"],
            row["low"],
            row["high"],
            row["unit"] or "",
            row["seeds"],
            row.get("kind", ""),
        )
        assert row["seeds"] == 0 or row["seeds"] >= 20 or prediction.by_construction, row[
            "quantity"
        ]
        assert row["verdict"] == judge_prediction(prediction, found), row["quantity"]
        assert row["verdict"] == COMES_OUT or f"`{row['quantity']}`" in findings, row["quantity"]
    folder = ROOT / "results" / "claims" / name
    facts = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    assert facts["size"] == "full"
    assert facts["digest"] == claim_experiment(name, "full").digest()
    assert list(folder.glob("*.png"))
