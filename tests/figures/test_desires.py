"""The figure of desires: bars are means of the account's table."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from evosim.figures import Source


def test_bars_are_means_of_the_table(micro: Source, specs: dict[str, dict[str, Any]]) -> None:
    table = micro.analysis["desires"]
    means = {
        (row["feature"], row["reading"], row["world"]): row["mean"]
        for rows in specs["desires"]["datasets"].values()
        for row in rows
        if "reading" in row
    }
    assert len(means) == 4 * table["feature"].n_unique()
    for (feature, reading, world), mean in means.items():
        column = table.filter(pl.col("feature") == feature)[f"{reading}_{world}"]
        assert mean == pytest.approx(column.mean())
