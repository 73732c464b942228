"""Export: what is written is what was kept, to the last digit; whatever has tables; one line for
mistakes.
"""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

import evosim
from evosim.api import export
from evosim.cli.main import app
from tests.support.api import SWEEP, settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return evosim.run(
        "coarse-drive",
        settings("coarse-drive"),
        replicates=2,
        out=tmp_path_factory.mktemp("runs") / "driven",
    ).folder


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["export", *map(str, arguments)])


@pytest.mark.slow
@pytest.mark.parametrize("format_", export.FORMATS)
def test_what_is_read_back_is_what_was_written(folder: Path, tmp_path: Path, format_: str) -> None:
    source = export.source_of(folder)
    assert {"generations", "ladder", "landscape", "controls/fair/populations"} <= set(
        source.readers
    )
    paths = export.write(source, None, tmp_path / "out", format_)
    assert len(paths) == len(source.readers)
    for name, path in zip(source.readers, paths, strict=True):
        table = source.table(name)
        if format_ == "csv":
            read = pl.read_csv(path, schema=table.schema)
        elif format_ == "parquet":
            read = pl.read_parquet(path)
        else:
            read = pl.DataFrame(json.loads(path.read_text()), schema=table.schema)
        assert read.equals(table, null_equal=True), name  # every digit, and every null


@pytest.mark.slow
def test_one_table_is_printed(folder: Path) -> None:
    result = invoke(folder, "ladder", "--out", "-")
    assert result.exit_code == 0
    read = pl.read_csv(result.stdout_bytes)
    assert read["value"].to_list() == evosim.load(folder).table("ladder")["value"].to_list()  # type: ignore[union-attr]


@pytest.mark.slow
def test_files_go_where_they_are_wanted(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = invoke(folder, "ladder", "ties")
    assert result.stdout.split() == ["driven-csv/ladder.csv", "driven-csv/ties.csv"]
    invoke(folder, "ladder", "--out", "deep/er", "--format", "parquet")
    assert pl.read_parquet("deep/er/ladder.parquet").height > 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deep", "driven-csv"]


def test_nulls_are_empty_and_lists_are_refused() -> None:
    table = pl.DataFrame({"x": [0.1 + 0.2, None, 1e-300], "s": ["", None, 'a,"b"']})
    data = export.encoded(table, "t", "csv")
    assert data.decode().split("\n")[:3] == ["x,s", '0.30000000000000004,""', ","]
    assert pl.read_csv(data).equals(table)
    with pytest.raises(evosim.UserError, match="'l' of t holds List"):
        export.encoded(pl.DataFrame({"l": [[1, 2]]}), "t", "csv")


@pytest.mark.slow
def test_every_table_says_what_it_is(folder: Path) -> None:
    result = invoke(folder, "--list")
    shown = " ".join(result.stdout.split())
    source = export.source_of(folder)
    for row in source.list_tables().iter_rows(named=True):
        assert row["what"]
        assert f"{row['table']} {row['rows']:,}" in shown
    schema = (ROOT / "docs" / "schema.md").read_text(encoding="utf-8")
    for name in source.readers:
        if "/" not in name:
            assert f"/{name}\n" in schema


@pytest.mark.slow
def test_sweeps_searches_and_kept_results_have_tables_too(tmp_path: Path) -> None:
    swept = evosim.sweep(SWEEP, out=tmp_path / "small", workers=1)
    assert export.source_of(swept.folder).table("runs").equals(swept.runs())
    list_tables = export.source_of(swept.folder).list_tables()
    assert {"plan", "runs", "ladder", "analysis/cells"} <= set(list_tables["table"])
    assert list_tables["what"].str.len_chars().min() > 10  # type: ignore[operator]
    found = evosim.search("claim-06-demons", {"phases.0.generations": 100}, out=tmp_path / "hills")
    assert export.source_of(found.folder).table("paths").equals(found.paths())
    claims = export.source_of(ROOT / "results" / "claims")
    assert "verdicts" in claims.readers
    assert claims.table("claim-01-theorem/measured").height > 0
    assert invoke(ROOT / "results" / "claims", "verdicts", "--out", "-").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["lader"], "Did you mean 'ladder'"),
        (["--format", "xls"], "--format must be one of"),
        (["--out", "-"], "--out - prints one table, but all are requested"),
        (["ladder", "ties", "--out", "-"], "but 2 are requested"),
        (["ladder", "--out", "{file}"], "is a file"),
        (["ladder", "--out", "{run}"], "must be a folder of its own"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(
    folder: Path, tmp_path: Path, arguments: list[str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "file"
    file.write_text("x")
    result = invoke(folder, *(a.format(file=file, run=folder) for a in arguments))
    assert isinstance(result.exception, evosim.UserError)
    assert words in str(result.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_has_no_tables_is_refused(tmp_path: Path) -> None:
    for folder, words in ((tmp_path, "but holds none"), (tmp_path / "no", "is not one")):
        with pytest.raises(evosim.UserError, match=words):
            export.source_of(folder)
