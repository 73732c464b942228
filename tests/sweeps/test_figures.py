"""Figures of sweeps."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evosim.analysis.resampling import Resampling
from evosim.sweeps.analysis import analysis_of
from evosim.sweeps.chart_inputs import ChartInputs
from evosim.sweeps.chunk_results import runs_frame
from evosim.sweeps.execute import begin
from evosim.sweeps.figures import charts
from evosim.sweeps.schema import read_alone, read_sweep
from evosim.sweeps.store import RUNS, Store
from tests.support.command import evosim

HOW = Resampling(500)


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


BOX = (
    HEAD
    + 'replicates = 5\n[grid]\noptimizer.population = [10, 20]\n[design]\nkind = "sobol"\nsize ='
    " 32\n[design.ranges]\n"
    + "genome.discount = {low = 0.2, high = 0.8}\nworld.modern.breed_danger = {low = 0.01, high ="
    ' 0.4, scale = "log"}\n'
)


THREE = GRID + "genome.discount = [0.5, 0.7]\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "asked", "names"),
    [
        (GRID, (None, None), {"phase", "effects", "steps"}),
        (THREE, ("optimizer.population", "genome.discount"), {"phase", "effects", "steps"}),
        (
            HEAD + "replicates = 6\n[grid]\noptimizer.population = [10, 20, 40]\n",
            (None, None),
            {"phase", "steps"},
        ),
        (
            BOX.replace("[grid]\noptimizer.population = [10, 20]\n", ""),
            (None, None),
            {"phase", "design"},
        ),
        (BOX, ("genome.discount", None), {"phase", "design"}),
        (BOX, (None, None), {"phase", "design", "steps"}),
    ],
)
def test_every_figure_is_valid(
    tmp_path: Path, text: str, asked: tuple[str | None, str | None], names: set[str]
) -> None:
    store = made(
        tmp_path,
        text,
        lambda row: {
            Q: (
                float(row["seed"])
                + row.get("optimizer.population", 1) * row.get("genome.discount", 1.0)
            )
        },
    )
    inputs = ChartInputs(analysis_of(store, HOW), read_alone(store.folder / "sweep.toml"), *asked)
    drawn = dict(charts(inputs, [Q]))
    assert {name.split("-")[0] for name in drawn} == names
    for chart in drawn.values():
        described = chart.to_dict(validate=True)
        assert described["title"]["subtitle"]
    if text == THREE:
        words = json.dumps(drawn["phase-ladder-modern-steps-search"].to_dict())
        assert "mean over breed danger, each level weighted alike" in words


@pytest.mark.parametrize("x", ["optimizer.population", "world.modern.breed_danger"])
@pytest.mark.parametrize("text", [GRID, THREE])
def test_a_phase_diagram_has_each_number_in_its_place(tmp_path: Path, x: str, text: str) -> None:
    store = made(
        tmp_path,
        text,
        lambda row: {Q: row["optimizer.population"] + 10.0 * row["world.modern.breed_danger"]},
    )
    inputs = ChartInputs(analysis_of(store, HOW), read_alone(store.folder / "sweep.toml"), x, None)
    drawn = dict(charts(inputs, [Q]))["phase-ladder-modern-steps-search"].to_dict()
    title = drawn["title"]["text"]
    (rows,) = (table for table in drawn["datasets"].values() if "mean" in table[0])
    assert len(rows) == 6
    assert f"by {x.rpartition('.')[2].replace('_', ' ')} and" in title
    for row in rows:
        population, danger = (
            (row["x"], row["y"]) if x == "optimizer.population" else (row["y"], row["x"])
        )
        assert row["mean"] == pytest.approx(float(population) + 10.0 * float(danger))


@pytest.mark.slow
def test_figures_are_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = made(tmp_path, GRID, additive)
    code, out, _ = evosim(capsys, "sweep", "figures", str(store.folder), "--format", "png,svg")
    assert code == 0
    for line in out.split():
        assert Path(line).stat().st_size > 1000
    assert Path(out.split()[0]).read_bytes()[:4] == b"\x89PNG"
