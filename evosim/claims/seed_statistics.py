"""Columns and regressions by seed, for tables with one or more rows per seed."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray


def seed_values(table: pl.DataFrame, column: str) -> NDArray[np.float64]:
    """`[seeds]` a column of a table with one row per seed, in the order of seeds."""
    return table.sort("seed")[column].to_numpy().astype(np.float64)


def slopes(table: pl.DataFrame, x: pl.Expr, y: pl.Expr) -> NDArray[np.float64]:
    """`[seeds]` least-squares slope of `y` on `x` within each seed."""
    frame = table.select("seed", x.cast(pl.Float64).alias("x"), y.cast(pl.Float64).alias("y"))
    centred = frame.with_columns((pl.col("x") - pl.col("x").mean().over("seed")).alias("d"))
    fitted = centred.group_by("seed", maintain_order=True).agg(
        ((pl.col("d") * pl.col("y")).sum() / (pl.col("d") ** 2).sum()).alias("slope")
    )
    return seed_values(fitted, "slope")


def intercepts(table: pl.DataFrame, x: pl.Expr, y: pl.Expr) -> NDArray[np.float64]:
    """`[seeds]` value of each seed's least-squares line at `x` = 0."""
    means = table.group_by("seed", maintain_order=True).agg(
        x.cast(pl.Float64).mean().alias("x"), y.cast(pl.Float64).mean().alias("y")
    )
    return seed_values(means, "y") - slopes(table, x, y) * seed_values(means, "x")


def search_doublings() -> pl.Expr:
    """Amount of search: log2 of population times generations."""
    return (pl.col("population") * pl.col("generations")).cast(pl.Float64).log(2.0)
