"""Tables of a result are written as files into any folder."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import evosim


def test_chosen_tables_are_written(micro: evosim.Run, tmp_path: Path) -> None:
    files = micro.save(tmp_path / "tables", ["ladder", "ties"], "parquet")
    assert [file.name for file in files] == ["ladder.parquet", "ties.parquet"]
    assert pl.read_parquet(files[0]).equals(micro.table("ladder"))


def test_files_are_replaced_with_force_only(micro: evosim.Run, tmp_path: Path) -> None:
    micro.save(tmp_path, ["ladder"])
    with pytest.raises(evosim.UserError, match=r"force=True"):
        micro.save(tmp_path, ["ladder"])
    assert micro.save(tmp_path, ["ladder"], force=True)


def test_unknown_names_are_refused(micro: evosim.Run, tmp_path: Path) -> None:
    with pytest.raises(evosim.UserError, match="'ladder'"):
        micro.save(tmp_path, ["laddder"])
    with pytest.raises(evosim.UserError, match="format must be one of"):
        micro.save(tmp_path, ["ladder"], "xlsx")
    assert not list(tmp_path.iterdir())
