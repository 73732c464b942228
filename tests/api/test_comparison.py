"""Comparison of runs: planted differences are found, and people and scripts read it."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

import evosim
from evosim.cli.main import app
from tests.support.api import settings

FIND = "world.modern.find"


def row_of(frame: pl.DataFrame, name: str, world: str = "modern") -> dict[str, object]:
    return frame.filter((pl.col("name") == name) & (pl.col("world") == world)).row(0, named=True)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, evosim.Run]:
    folder = tmp_path_factory.mktemp("runs")
    few = settings("micro") | {"optimizer.population": 30}
    return {
        "base": evosim.run("micro", few, replicates=8, out=folder / "base"),
        "seeds": evosim.run("micro", few, replicates=8, seed=1000, out=folder / "seeds"),
        "harsh": evosim.run("micro", few | {FIND: 0.2}, replicates=8, out=folder / "harsh"),
    }


@pytest.mark.slow
def test_a_planted_difference_is_found_and_nothing_else(runs: dict[str, evosim.Run]) -> None:
    found = evosim.compare(runs["base"], runs["harsh"])
    assert found.parameters.rows() == [(FIND, "0.7 (as in A)", "0.2")]
    assert set(found.differences["how"]) <= {"exact", "paired", "alike", "not measured"}
    ancestral = found.differences.filter(pl.col("world") == "ancestral")["difference"].drop_nulls()
    assert ancestral.len() > 5
    assert (
        ancestral == 0.0
    ).all()  # common random numbers: what lies before the swap is the same, bit by bit
    rungs = {run.folder.name: run.summary["ladder"]["modern"]["rungs"] for run in runs.values()}
    for name in ("optimum", "population"):
        row = row_of(found.differences, name)
        assert row["base"] == pytest.approx(rungs["base"][name], abs=1e-12)
        assert row["other"] == pytest.approx(rungs["harsh"][name], abs=1e-12)
    assert row_of(found.differences, "optimum")["difference"] < 0.0  # type: ignore[operator]
    assert {"population"} <= set(
        found.detected_differences().filter(pl.col("world") == "modern")["name"]
    )


@pytest.mark.slow
def test_a_planted_null_differs_by_chance_alone(runs: dict[str, evosim.Run]) -> None:
    found = evosim.compare(runs["base"], runs["seeds"])
    assert found.parameters["parameter"].to_list() == ["seeds"]
    exact = found.differences.filter(pl.col("how") == "exact")
    assert (exact["difference"] == 0.0).all()
    made = found.differences.drop_nulls("low")
    assert (made["low"] < made["high"]).all()
    assert set(made["how"]) == {"unpaired"}
    assert made.height >= 8
    assert found.detected_differences().height <= 0.15 * made.height
    assert any("Only the seeds differ" in note for note in found.notes())


@pytest.mark.slow
def test_people_and_scripts_read_it(runs: dict[str, evosim.Run], tmp_path: Path) -> None:
    folders = [str(run.folder) for run in runs.values()]
    result = CliRunner().invoke(app, ["compare", *folders], catch_exceptions=False)
    assert result.exit_code == 0
    for words in (
        "Parameters that differ",
        FIND,
        "Rungs of the ladder",
        "Regret of the population",
        "paired over the 8 common seeds",
        "unpaired",
        "by chance",
    ):
        assert words in " ".join(result.stdout.split())
    figures = tmp_path / "figures"
    result = CliRunner().invoke(
        app,
        ["compare", *folders, "--json", "--figures", "--out", str(figures), "--format", "svg"],
        catch_exceptions=False,
    )
    found = json.loads(result.stdout)
    assert found["base"] == "base"
    assert {row["run"] for row in found["differences"]} == {"seeds", "harsh"}
    assert {path.name for path in figures.iterdir()} == {
        "losses.svg",
        "fitness.svg",
        "rungs.svg",
        "differences.svg",
    }
    assert "harsh" in (figures / "differences.svg").read_text()
    comparison = evosim.compare(*(run.folder for run in runs.values()))
    for chart in comparison.figures().values():
        assert chart.to_dict()["description"]
    assert "difference" in comparison._repr_html_()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["base"], "must be of two runs or more"),
        (["base", "nowhere"], "must be a folder"),
        (["base", "seeds", "--format", "gif"], "--format must be one of"),
        (["base", "seeds", "--out", "x"], "--out requires --figures"),
    ],
)
def test_mistakes_are_one_line(
    runs: dict[str, evosim.Run], arguments: list[str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(runs["base"].folder.parent)
    result = CliRunner().invoke(app, ["compare", *arguments])
    assert isinstance(result.exception, evosim.UserError)
    assert words in str(result.exception)
    assert not Path("x").exists()
