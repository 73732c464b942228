"""Tables of a run are read when they are needed."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from evosim.errors import UserError
from evosim.runs import execute
from evosim.runs.reader import read_run
from tests.support.runs import experiment


def test_rows_are_those_of_the_whole_table(tmp_path: Path) -> None:
    recorded, _ = execute.run(experiment("micro"), out=tmp_path / "run")
    tables = read_run(recorded.folder).tables
    expected = tables["generations"].filter(pl.col("generation") == 2)
    assert tables.rows("generations", pl.col("generation") == 2).equals(expected)
    assert set(tables) == set(recorded.tables)


def test_a_damaged_table_is_named(tmp_path: Path) -> None:
    recorded, _ = execute.run(experiment("micro"), out=tmp_path / "run")
    path = recorded.folder / "tables" / "loci.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match="loci"):
        read_run(recorded.folder)
