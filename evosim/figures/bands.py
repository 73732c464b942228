"""Means with bands over seeds."""

from __future__ import annotations

import polars as pl

BAND = 0.95


def banded(frame: pl.DataFrame, column: str, *by: str) -> pl.DataFrame:
    """For each group the `mean` of a column over seeds, and `low` and `high` ends of its middle 95%."""
    tail = (1.0 - BAND) / 2.0
    value = pl.col(column)
    return (
        frame.group_by(*by)
        .agg(value.mean().alias("mean"), value.quantile(tail).alias("low"), value.quantile(1.0 - tail).alias("high"))
        .sort(*by)
    )
