"""The figure of the behaviour ledger: seeds without regret count."""

from __future__ import annotations

import polars as pl

from evosim.analysis import means_over_seeds
from evosim.figures.behaviour import behaviour, describe


def test_a_seed_without_regret_counts() -> None:
    rows = [
        ("population", 0, "ancestral", "waste", "a", 0, 1.0),
        *(("population", seed, "ancestral", "upkeep", None, None, 0.0) for seed in (0, 1, 2, 3)),
    ]
    ledger = pl.DataFrame(
        rows, schema=["subject", "seed", "world", "kind", "act", "age", "value"], orient="row"
    )
    told = means_over_seeds.ledger_summary(ledger, "population", "ancestral")
    assert told is not None
    assert told.kinds["waste"] == 0.25
    drawn = [
        row
        for rows in behaviour(ledger).to_dict()["datasets"].values()
        for row in rows
        if "act" in row
    ]
    assert [row["regret"] for row in drawn] == [0.25]
    assert "0.250 is lost" in describe(ledger)
