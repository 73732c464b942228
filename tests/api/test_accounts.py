"""Accounts as frames: losses and ladders close, and the ledger sums to the loss."""

from __future__ import annotations

import polars as pl
import pytest

import evosim
from evosim.analysis.intervals import interval
from evosim.analysis.ladder import STEPS


@pytest.mark.slow
@pytest.mark.parametrize("which", ["micro", "driven"])
def test_losses_are_the_very_numbers_of_the_summary(
    which: str, request: pytest.FixtureRequest
) -> None:
    run: evosim.Run = request.getfixturevalue(which)
    losses = run.losses()
    assert losses.select("loss", "world").rows() == [
        (loss, world) for loss in ("shift", "waste", "hack") for world in ("ancestral", "modern")
    ]
    assert losses.equals(evosim.losses(run))
    for row, entry in zip(losses.iter_rows(named=True), run.summary["losses"], strict=True):
        assert row["loss"] == entry["name"]
        for key in ("world", "mean", "low", "high", "n", "share_of_best", "exact"):
            assert row[key] == entry[key]
    assert (losses.filter(pl.col("loss") == "hack")["mean"].null_count() == 2) == (which == "micro")
    # and what it is a summary of: the losses of each seed
    seeds = run.losses(seeds=True).filter(
        (pl.col("loss") == "waste") & (pl.col("world") == "modern")
    )["value"]
    row = losses.row(3, named=True)
    assert row["mean"] == pytest.approx(seeds.mean(), abs=1e-15)
    assert (row["low"], row["high"]) == (interval(seeds, 2000, 0.95) or (None, None))


@pytest.mark.slow
def test_the_ladder_closes(driven: evosim.Run) -> None:
    found = {
        (row["world"], row["name"]): row["mean"] for row in driven.ladder().iter_rows(named=True)
    }
    for world in ("ancestral", "modern"):
        lost = sum(found[world, step] for step in STEPS if (world, step) in found)
        assert found[world, "optimum"] - found[world, "population"] == pytest.approx(
            lost, abs=1e-12
        )
    codes = (
        driven.ladder()
        .filter(pl.col("part") == "rung")["code"]
        .unique(maintain_order=True)
        .to_list()
    )
    assert codes == ["R0", "R1h", "R1", "R2", "R3", "R4", "R5"]


@pytest.mark.slow
def test_the_behaviour_ledger_sums_to_the_loss(driven: evosim.Run) -> None:
    for world in ("ancestral", "modern"):
        mine = driven.behaviour().filter(
            (pl.col("subject") == "population") & (pl.col("world") == world)
        )
        told = driven.summary["behaviour"][world]
        for act, kinds in told["acts_by_kind"].items():
            for kind, value in kinds.items():
                assert mine.filter((pl.col("act") == act) & (pl.col("kind") == kind))[
                    "mean"
                ].item() == pytest.approx(value, abs=1e-12)
        rungs = driven.summary["ladder"][world]["rungs"]
        assert mine["mean"].sum() == pytest.approx(rungs["optimum"] - rungs["population"], abs=1e-9)
        by_age = driven.behaviour(by=["age"]).filter(
            (pl.col("subject") == "population") & (pl.col("world") == world)
        )
        assert by_age["mean"].sum() == pytest.approx(mine["mean"].sum(), abs=1e-9)
