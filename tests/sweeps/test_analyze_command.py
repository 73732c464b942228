"""The command `evosim sweep analyze`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evosim.errors import UserError
from evosim.sweeps.analysis import analysis_of
from evosim.sweeps.chunk_results import runs_frame
from evosim.sweeps.execute import begin
from evosim.sweeps.queries import as_data
from evosim.sweeps.schema import read_sweep
from evosim.sweeps.store import RUNS, Store
from tests.support.command import evosim

A, B = np.array([-1.0, 0.0, 1.0]), np.array([-0.5, 0.5])


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "140")


HEAD = 'name = "s"\nexperiment = "micro"\nchunk = 7\nkeep = []\n'


GRID = (
    HEAD
    + "replicates = 6\n[grid]\noptimizer.population = [40, 10, 20]\nworld.modern.breed_danger ="
    " [0.1, 0.2]\n"
)


Q = "ladder.modern.steps.search"


Outcome = Callable[[dict[str, Any]], dict[str, Any]]


def made(folder: Path, text: str, outcome: Outcome) -> Store:
    """A sweep with invented results: `outcome` gives status and numbers of each planned run."""
    path = folder / "s.toml"
    path.write_text(text, encoding="utf-8")
    store = begin(read_sweep(path), folder / "s")
    for chunk in range(store.chunks):
        rows = []
        for row in store.planned(chunk).iter_rows(named=True):
            planned = {key: value for key, value in row.items() if key != "chunk"}
            rows.append(planned | {"status": "complete", "generations": 1} | outcome(row))
        store.commit(chunk, {RUNS: runs_frame(rows, store.kinds)})
    return store


def additive(row: dict[str, Any]) -> dict[str, Any]:
    return {
        Q: (
            row["optimizer.population"] / 10.0
            + 100.0 * row["world.modern.breed_danger"]
            + 3.0 * row["seed"]
        )
    }


def test_analyze_prints_and_has_the_same_as_data(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = made(tmp_path, GRID, additive)
    code, out, _ = evosim(capsys, "sweep", "analyze", str(store.folder), "--of", "search")
    assert code == 0
    assert "Effects of the parameters on ladder.modern.steps.search" in out
    assert "3.000 alike" in out
    assert "exact" not in out.split("Effects of the parameters")[1]
    code, out, _ = evosim(
        capsys, "sweep", "analyze", str(store.folder), "--of", "ladder.*", "--json"
    )
    data = json.loads(out)
    assert data == json.loads(json.dumps(as_data(analysis_of(store), [Q])))
    assert data["quantities"][Q]["seeds"] == 6
    _, out, _ = evosim(capsys, "sweep", "analyze", str(store.folder), "--list")
    assert out.split() == ["optimizer.population", "world.modern.breed_danger", Q]


def test_an_owner_is_told_where_the_tables_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Call 1 writes the analysis, call 2 reads it, and call 3 replaces a damaged table."""
    store = made(tmp_path, GRID, additive)
    for damaged in (False, False, True):
        if damaged:
            (store.folder / "analysis" / "cells.parquet").write_bytes(b"damaged")
        code, out, err = evosim(capsys, "sweep", "analyze", str(store.folder))
        assert (code, "read-only" in err) == (0, False)
        assert f"Tables: {store.folder / 'analysis'}" in " ".join(out.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("analyze", "--of", "serch"),
            "--of: 'serch' is no quantity of runs.parquet, .*. Did you mean 'search'?",
        ),
        (
            ("figures", "--x", "nothing"),
            (
                "--x: 'nothing' fits no swept parameter. Use one of optimizer.population,"
                " world.modern.breed_danger"
            ),
        ),
        (
            ("figures", "--x", "population", "--y", "population"),
            "--x and --y are both optimizer.population. Give two parameters",
        ),
        (("figures", "--format", "gif"), "--format must be one of"),
    ],
)
def test_mistakes_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    store = made(tmp_path, GRID, additive)
    code, _, err = evosim(capsys, "sweep", arguments[0], str(store.folder), *arguments[1:])
    assert code == 2
    assert err.count("\n") == 1
    assert re.search(message, err), err


def test_an_empty_sweep_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(GRID)
    store = begin(read_sweep(tmp_path / "s.toml"), tmp_path / "s")
    with pytest.raises(UserError, match="is done, so there is nothing to analyse"):
        analysis_of(store)
