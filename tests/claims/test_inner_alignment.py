"""Claim 13: both off-diagonal cells exist, and planted faults fail."""

from __future__ import annotations

import polars as pl
import pytest

from evosim.claims import inner_alignment
from evosim.claims.claim import Claim
from evosim.claims.verdicts import COMES_OUT, NOT, judge_prediction
from evosim.config.schema import Experiment
from tests.support.claims import small_claim

SMALL = (
    "genome.weights={recruit={alleles=[0.0,1.0]},pleasure={alleles=[0.0,1.0]},young={alleles=[0.0,1.0]},satiety={alleles=[0.0,1.0]}}",
    "genome.horizon.alleles=[1,6,80]",
)


def verdicts(
    claim: Claim, experiment: Experiment, tables: dict[str, pl.DataFrame]
) -> dict[str, str]:
    found = claim.measure(tables, experiment)
    assert experiment.claim is not None
    return {
        p.quantity: judge_prediction(p, found[p.quantity]) for p in experiment.claim.predictions
    }


@pytest.fixture(scope="module")
def inner_tables() -> tuple[Experiment, dict[str, pl.DataFrame]]:
    experiment = small_claim("claim-13-inner-alignment", *SMALL, size="quick")
    return experiment, {
        part.name: part.make(*part.arguments) for part in inner_alignment.parts(experiment)
    }


@pytest.mark.slow
def test_both_cells_are_there(inner_tables: tuple[Experiment, dict[str, pl.DataFrame]]) -> None:
    experiment, tables = inner_tables
    found = inner_alignment.measure(tables, experiment)
    assert (
        sum(
            found[name].value
            for name in (
                "right_objective_and_good",
                "right_objective_and_bad",
                "another_objective_and_good",
                "another_objective_and_bad",
            )
        )
        == found["genomes"].value
    )
    assert set(verdicts(inner_alignment.CLAIM, experiment, tables).values()) == {COMES_OUT}
    assert set(inner_alignment.figures(tables, experiment)) == {"cells", "lives", "equals"}
    kept = inner_alignment.stored_tables(tables, experiment)
    assert kept["lives"]["cell"].n_unique() == 2
    who_wants_offspring = tables["grid-contraception"].filter(
        pl.col("misranking") <= inner_alignment.SAME_RANKING
    )
    others = [
        name
        for name in who_wants_offspring.columns
        if name.startswith("locus:")
        and name.removeprefix("locus:") in ("satiety", "pleasure", "young")
    ]
    assert (who_wants_offspring.select(others).to_numpy() == 0.0).all()
    trivial = tables["explained"].filter("trivial")
    # Wanting nothing explains everything
    assert set(trivial["subject"]) == set(tables["explained"]["subject"])


@pytest.mark.slow
def test_claim_fails_if_only_right_objectives_are_good(
    inner_tables: tuple[Experiment, dict[str, pl.DataFrame]],
) -> None:
    experiment, tables = inner_tables
    right = (pl.col("misranking") <= inner_alignment.SAME_RANKING).cast(pl.Float64)
    faulty = {
        name: (
            table.with_columns((1.0 - right).alias("loss")).with_columns(inner_alignment._cell())
            if name.startswith("grid-")
            else table
        )
        for name, table in tables.items()
    }
    found = verdicts(inner_alignment.CLAIM, experiment, faulty)
    assert [
        found[name]
        for name in (
            "another_objective_and_good",
            "right_objective_and_bad",
            "loss_by_wrong_belief",
        )
    ] == [NOT] * 3


@pytest.mark.slow
def test_a_ledger_that_reads_encodings_is_detected(
    inner_tables: tuple[Experiment, dict[str, pl.DataFrame]],
) -> None:
    experiment, tables = inner_tables
    faulty = tables | {"equals": tables["equals"].with_columns(pl.lit(1e-6).alias("ledgers_apart"))}
    assert verdicts(inner_alignment.CLAIM, experiment, faulty)["ledger_difference_of_equals"] == NOT
