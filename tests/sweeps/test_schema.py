"""Sweep files: their meaning, and mistakes that are refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from evosim.config.experiments import read_experiment
from evosim.config.resolve import resolve
from evosim.config.settings import apply_settings
from evosim.sweeps.plan import make_plan
from evosim.sweeps.schema import read_sweep
from tests.support.command import evosim
from tests.support.sweeps import BOX, HEAD, POPULATION, plan_of, settings_in


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "140")


def test_quoted_and_nested_keys_are_the_same() -> None:
    assert settings_in('[grid]\n"optimizer.population" = [10]\n') == settings_in(
        "[grid.optimizer]\npopulation = [10]\n"
    )


def test_settings_are_those_of_evosim_run() -> None:
    made = plan_of(
        'replicates = 2\nseed = 7\n[set]\nphases.0.generations = 9\n"world.modern" = {safe_breeding'
        " = false}\n" + POPULATION
    )
    for population in (10, 20):
        settings = [
            f"optimizer.population={population}",
            "phases.0.generations=9",
            "world.modern={safe_breeding=false}",
        ]
        digest = resolve(apply_settings(read_experiment("micro"), settings)).setting_digest()
        rows = made.frame.filter(made.frame["optimizer.population"] == population)
        assert set(rows["cell"]) == {digest}
        assert rows["seed"].to_list() == [7, 8]


def test_an_experiment_file_is_found_beside_the_sweep_file(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "base.toml").write_text(resolve(read_experiment("micro")).to_toml())
    path = tmp_path / "sub" / "x.toml"
    path.write_text('name = "x"\nexperiment = "base.toml"\n' + POPULATION)
    assert make_plan(read_sweep(path)).cells == 2


MISTAKES: dict[str, tuple[str, str]] = {
    "misspelt key": ("grd = 1\n", "Did you mean 'grid'?"),
    "no experiment": ("", "the experiment must be one of"),
    "misspelt parameter": (
        "[grid]\noptimizer.populaton = [1]\n",
        "cell 0 (optimizer.populaton=1): unknown key 'optimizer.populaton'. Did you mean",
    ),
    "misspelt first part": ("[grid]\noptimiser.population = [1]\n", "Did you mean 'optimizer'?"),
    "misspelt setting": (
        "[set]\nworld.modern.brede_danger = 0.1\n",
        "Did you mean 'world.modern.breed_danger'?",
    ),
    "wrong value": (
        "[grid]\nworld.modern.breed_danger = [0.1, 1.5]\n",
        "cell 1 (world.modern.breed_danger=1.5): world.modern.breed_danger must lie in",
    ),
    "wrong type": (
        '[grid]\noptimizer.population = ["many"]\n',
        "optimizer.population must be a valid integer",
    ),
    "equal cells": (
        "[grid]\noptimizer.population = [10, 20, 10]\n",
        (
            "two cells are equal: cell 0 (optimizer.population=10) and cell 2"
            " (optimizer.population=10) resolve"
        ),
    ),
    "a default given": (
        "[grid]\ngenome.ploidy = [1, 2]\n[[zip]]\ngenome.discount = [0.9, 0.9]\n",
        "resolve to the same experiment",
    ),
    "not a list": (
        "[grid]\noptimizer.population = 10\n",
        "grid.optimizer.population must be a valid list, but is 10",
    ),
    "empty list": (
        "[grid]\noptimizer.population = []\n",
        "grid.optimizer.population is an empty list",
    ),
    "unequal lists": (
        "[[zip]]\noptimizer.population = [10, 20]\ngenome.discount = [0.5]\n",
        "have different lengths (optimizer.population 2, genome.discount 1)",
    ),
    "empty zip": ("[[zip]]\n", "zip.0 has a parameter without values, or none"),
    "swept twice": (
        "[grid]\ngenome.discount = [0.5]\n[[zip]]\ngenome.discount = [0.6]\n",
        "genome.discount is swept twice",
    ),
    "set and swept": (
        "[set]\ngenome.discount = 0.5\n[grid]\ngenome.discount = [0.6]\n",
        "genome.discount is swept, but [set] gives it too",
    ),
    "a part swept": (
        '[grid]\n"genome.horizon" = [{alleles = [1]}]\n"genome.horizon.alleles" = [[1]]\n',
        "but genome.horizon gives it too",
    ),
    "seed swept": ("[grid]\nseed = [1, 2]\n", "Write seed at the top of the sweep file"),
    "name set": ('[set]\nname = "y"\n', "a sweep cannot vary name"),
    "unknown table": ('keep = ["lader"]\n', "Did you mean 'ladder'?"),
    "unknown seeds": ('seeds = "any"\n', "seeds must be 'common' or 'own'"),
    "no replicates": ("replicates = 0\n", "replicates must be greater than or equal to 1"),
    "last seed": (f"seed = {2**63 - 1}\nreplicates = 2\n", "the last seed must be at most"),
    "no chunk": ("chunk = 0\n", "chunk must be greater than or equal to 1"),
    "not finite": (
        "[grid]\ngenome.discount = [nan]\n",
        "grid.genome.discount.0 must be finite, but is nan",
    ),
    "a date": (
        "[grid]\ngenome.discount = [2020-01-01]\n",
        (
            "grid.genome.discount.0 must be text, a number, true, false, a list or a table, but is"
            " a date (2020-01-01)"
        ),
    ),
    "no position": (
        "[grid]\nphases.7.generations = [1]\n",
        "cell 0, phases.7.generations: '7' must be a position from 0 to 1",
    ),
    "through a number": (
        "[set]\nsearch_ledger.x = 1\n",
        "search_ledger must be a valid boolean, but is a table",
    ),
    "unknown kind": (
        BOX.replace("sobol", "sobl") + "genome.discount = {low = 0.1, high = 0.2}\n",
        "design.kind must be 'random', 'latin-hypercube' or 'sobol'",
    ),
    "design key": (
        BOX.replace("size", "sise") + "genome.discount = {low = 0.1, high = 0.2}\n",
        "Did you mean 'size'?",
    ),
    "range key": (BOX + "genome.discount = {low = 0.1, hihg = 0.2}\n", "Did you mean 'high'?"),
    "half a range": (
        BOX + "genome.discount = {low = 0.1}\n",
        "design.ranges.genome.discount has no interval",
    ),
    "both": (
        BOX + "genome.discount = {low = 0.1, choices = [0.2]}\n",
        "has choices and keys of an interval",
    ),
    "upside down": (
        BOX + "genome.discount = {low = 0.2, high = 0.1}\n",
        "low is 0.2, which is not below high = 0.1",
    ),
    "log of nothing": (
        BOX + 'genome.discount = {low = 0, high = 0.1, scale = "log"}\n',
        "a log scale needs low above 0",
    ),
    "half an integer": (
        BOX + "optimizer.population = {low = 0.5, high = 3, integer = true}\n",
        "integer = true needs integers",
    ),
    "a fraction of an individual": (
        BOX + "optimizer.population = {low = 10, high = 20}\n",
        "optimizer.population must be a valid integer",
    ),
    "no ranges": ('[design]\nkind = "sobol"\nsize = 4\n', "the key design.ranges is missing"),
    "no points": (
        BOX.replace("4", "0") + "genome.discount = {low = 0.1, high = 0.2}\n",
        "design.size must be greater than or equal to 1",
    ),
    "too many": (
        "replicates = 1000000\n[grid]\nworld.modern.breed_danger = ["
        + ", ".join(f"{i / 100}" for i in range(100))
        + "]\n",
        "the sweep has 100,000,000 runs; at most 20,000,000 are allowed",
    ),
    "a world without choices": ("[grid]\nworld.ancestral.breed_payoff = [0.0]\n", "cell 0"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_one_line_and_leave_nothing_behind(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, mistake: str
) -> None:
    text, message = MISTAKES[mistake]
    head = HEAD.replace("micro", "mikro") if mistake == "no experiment" else HEAD
    Path("x.toml").write_text(head + text, encoding="utf-8")
    for more in ([], ["--dry-run"]):
        code, out, err = evosim(capsys, "sweep", "run", "x.toml", *more)
        assert (code, out) == (2, ""), out + err
        assert err.count("\n") == 1, err
        assert message in err
    assert [path.name for path in tmp_path.rglob("*")] == ["x.toml"]
