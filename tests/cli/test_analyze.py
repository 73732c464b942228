"""`evosim analyze` of one class, of the classes of rungs, of states; and the units of payoff."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import polars as pl
import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

import evosim
from evosim.cli.main import app
from evosim.config.resolve import payoff_unit
from evosim.tables import screen
from evosim.tables.formatting import number
from tests.support.api import settings


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> evosim.Run:
    return evosim.run(
        "micro", settings("micro"), replicates=2, out=tmp_path_factory.mktemp("runs") / "micro"
    )


def analyze(run: evosim.Run, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["analyze", str(run.folder), *arguments])


def test_one_class_is_told_in_words_and_as_json(run: evosim.Run) -> None:
    one = run.account(3)
    told = " ".join(
        analyze(run, "--class", "3", "--never", "dead", "--loses-at-most", "0.5").stdout.split()
    )
    assert "Class 3" in told
    assert "expected offspring" in told
    for value in (
        one["ancestral"]["fitness"],
        one["modern"]["intent"],
        one["modern"]["optimum"],
        sum(one["behaviour"]["modern"]["kinds"].values()),
    ):
        assert number(value) in told
    assert "enter" in told
    assert "it loses" in told
    assert json.loads(analyze(run, "--class", "3", "--json").stdout)["loci"] == one["loci"]
    assert isinstance(one["loci"]["belief"], str)


def test_classes_of_rungs_have_the_fitness_of_the_rungs(run: evosim.Run) -> None:
    rows = json.loads(analyze(run, "--rungs", "--json").stdout)
    rungs = {world: run.summary["ladder"][world]["rungs"] for world in ("ancestral", "modern")}
    for row in rows:
        if row["share"] is None:
            assert row["modern_intent"] == pytest.approx(rungs["modern"][row["rung"]], abs=1e-12)
        again = run.account(row["class"])
        assert (again["ancestral"]["fitness"], again["modern"]["intent"]) == (
            row["ancestral"],
            row["modern_intent"],
        )
    best = next(row for row in rows if row["rung"] == "best_ancestral")
    assert best["ancestral"] == pytest.approx(rungs["ancestral"]["best_ancestral"], abs=1e-12)
    swap = run.tables["populations"].filter(pl.col("moment") == "swap")
    shares = [row["share"] for row in rows if row["rung"] == "population"]
    assert shares == sorted(shares, reverse=True)
    assert (
        shares[0]
        == swap.group_by("class").agg(pl.col("count").sum())["count"].max() / swap["count"].sum()
    )  # type: ignore[operator]
    told = analyze(run, "--rungs").stdout
    assert "R3" in told
    assert str(best["class"]) in told


def test_all_states_are_listed_and_a_wrong_one_says_where(run: evosim.Run) -> None:
    states = json.loads(analyze(run, "--states", "--json").stdout)
    assert set(states) == {"ancestral", "modern"}
    told = analyze(run, "--states").stdout
    assert all(f"  {name}\n" in told for name in states["modern"])
    wrong = analyze(run, "--class", "0", "--never", states["modern"][-1] + "x")
    assert "--states' lists all" in str(wrong.exception)
    assert f"Did you mean '{states['modern'][-1]}'" in str(wrong.exception)
    several = analyze(run, "--states", "--rungs")
    assert "mutually exclusive" in str(several.exception)


def test_total_variation_is_told_to_who_asks(run: evosim.Run) -> None:
    assert "Total variation" not in analyze(run).stdout
    assert "Total variation" in analyze(run, "--details").stdout


def test_payoff_has_the_units_of_its_world(run: evosim.Run) -> None:
    assert {
        name: payoff_unit(evosim.resolve(name))
        for name in ("coarse-savanna", "micro", "host", "maze", "villages")
    } == {
        "coarse-savanna": "expected offspring",
        "micro": "expected offspring",
        "host": "expected infections",
        "maze": "payoff",
        "villages": "payoff",
    }
    out = io.StringIO()
    summary = run.typed_summary
    other = replace(summary, header=replace(summary.header, unit="payoff"))
    screen.show(Console(file=out, width=140), "title", other, details=True)
    assert "(payoff in a life)" in out.getvalue()
    assert "offspring in a life" not in out.getvalue()
    assert "expected offspring in a life" in analyze(run).stdout
    assert run.unit == "expected offspring"
