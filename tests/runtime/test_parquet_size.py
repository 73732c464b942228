"""The size of a Parquet table, from its header alone."""

from __future__ import annotations

import io

import polars as pl

from evosim.runtime.parquet_size import size_of


def test_rows_are_counted_without_reading_the_table() -> None:
    file = io.BytesIO()
    pl.DataFrame({"x": range(1000), "name": ["abc"] * 1000}).write_parquet(file)
    size = size_of(file.getvalue())
    assert size.rows == 1000
