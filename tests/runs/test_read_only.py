"""Read-only folders: commands compute in memory and show the results; no file changes."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from evosim import api
from evosim.api import export
from evosim.cli.main import app
from evosim.config.experiments import read_experiment
from evosim.config.resolve import resolve
from evosim.config.settings import apply_settings
from evosim.errors import UserError
from evosim.report import build
from evosim.runs import execute
from evosim.runtime import checksums
from evosim.sweeps.collect import collect
from evosim.sweeps.execute import begin
from evosim.sweeps.plan import make_plan
from evosim.sweeps.schema import read_sweep
from evosim.sweeps.store import Store
from evosim.sweeps.worker import run_chunk
from tests.support.settings import quick

NOBODY = 65534
SWEEP = """
name = "small"
experiment = "micro"
replicates = 5
[set]
phases.0.generations = 6
phases.1.generations = 4
[grid]
optimizer.population = [10, 20]
"""


@pytest.fixture(scope="module")
def top() -> Iterator[Path]:
    """A folder that all users may enter: two runs and a sweep, not analysed; copies in `own`."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    for name, seed in (("run", 0), ("other", 7)):
        execute.run(
            resolve(
                apply_settings(
                    read_experiment("micro"), quick("micro", f"seed={seed}", "replicates=2")
                )
            ),
            out=folder / name,
        )
    (folder / "sweep.toml").write_text(SWEEP, encoding="utf-8")
    written = read_sweep(folder / "sweep.toml")
    store = begin(written, folder / "sweep")
    for chunk in range(make_plan(written).chunks):
        run_chunk(store.folder, chunk)
    for name in ("run", "other", "sweep"):
        shutil.copytree(folder / name, folder / "own" / name)
    (folder / "made").mkdir()
    (folder / "made").chmod(0o777)  # every user may write here
    yield folder
    shutil.rmtree(folder)


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, with its bytes."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@contextmanager
def read_only(*folders: Path) -> Iterator[None]:
    """This process may not write into these folders; nothing in them has changed afterwards.

    Root becomes another user, whom permissions bind.
    """
    before = [files_of(folder) for folder in folders]
    places = [path for folder in folders for path in (folder, *folder.rglob("*")) if path.is_dir()]
    for place in places:
        place.chmod(0o555)
    root = os.geteuid() == 0
    try:
        if root:
            os.seteuid(NOBODY)
        yield
    finally:
        if root:
            os.seteuid(0)
        for place in places:
            place.chmod(0o755)
    assert [files_of(folder) for folder in folders] == before


def plain(summary: dict[str, Any]) -> dict[str, Any]:
    """A summary without what differs from place to place and from time to time."""
    return {
        key: value
        for key, value in summary.items()
        if key not in ("out", "analysis_seconds", "peak_memory_mib")
    }


def tables_of(folder: Path) -> dict[str, bytes]:
    source = export.source_of(folder)
    return {name: export.encoded(source.table(name), name, "parquet") for name in source.readers}


def invoked(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments), standalone_mode=False)


@pytest.mark.slow
def test_a_run_that_was_never_analysed_has_its_account(top: Path, tmp_path: Path) -> None:
    own, run, other = top / "own" / "run", top / "run", top / "other"
    expected = api.load(own)
    assert isinstance(expected, api.Run)
    assert expected.losses().height
    summary, tables, compared = (
        plain(expected.summary),
        tables_of(own),
        api.compare(own, top / "own" / "other").differences,
    )
    build.write([own, top / "own" / "other"], tmp_path / "own.html")
    assert (own / "summary.json").is_file()
    place = top / "made"
    with read_only(run, other):
        there = api.load(run)
        assert isinstance(there, api.Run)
        assert there.losses().equals(expected.losses())
        assert plain(there.summary) == summary
        assert there.ladder().equals(expected.ladder())
        assert tables_of(run) == tables
        assert api.compare(run, other).differences.drop("run").equals(compared.drop("run"))
        build.write([run, other], place / "report.html")
        told = invoked("analyze", str(run))
        assert (told.exit_code, told.exception) == (0, None)
        assert told.stderr.endswith(
            f"evosim: {run} is read-only for this user. Accounts are shown but not stored, and no"
            " figures are drawn there.\n"
        )
        assert f"Tables: {run}" in told.stdout
        for arguments, words in (
            (
                ["figures", str(run)],
                (
                    rf"is read-only for this user\. Draw in a copy: 'cp -r {run} run-copy && evosim"
                    r" figures run-copy'\.$"
                ),
            ),
            (
                ["report", str(run)],
                r"is read-only\. Give --out with a file elsewhere: '--out report\.html'\.$",
            ),
            (
                ["compare", str(run), str(other), "--figures", "--out", str(run / "figures")],
                r"is read-only\. Give --out compared\.$",
            ),
        ):
            with pytest.raises(UserError, match=words):
                raise invoked(*arguments).exception
    assert not (run / "summary.json").exists()
    assert (place / "report.html").stat().st_size > 10**6


def test_an_account_of_other_code_is_not_shown(top: Path) -> None:
    stale = top / "stale"
    api.load(top / "own" / "other").summary  # noqa: B018  (it is stored beside the run)
    shutil.copytree(top / "own" / "other", stale)
    facts = json.loads((stale / "provenance.json").read_text(encoding="utf-8"))
    (stale / "provenance.json").write_text(
        json.dumps(facts | {"sources": "0" * 16}), encoding="utf-8"
    )
    checksums.write_sums(stale, ["provenance.json"], checksums.read_sums(stale))
    kept = json.loads((stale / "summary.json").read_text(encoding="utf-8"))
    right = kept["ladder"]["modern"]["rungs"]["population"]
    kept["ladder"]["modern"]["rungs"]["population"] = right + 1.0
    (stale / "summary.json").write_text(json.dumps(kept), encoding="utf-8")
    (stale / "analysis" / "ladder.parquet").write_bytes(b"damaged")
    with read_only(stale):
        there = api.load(stale)
        assert isinstance(there, api.Run)
        assert there.summary["ladder"]["modern"]["rungs"]["population"] == right
        assert there.ladder(seeds=True).height


@pytest.mark.slow
def test_a_sweep_that_was_never_collected_is_analysed(top: Path) -> None:
    own, sweep = top / "own" / "sweep", top / "sweep"
    collected = collect(Store(own))
    expected = api.Sweep(own)
    tables = tables_of(own)
    assert tables["runs"]
    build.write([own], own / build.FILE)
    with read_only(sweep):
        there = api.Sweep(sweep)
        assert there.analysis.facts == expected.analysis.facts
        assert there.analysis.facts.content == collected.digest
        assert {
            name: table.equals(expected.analysis.tables[name])
            for name, table in there.analysis.tables.items()
        } == dict.fromkeys(there.analysis.tables, True)
        assert there.runs().equals(expected.runs())
        assert tables_of(sweep) == tables
        build.write([sweep], top / "made" / "sweep.html")
        told = invoked("sweep", "analyze", str(sweep))
        assert (told.exit_code, told.stderr) == (
            0,
            f"evosim: {sweep} is read-only for this user. The analysis is shown but not stored.\n",
        )
        assert "Tables:" not in told.stdout
        for arguments, words in (
            (
                ["sweep", "collect", str(sweep)],
                (
                    r"is read-only for this user\. Write the table elsewhere: 'evosim export"
                    rf" {sweep} runs --out runs'\.$"
                ),
            ),
            (["sweep", "figures", str(sweep)], r"Draw in a copy: 'cp -r"),
        ):
            with pytest.raises(UserError, match=words):
                raise invoked(*arguments).exception
    with read_only(own):  # the owner's stored analysis is complete and is read
        told = invoked("sweep", "analyze", str(own))
        assert (told.exit_code, told.stderr) == (0, "")
        assert f"Tables: {own / 'analysis'}" in told.stdout
    table = own / "analysis" / "cells.parquet"
    whole = table.read_bytes()
    table.write_bytes(b"damaged")
    with read_only(own):
        assert "shown but not stored" in invoked("sweep", "analyze", str(own)).stderr
    table.write_bytes(whole)
    own_report = (own / build.FILE).read_text(encoding="utf-8")
    assert (top / "made" / "sweep.html").read_text(encoding="utf-8") == own_report
