"""Studies write tables, provenance and figures into one folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import altair as alt
import polars as pl
import pytest

from evosim.claims import study
from evosim.claims.experiments import build_packaged
from evosim.claims.study import Study, draw_study, stored_experiment, stored_provenance


def draw(folder: Path) -> Mapping[str, Any]:
    """One chart of the stored table."""
    table = pl.read_csv(folder / "numbers.csv")
    return {"points": alt.Chart(table).mark_point().encode(x="x:Q")}


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stored study with one table and one figure."""
    monkeypatch.setattr(study, "RESULTS", tmp_path)
    made = Study("small", build_packaged("micro"), draw)
    made.store({"numbers": pl.DataFrame({"x": [1.0, 2.0]})}, seeds=2)
    return made.folder


def test_a_study_stores_tables_figures_and_provenance(stored: Path) -> None:
    assert {path.name for path in stored.iterdir()} == {
        "drawn.json",
        "experiment.toml",
        "numbers.csv",
        "points.png",
        "points.svg",
        "provenance.json",
    }
    assert stored_provenance(stored)["seeds"] == 2
    assert stored_provenance(stored)["seconds"] >= 0.0
    assert stored_experiment(stored)["name"] == "micro"


def test_drawn_figures_record_the_digests_of_tables(stored: Path) -> None:
    facts = json.loads((stored / "drawn.json").read_text(encoding="utf-8"))
    assert facts == {"figures": ["points"], "tables": study.table_digests(stored)}


def test_figures_in_another_folder_change_nothing_here(stored: Path, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in stored.iterdir()}
    files = draw_study(stored, draw, tmp_path / "elsewhere", ("svg",))
    assert [file.name for file in files] == ["points.svg"]
    assert {path.name: path.read_bytes() for path in stored.iterdir()} == before
