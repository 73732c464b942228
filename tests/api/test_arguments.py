"""Public functions refuse wrong arguments with a `UserError` in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import evosim
from evosim.report.build import write_report

SHORT = {"optimizer.population": 8, "phases.0.generations": 3, "phases.1.generations": 3}
SWEEP = {
    "name": "small",
    "experiment": "micro",
    "set": SHORT,
    "grid": {"world.modern.find": [0.2, 0.5]},
}
WRONG = [3, -1, 1.5, float("nan"), b"x", "\0", {}, ["a"], [3], object(), pl.DataFrame()]
NAMES = [repr(value)[:12].replace("\n", " ") for value in WRONG]


@pytest.fixture(scope="module")
def things(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A run, a population, a sweep and a search."""
    folder = tmp_path_factory.mktemp("things")
    run = evosim.run("micro", SHORT, replicates=1, out=folder / "run")
    return {
        "run": run,
        "population": run.population(pl.DataFrame({"class": [0]})),
        "sweep": evosim.sweep(SWEEP, out=folder / "sweep", workers=1),
        "search": evosim.search(
            "claim-06-demons", {"phases.0.generations": 50}, replicates=1, out=folder / "search"
        ),
    }


def refused(call: Callable[[], object]) -> None:
    with pytest.raises(evosim.UserError) as caught:
        call()
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("wrong", [*WRONG, None], ids=[*NAMES, "None"])
def test_folders_files_and_experiments(wrong: Any, things: dict[str, Any]) -> None:
    refused(lambda: evosim.load(wrong))
    refused(lambda: evosim.sweep(wrong))
    refused(lambda: evosim.resolve(wrong))
    refused(lambda: evosim.run(wrong))
    refused(lambda: evosim.search(wrong))
    refused(lambda: evosim.account(wrong, "micro"))
    refused(lambda: evosim.account(pl.DataFrame({"class": [0]}), wrong))
    refused(lambda: evosim.compare(things["run"], wrong))
    refused(lambda: evosim.compare(wrong, things["run"]))
    refused(lambda: write_report(wrong, "r.html"))
    refused(lambda: write_report([wrong], "r.html"))
    for name in ("run", "sweep", "search"):
        refused(lambda name=name: things[name].save(wrong))
    if not isinstance(wrong, int):
        refused(lambda: things["run"].account(wrong))
    refused(lambda: things["run"].account(True))


@pytest.mark.parametrize("wrong", WRONG, ids=NAMES)
def test_options(wrong: Any, things: dict[str, Any], tmp_path: Path) -> None:
    refused(lambda: evosim.run("micro", SHORT, out=wrong))
    refused(lambda: evosim.run("micro", SHORT, force=wrong, out=tmp_path / "a"))
    refused(
        lambda: evosim.run(
            "micro", SHORT, threads=wrong if not isinstance(wrong, int) else "1", out=tmp_path / "a"
        )
    )  # type: ignore[arg-type]
    refused(lambda: evosim.search("claim-06-demons", out=wrong))
    refused(lambda: evosim.search("claim-06-demons", force=wrong, out=tmp_path / "a"))
    refused(lambda: evosim.sweep(SWEEP, out=wrong))
    refused(
        lambda: evosim.sweep(
            SWEEP, workers=wrong if not isinstance(wrong, int) else "1", out=tmp_path / "a"
        )
    )  # type: ignore[arg-type]
    refused(lambda: write_report(things["run"], wrong))
    refused(lambda: write_report(things["run"], tmp_path / "r.html", force=wrong))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong", [*WRONG, ""], ids=[*NAMES, "''"])
def test_names(wrong: Any, things: dict[str, Any], tmp_path: Path) -> None:
    run, sweep = things["run"], things["sweep"]
    for name in ("run", "population", "sweep"):
        refused(lambda name=name: things[name].table(wrong))
    for name in ("run", "sweep", "search"):
        refused(lambda name=name: things[name].figure(wrong))
        refused(lambda name=name: things[name].save(tmp_path, format=wrong))
    for name in ("cells", "effects", "contrasts", "shares"):
        refused(lambda name=name: getattr(sweep, name)(wrong))
    if not isinstance(wrong, dict | pl.DataFrame):  # these have nothing in them, as an empty list
        refused(lambda: run.save(tmp_path, tables=wrong))
        refused(lambda: run.behaviour(by=wrong))
        refused(lambda: run.draw(wrong))
        refused(lambda: sweep.figures(of=wrong))
    refused(lambda: run.draw(["fitness"], formats=wrong))
    if not isinstance(wrong, str):
        refused(lambda: sweep.figures(x=wrong))
    if not isinstance(wrong, pl.DataFrame):
        refused(lambda: evosim.plain_names(wrong))


def test_empty_lists(things: dict[str, Any]) -> None:
    with pytest.raises(evosim.UserError, match="but the list is empty"):
        write_report([], "r.html")
    with pytest.raises(evosim.UserError, match="formats must have a text in it, but is empty"):
        things["run"].draw(["fitness"], formats=[])
    refused(lambda: evosim.account(pl.DataFrame(), "micro"))


def test_one_text_is_a_list_of_one(things: dict[str, Any], tmp_path: Path) -> None:
    assert [path.name for path in things["run"].save(tmp_path, "ladder")] == ["ladder.csv"]
    assert things["run"].behaviour(by="act").equals(things["run"].behaviour(by=["act"]))
