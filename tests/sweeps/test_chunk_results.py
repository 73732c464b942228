"""Tables that are kept of the runs of a chunk."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tests.support.sweeps import SWEEP, compute, start_sweep


def test_the_ledger_is_the_behaviour_without_ages(tmp_path: Path) -> None:
    store = start_sweep(
        tmp_path / "s",
        SWEEP.replace('"ladder", "behaviour", "generations"', '"ledger", "behaviour"'),
    )
    compute(store, [0])
    ledger, behaviour = (pl.read_parquet(store.table(0, name)) for name in ("ledger", "behaviour"))
    assert "age" not in ledger.columns
    by = ["run", "subject", "world"]
    one, other = (
        frame.group_by(by).agg(pl.col("value").sum()).sort(by) for frame in (ledger, behaviour)
    )
    assert one.select(by).equals(other.select(by))
    assert one["value"].to_list() == pytest.approx(other["value"].to_list())
