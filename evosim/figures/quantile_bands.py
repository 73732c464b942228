"""Means with bands over seeds."""

from __future__ import annotations

import polars as pl

BAND = 0.95
# Points of a line that are all drawn; of a longer one, the stretches whose extremes are
LONG, STRETCHES = (1500, 300)


def banded(frame: pl.DataFrame, column: str, *by: str) -> pl.DataFrame:
    """Mean of a column over seeds by group, with the ends `low` and `high` of its middle 95%."""
    tail = (1.0 - BAND) / 2.0
    value = pl.col(column)
    return (
        frame.group_by(*by)
        .agg(
            value.mean().alias("mean"),
            value.quantile(tail).alias("low"),
            value.quantile(1.0 - tail).alias("high"),
        )
        .sort(*by)
    )


def thinned(lines: pl.DataFrame, *by: str, across: str = "generation") -> pl.DataFrame:
    """Lines without the points that cannot be seen, because a line is narrower than it has points.

    A line with more than `LONG` points is cut into `STRETCHES`. Each stretch keeps the rows of its
    first point and of the extremes of `mean`, `low` and `high`. So does the last point of a line.
    Every peak and dip stays, and rows are not changed.

    Parameters
    ----------
    lines : pl.DataFrame
        One row a line and point: `across`, `mean`, `low`, `high`, and what names the line.
    *by : str
        The columns that name a line.
    across : str
        The horizontal axis.

    Returns
    -------
    pl.DataFrame
        Some of the rows, in their order. All of them if no line is long.
    """
    if lines.is_empty() or (lines.group_by(*by).len()["len"].max() if by else lines.height) <= LONG:  # type: ignore[operator]
        return lines
    first, last = (float(value) for value in (lines[across].min(), lines[across].max()))  # type: ignore[arg-type]
    stretch = ((pl.col(across) - first) / (last - first) * STRETCHES).floor()
    cut = lines.with_row_index("_row").with_columns(stretch.alias("_stretch"))
    row = pl.col("_row")
    extremes = [row.get(pl.col(c).arg_min()) for c in ("mean", "low")] + [
        row.get(pl.col(c).arg_max()) for c in ("mean", "high")
    ]
    rows = cut.group_by(*by, "_stretch", maintain_order=True).agg(
        pl.concat_list(row.get(pl.col(across).arg_min()), *extremes).alias("_kept")
    )
    chosen = rows["_kept"].explode().drop_nulls().unique().sort()
    return lines[chosen.to_numpy()]
