"""Accounts as frames: losses and ladders close, and the ledger sums to the loss."""

from __future__ import annotations

import polars as pl
import pytest

import evosim
from evosim.analysis.intervals import interval


@pytest.mark.slow
@pytest.mark.parametrize("which", ["micro", "driven"])
def test_losses_are_the_very_numbers_of_the_summary(
    which: str, request: pytest.FixtureRequest
) -> None:
    run: evosim.Run = request.getfixturevalue(which)
    losses = run.losses()
    assert losses.select("loss", "world").rows() == [
        (loss, world) for loss in ("shift", "search", "hack") for world in ("ancestral", "modern")
    ]
    for row in losses.iter_rows(named=True):
        ladder = run.summary["ladder"][row["world"]]
        assert row["mean"] == ladder["steps"][row["loss"]]
        assert (row["low"], row["high"]) == tuple(
            ladder["intervals"].get(row["loss"], (None, None))
        )
        assert len(row["words"]) > 40
    assert (losses.filter(pl.col("loss") == "hack")["mean"].null_count() == 2) == (which == "micro")
    # and what it is a summary of: the steps of each seed
    steps = run.ladder(seeds=True).filter(
        (pl.col("part") == "step") & (pl.col("name") == "search") & (pl.col("world") == "modern")
    )["value"]
    row = losses.row(3, named=True)
    assert row["mean"] == pytest.approx(steps.mean(), abs=1e-15)
    assert (row["low"], row["high"]) == interval(steps, 2000, 0.95)


@pytest.mark.slow
def test_the_ladder_closes(driven: evosim.Run) -> None:
    found = {
        (row["world"], row["name"]): row["mean"] for row in driven.ladder().iter_rows(named=True)
    }
    for world in ("ancestral", "modern"):
        lost = sum(
            found[world, step]
            for step in ("representation", "specification", "shift", "search", "hack")
        )
        assert found[world, "optimum"] - found[world, "population"] == pytest.approx(
            lost, abs=1e-12
        )
    codes = (
        driven.ladder()
        .filter(pl.col("part") == "rung")["code"]
        .unique(maintain_order=True)
        .to_list()
    )
    assert codes == ["R0", "R1", "R2", "R3", "R4", "R5"]


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
