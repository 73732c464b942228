"""Decimals follow intervals."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evosim.analysis.summary import (
    AlleleFrequency,
    DriveSummary,
    DriveVerdict,
    SearchQuantity,
    SearchSummary,
)
from evosim.analysis.values import Estimate, MeasuredByWorld
from evosim.figures import sweep_charts
from evosim.runtime.text_layout import Screen
from evosim.sweeps import effect_tables
from evosim.sweeps.chunk_results import runs_frame
from evosim.sweeps.execute import begin
from evosim.sweeps.schema import read_sweep
from evosim.sweeps.store import RUNS, Store
from evosim.tables import formatting, screen, sentences
from tests.support.command import evosim
from tests.support.summaries import some_account, summary_of

A, B = np.array([-1.0, 0.0, 1.0]), np.array([-0.5, 0.5])


HEAD = 'name = "s"\nexperiment = "micro"\nchunk = 7\nkeep = []\n'


GRID = (
    HEAD
    + "replicates = 6\n[grid]\noptimizer.population = [40, 10, 20]\nworld.modern.breed_danger ="
    " [0.1, 0.2]\n"
)


Q = "ladder.modern.steps.search"


Outcome = Callable[[dict[str, Any]], dict[str, Any]]


def made(folder: Path, text: str, outcome: Outcome) -> Store:
    """A sweep with given results: `status` and numbers by planned row."""
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


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        ((0.00012, 0.0001, 0.00014), "0.000120 [0.000100, 0.000140]"),
        ((2.3456789e9, 1e9, 3e9), "2.3e+09 [1.0e+09, 3.0e+09]"),
        ((123456.0, 23456.0, 223456.0), "123456 [23456, 223456]"),
        (
            (2.3456789e9, 2.3456788e9, 2.3456790e9),
            "2.34567890e+09 [2.34567880e+09, 2.34567900e+09]",
        ),
        ((1.2e-12, 1.0e-12, 1.4e-12), "1.20e-12 [1.00e-12, 1.40e-12]"),
        ((0.5, 0.5 - 3e-10, 0.5 + 3e-10), "0.50000000000 [0.49999999970, 0.50000000030]"),
        ((-0.001, -0.0996, 0.0996), "0.00 [-0.10, 0.10]"),
        ((1e-170, 0.0, 2e-170), "1.0e-170 [0, 2.0e-170]"),
        ((0.3, 0.3, 0.3), "0.300 exact"),
        ((0.3, None, None), "0.300 alike"),
        ((0.00012, None, None), "0.000120 alike"),
        ((None, None, None), "-"),
    ],
)
def test_decimals_follow_the_interval(measured: tuple[Any, Any, Any], words: str) -> None:
    """Half an interval has two significant digits, so that no interval with a width looks like
    none.
    """
    assert effect_tables.format_interval(*measured, seeds=6) == words


def test_a_column_has_one_scale_unless_intervals_differ_much() -> None:
    alike, apart = (
        [(1.0, 0.8, 1.2), (20.0, 18.0, 22.0), (3.0, None, None)],
        [(1.0, 0.9999, 1.0001), (20.0, 18.0, 22.0), (3.0, None, None)],
    )
    assert formatting.decimals_in(alike) == [2, 2, 2]
    assert formatting.decimals_in(apart) == [5, 1, 3]


def test_a_search_has_the_decimals_of_its_intervals() -> None:
    rows = (
        SearchQuantity("steps", 0.00012, 0.0001, 0.00014, 6),
        SearchQuantity("share", 0.25, None, None, 6),
    )
    console = Screen(record=True, width=100)
    screen.show_search(console, "s", SearchSummary("test", 0, 6, "", (), 0.95, "", "", {}, rows))
    words = " ".join(console.export_text().split())
    assert "steps 0.000120 0.000100 to 0.000140 share 0.250" in words


def test_a_hack_has_the_decimals_of_its_interval() -> None:
    def of(mean: float, half: float | None) -> Estimate:
        low, high = (None, None) if half is None else (mean - half, mean + half)
        return Estimate(mean, low, high, 6)

    quantities = {
        "hack": of(0.12345, 0.03),
        "own_cost": of(0.1, 0.0002),
        "behaviour": of(0.02345, None),
        "null": of(-0.001, 0.02),
    }
    verdict = DriveVerdict("", quantities["hack"], 0.0, "comes out", quantities["null"])
    other = replace(verdict, null=of(0.00012, 0.00016))
    drive = DriveSummary(
        MeasuredByWorld(quantities, {}),
        (verdict, other),
        (AlleleFrequency("driver", "drive", {"run": 0.5}),),
        {},
    )
    words = sentences.hack_words(summary_of(replace(some_account(), hack=drive)))
    assert "unfair meiosis costs 0.123 [0.093, 0.153] in A" in words
    assert "take 0.10000 [0.09980, 0.10020] by themselves; 0.0234 is through" in words
    assert (
        "differ by -0.001 [-0.021, 0.019]; through behaviour by 0.00012 [-0.00004, 0.00028]."
        in words
    )


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        ((1.0079, 0.86, 1.0), "100% [86%, 100%]"),
        ((-0.012, 0.0, 0.1), "0% [0%, 10%]"),
        ((0.5, 0.498, 0.502), "50.0% [49.8%, 50.2%]"),
        ((0.5, 0.5, 0.5), "50%"),
        ((1.2, None, None), "100%"),
        ((1.3, 1.0, 1.0), "100% [100%, 100%]"),
    ],
)
def test_a_share_is_shown_within_its_interval(measured: tuple[Any, Any, Any], words: str) -> None:
    frame = pl.DataFrame(
        [dict(zip(("share", "low", "high"), measured, strict=True))],
        schema=dict.fromkeys(("share", "low", "high"), pl.Float64),
    )
    assert effect_tables.share_words(frame) == words


def test_a_cell_of_a_figure_has_no_interval_that_looks_like_none() -> None:
    assert sweep_charts._half(1.4964, 1.5036, 2, both_ends=False) == "\u00b10.0036"
    assert sweep_charts._half(1.40, 1.60, 2, both_ends=False) == "\u00b10.10"
    assert sweep_charts._half(0.9964, 1.0, 2, both_ends=True) == "[0.9964, 1.0000]"
    assert sweep_charts._half(1.5, 1.5, 2, both_ends=False) == ""


def test_small_numbers_of_a_sweep_are_not_0(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every interval of a quantity of 0.0002 has a width on the screen."""
    rng = np.random.default_rng(25)
    store = made(tmp_path, GRID, lambda row: {Q: 1e-5 * (additive(row)[Q] + rng.standard_normal())})
    _, out, _ = evosim(capsys, "sweep", "analyze", str(store.folder), "--of", Q)
    ends = re.findall(
        r"\[(-?[\d.]+), (-?[\d.]+)\]",
        out.partition("Effects of the parameters")[2].partition("share of")[0],
    )
    assert len(ends) == 8
    assert all(float(low) < float(high) for low, high in ends)
    assert "+-0.000 " not in out
