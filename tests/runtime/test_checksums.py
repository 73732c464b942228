"""Files with checksums are read only if they are as they were written."""

from __future__ import annotations

import hashlib
from pathlib import Path

import polars as pl
import pytest

from evosim.runtime.checksums import Damaged, read_json, read_table, sum_of


def test_a_table_is_read_if_its_checksum_fits(tmp_path: Path) -> None:
    path, table = tmp_path / "t.parquet", pl.DataFrame({"x": [1, 2]})
    table.write_parquet(path)
    expected = hashlib.sha256(path.read_bytes()).hexdigest()
    with path.open("rb") as file:
        assert sum_of(file) == expected
    assert read_table(path, expected).equals(table)
    with pytest.raises(Damaged):
        read_table(path, "0" * 64)
    with pytest.raises(Damaged):
        read_table(path, rows=1)


@pytest.mark.parametrize("text", ["{", '{"x": NaN}', ""])
def test_damaged_json_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(Damaged):
        read_json(path)
