"""Bytes of the files of a chunk depend only on their content."""

from __future__ import annotations

import zipfile
from pathlib import Path

import polars as pl
import pytest

from evosim.runtime.checksums import Damaged
from evosim.sweeps.chunk_files import (
    RunOutcomes,
    chunk_of,
    labels_of,
    pack,
    parquet_bytes,
    sources_of,
    unpack,
)


def test_equal_tables_have_equal_bytes() -> None:
    whole = pl.DataFrame({"x": [1, 2, 3]})
    parts = pl.concat([whole[:1], whole[1:]], rechunk=False)
    labels = {"sources": "abc", "chunk": "0"}
    data = parquet_bytes(whole, labels)
    assert data == parquet_bytes(parts, labels)
    assert labels_of(data) == labels
    assert sources_of(data) == "abc"


def test_a_pack_gives_its_tables_back(tmp_path: Path) -> None:
    tables = {"ladder": b"one", "runs": b"two"}
    path = tmp_path / "x.partial"
    path.write_bytes(pack(tables))
    assert path.read_bytes() == pack(tables)
    assert unpack(path, ("ladder", "runs")) == tables


def test_a_compressed_pack_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "x.partial"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("runs.parquet", b"0" * 1000)
    with pytest.raises(Damaged):
        unpack(path, ("runs",))


def test_file_names_have_the_number_of_their_chunk() -> None:
    for ending in ("runs.parquet", "sha256", "partial", "commit", "run-12-fair.checkpoint"):
        assert chunk_of(f"chunk-0000012.{ending}") == 12
    assert chunk_of("notes.txt") is None


def test_outcomes_are_read_from_their_line() -> None:
    outcomes = RunOutcomes(8, 2, 1)
    assert RunOutcomes.from_line(outcomes.line()) == outcomes
