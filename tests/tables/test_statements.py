"""Statements about levels, ranges, remedies and files are true."""

from __future__ import annotations

import io
import re
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from evosim.analysis.behaviour import KINDS, Ledger, mean_ledger
from evosim.analysis.intervals import level
from evosim.analysis.rank_correlation import weighted_correlation
from evosim.analysis.resampling import Resampling
from evosim.analysis.summary import SearchQuantity, SearchSummary
from evosim.analysis.variance_decomposition import decompose
from evosim.cli.main import app
from evosim.errors import UserError
from evosim.optimizers import InvalidOptimizer, deap_adapter
from evosim.runtime.text_layout import Screen
from evosim.sweeps.analysis_tables import QuantityRow
from evosim.sweeps.design import base_tree, cells_of
from evosim.sweeps.effect_tables import variance_words
from evosim.sweeps.schema import read_sweep
from evosim.tables import screen
from tests.support.settings import QUICK

HOW = Resampling()
SEARCH = ["run", "claim-06-demons", "--set", "phases.0.generations=50"]


def words_of(values: Any, *, left_out: int = 0) -> str:
    found = decompose(np.asarray(values, dtype=np.float64), HOW)
    row = QuantityRow(
        "quantity",
        seeds=np.shape(values)[-1],
        seeds_left_out=left_out,
        between=found.between,
        chance=found.chance,
        told=found.detected,
        p=found.p,
        p_least=found.p_least,
    )
    return variance_words(row, HOW.confidence, alike=not found.shares)


@pytest.mark.parametrize(
    "values",
    [
        [[0, 0, 0], [0, 0, 1]],
        [[0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1]],
        [[0, 1, 0, 1, 0], [1, 0, 1, 0, 1]],
    ],
)
def test_means_that_differ_are_not_called_the_same(values: list[list[int]]) -> None:
    """The variance between cells is 0 where one seed alone differs, and may be below 0."""
    assert decompose(np.array(values, dtype=np.float64), HOW).between <= 0.0
    said = words_of(values, left_out=2)
    assert said.startswith("cells do not differ more than seeds do, between seeds of a cell ")
    assert ("not tested" in said) == (len(values[0]) < 5)
    assert ("no effect detected (p = " in said) == (len(values[0]) >= 5)
    assert said.endswith("; 2 seeds left out")


def test_means_that_are_the_same_are_called_so() -> None:
    assert (
        words_of(np.full((2, 6), 0.5), left_out=1) == "the same mean in every cell; 1 seed left out"
    )
    assert words_of(np.full((2, 2), 0.5)).startswith(
        "the same mean in every cell: not tested: 2 seeds were measured in every cell"
    )


def test_points_of_a_design_that_coincide_have_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text(
        'name = "s"\nexperiment = "micro"\n[design]\nkind = "latin-hypercube"\nsize ='
        ' 12\n[design.ranges]\n"optimizer.population" = { low = 10, high = 11, integer = true }\n'
    )
    from evosim.sweeps.schema import written

    asked = written(path.read_bytes(), path)
    with pytest.raises(
        UserError,
        match=(
            r"points of the design, which has design.size = 12. Give a smaller size or a wider"
            r" range\.$"
        ),
    ):
        cells_of(asked.sweep, base_tree(asked))
    assert read_sweep(path).sweep.design


@pytest.mark.slow
@pytest.mark.parametrize("figures", [False, True])
def test_a_search_says_figures_where_there_are_some(figures: bool, tmp_path: Path) -> None:
    out = tmp_path / "hills"
    printed = (
        CliRunner()
        .invoke(
            app,
            [*SEARCH, "--out", str(out), *([] if figures else ["--no-figures"])],
            catch_exceptions=False,
        )
        .output
    )
    assert ("Paths and figures:" in printed) == figures == (out / "figures").is_dir()
    assert "Paths" in printed


@pytest.mark.slow
def test_which_commands_take_a_search(tmp_path: Path) -> None:
    """docs/hills.md says which do and which refuse it."""
    out, run = str(tmp_path / "hills"), CliRunner()
    run.invoke(app, [*SEARCH, "--no-figures", "--out", out], catch_exceptions=False)
    page = (Path(__file__).resolve().parents[2] / "docs" / "hills.md").read_text()
    for words in (
        "`run --dry-run` and sweeps refuse such an experiment.",
        "`figures`, `export` and `report` accept its folder.",
    ):
        assert words in page
    for command in (["analyze", out], ["compare", out, out], [*SEARCH, "--dry-run"]):
        with pytest.raises(UserError):
            run.invoke(app, command, catch_exceptions=False)
    for command in (
        ["figures", out, "--format", "svg"],
        ["export", out, "--out", str(tmp_path / "csv")],
        ["report", out],
    ):
        assert run.invoke(app, command, catch_exceptions=False).exit_code == 0, command
    sweep = tmp_path / "s.toml"
    sweep.write_text(
        'name = "s"\nexperiment = "claim-06-demons"\n[grid]\n"world.ancestral.sides" = [1, 2]\n'
    )
    with pytest.raises(UserError):
        run.invoke(
            app,
            ["sweep", "run", str(sweep), "--out", str(tmp_path / "sweep")],
            catch_exceptions=False,
        )


@pytest.mark.slow
def test_a_run_says_the_level_of_its_intervals(tmp_path: Path) -> None:
    import evosim

    settings = [*QUICK["micro"], "analysis.confidence=0.5"]
    more = [word for item in settings for word in ("--set", item)]
    out = str(tmp_path / "run")
    printed = (
        CliRunner()
        .invoke(
            app,
            ["run", "micro", *more, "--replicates", "5", "--no-figures", "--out", out],
            catch_exceptions=False,
        )
        .output
    )
    assert re.search(r"5 seeds from 0; means over seeds, 50% intervals", printed)
    run = evosim.load(out)
    assert "[ ]: 50% intervals over seeds" in repr(run)
    report = evosim.write_report(run, tmp_path / "r.html")
    assert "50% confidence intervals over seeds" in report.read_text()


def test_a_search_says_the_level_of_its_intervals() -> None:
    told, few = io.StringIO(), io.StringIO()
    row = SearchQuantity("x", 1.0, 0.5, 1.5, 5)
    summary = SearchSummary("test", 0, 5, "", (), 0.999, "", "", {}, (row,))
    screen.show_search(Screen(file=told, width=100), "A search", summary)
    screen.show_search(
        Screen(file=few, width=100),
        "A search",
        replace(summary, replicates=2, search=(replace(row, low=None, high=None),)),
    )
    assert "5 seeds from 0; means over seeds, 99.9% intervals" in told.getvalue()
    assert "%" not in few.getvalue()


def test_a_level_has_all_its_digits() -> None:
    assert [level(x) for x in (0.5, 0.95, 0.999, 0.975, 0.29)] == [
        "50%",
        "95%",
        "99.9%",
        "97.5%",
        "29%",
    ]


def test_correlations_and_overlaps_stay_in_their_range() -> None:
    rng = np.random.default_rng(0)
    zero = np.zeros((2, 2))
    for n in range(3, 60):
        x = rng.permutation(n).astype(np.float64)
        assert abs(weighted_correlation(x[:, None], x, np.ones(n))[0]) <= 1.0
        assert abs(weighted_correlation(x[:, None], -x, rng.random(n))[0]) <= 1.0
        one = Ledger(zero, dict.fromkeys(KINDS, zero), 0.0, 0.0, 1.0, zero[0], zero[0])
        assert mean_ledger([one] * n, rng.random(n)).overlap <= 1.0


def in_a_thread(error: type[BaseException]) -> None:
    def fail() -> None:
        raise error("x")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()


def test_a_refusal_in_a_thread_prints_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any other error in a thread is reported as usual."""
    heard: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: heard.append(args.exc_type))
    deap_adapter._suppress_refusals()
    deap_adapter._suppress_refusals()
    in_a_thread(deap_adapter._Refusal)
    assert heard == []
    in_a_thread(InvalidOptimizer)
    in_a_thread(ValueError)
    assert heard == [InvalidOptimizer, ValueError]
