"""A comparison as text and in a notebook."""

from __future__ import annotations

import io
import json

import polars as pl
import pytest
import rich.console
import rich.jupyter

import evosim
from evosim.api.comparison_text import show
from evosim.config.experiments import read_experiment
from evosim.runtime.text_layout import Screen
from evosim.tables import screen

SMALL = {"optimizer.population": 20, "phases.0.generations": 8, "phases.1.generations": 4}
START = {"optimizer.introductions.0.generation": 2}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> evosim.Run:
    return evosim.run("micro", SMALL, replicates=2, out=tmp_path_factory.mktemp("python") / "micro")


def test_a_comparison_is_shown_once_in_a_notebook(
    run: evosim.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[object] = []
    monkeypatch.setattr(rich.console, "_is_jupyter", lambda: True)
    monkeypatch.setattr(rich.jupyter, "display", lambda *what: shown.append(what))
    page = evosim.compare(run, run)._repr_html_()
    assert "same run" in page
    assert not shown


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> evosim.Comparison:
    """Two runs of one seed: with a pleasant new act and with an unpleasant one."""
    folder = tmp_path_factory.mktemp("pair")
    runs = [
        evosim.run("coarse-drive", SMALL | START | change, replicates=1, out=folder / str(i))
        for i, change in enumerate(({}, {"world.modern.contraceptive_pleasure": 0.1}))
    ]
    return evosim.compare(*runs)


def shown(c: evosim.Comparison, width: int = 80) -> str:
    console = Screen(record=True, width=width, file=io.StringIO())
    show(console, c)
    return console.export_text()


@pytest.mark.slow
def test_the_losses_stand_side_by_side_first(pair: evosim.Comparison) -> None:
    lines = shown(pair).splitlines()
    start = lines.index("Lost at the switch")
    assert start < next(i for i, line in enumerate(lines) if line.startswith("Parameters"))
    rows = [line.split()[:2] for line in lines[start + 2 : start + 7]]
    assert rows == [
        ["SHIFT", "modern"],
        ["WASTE", "ancestral"],
        ["WASTE", "modern"],
        ["HACK", "ancestral"],
        ["HACK", "modern"],
    ]
    assert max(map(len, lines[start : start + 7])) <= 80


@pytest.mark.slow
def test_losses_of_the_frame_are_those_of_the_runs(pair: evosim.Comparison) -> None:
    frame = pair.losses()
    assert frame.height == 12
    for name, (_, summary) in zip(pair.names, pair.analyses, strict=True):
        means = frame.filter(pl.col("run") == name)["mean"].to_list()
        assert means == [loss.mean for loss in summary.account.losses.losses]
    assert pair.as_data()["losses"] == frame.to_dicts()


@pytest.mark.slow
def test_only_the_shift_is_compared_as_exact(pair: evosim.Comparison) -> None:
    rows = pair.differences.filter(pl.col("part") == "loss")
    how = {(row["name"], row["world"]): row["how"] for row in rows.iter_rows(named=True)}
    assert how.pop(("shift", "modern")) == "exact"
    assert set(how.values()) == {"no interval"}
    shift = rows.filter(pl.col("name") == "shift")["difference"].item()
    ladder = pair.differences.filter((pl.col("part") == "step") & (pl.col("name") == "shift"))
    assert shift == ladder.filter(pl.col("world") == "modern")["difference"].item()


@pytest.mark.slow
def test_a_loss_that_only_one_run_has_is_none_in_the_other(
    run: evosim.Run, pair: evosim.Comparison
) -> None:
    """The worlds of micro differ in specification; those of the savanna do not."""
    other = evosim.Run(pair.recorded[0])
    text = shown(evosim.compare(other, run))
    row = next(line.split() for line in text.splitlines() if line.startswith("SPECIFICATION"))
    assert row[:3] == ["SPECIFICATION", "modern", "none"]


@pytest.mark.slow
def test_a_changed_experiment_prints_no_expectation_of_another(pair: evosim.Comparison) -> None:
    """Neither the short screen, nor a comparison, nor its data has the packaged text."""
    text = str(read_experiment("coarse-drive")["expected"])
    assert text
    printed = {"comparison": shown(pair), "data": json.dumps(pair.as_data())}
    for name, recorded in zip(pair.names, pair.recorded, strict=True):
        run = evosim.load(recorded.folder)
        assert isinstance(run, evosim.Run)
        summary = run.typed_summary
        assert summary.header.changed
        console = Screen(record=True, width=80, file=io.StringIO())
        screen.show(console, "Title", summary)
        printed |= {f"screen of {name}": console.export_text(), f"repr of {name}": repr(run)}
        assert f"the text of '{summary.header.experiment}' is left out" in json.dumps(run.summary)
    for what, words in printed.items():
        assert text[:40] not in " ".join(words.split()), what
        assert "expected:" not in words, what
