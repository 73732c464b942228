"""The tables of the page on worlds are computed again, by enumeration."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from evosim.analysis.ladder import BestClasses, fixed_modern_rungs
from evosim.analysis.shared_cache import SharedCache
from evosim.fitness.landscape import Landscape
from evosim.reference.dynamic_programming import spans_of
from tests.support.settings import setting

pytestmark = pytest.mark.docs
PAGE = (Path(__file__).resolve().parents[2] / "docs" / "worlds.md").read_text(encoding="utf-8")
ROWS = re.findall(
    r"^\| `([a-z-]+)`[^|]*\| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", PAGE, re.MULTILINE
)


def design(name: str, *settings: str) -> tuple[dict[str, float], dict[str, float]]:
    made = setting(name, *settings)
    known = SharedCache(made.genome, made.pair)
    best_classes = BestClasses.from_landscape(
        Landscape(made).frame(), spans_of(made.pair), exact=True
    )
    differs = not np.array_equal(made.pair.modern.payoff, made.pair.modern.intent)
    found = fixed_modern_rungs(known.gaps, best_classes, known.evaluator, intent_differs=differs)
    return found.rungs, found.best_of


def test_the_table_of_reference_values_exists() -> None:
    assert len(ROWS) == 6


@pytest.mark.parametrize(("name", "optimum", "best", "worst", "luckiest"), ROWS)
def test_reference_values_of_each_world(
    name: str, optimum: str, best: str, worst: str, luckiest: str
) -> None:
    if name == "frozen-lake":
        pytest.importorskip("gymnasium")
    rungs, best_of = design(name)
    found = (
        rungs["optimum"],
        rungs["best_for_payoff"],
        rungs["best_ancestral"],
        best_of["best_ancestral"],
    )
    assert tuple(f"{value:.3f}" for value in found) == (optimum, best, worst, luckiest)


def test_numbers_about_mazes() -> None:
    rungs, best_of = design("maze", "world.ancestral.payoff=red")
    assert (
        f"reaches {rungs['best_for_payoff']:.3f} to {best_of['best_for_payoff']:.3f} of the exits"
        in PAGE
    )
    rungs, _ = design("maze", "world.ancestral.not_red=0.02")
    assert f"the worst keeps {rungs['best_ancestral']:.3f}" in PAGE
    rungs, best_of = design(
        "maze", "world.ancestral.not_red=0.02", "world.ancestral.red_thing=0.02"
    )
    assert rungs["best_ancestral"] == pytest.approx(best_of["best_ancestral"], abs=1e-12)


def test_numbers_about_lava() -> None:
    made = setting("lava")
    frame = Landscape(made).frame().filter(pl.col("locus:horizon") == 12)
    for lava, heat, belief, said in (
        (0.0, 0.0, 0.0, "| nothing | the true world |"),
        (0.0, 0.0, 1.0, "| nothing | the training world |"),
        (-1.0, 0.0, 1.0, "| lava | the training world |"),
        (0.0, -0.2, 1.0, "| heat (cells next to lava) | the training world |"),
    ):
        row = frame.filter(
            (pl.col("locus:lava") == lava)
            & (pl.col("locus:heat") == heat)
            & (pl.col("locus:belief") == belief)
        ).row(0, named=True)
        assert f"{said} {row['ancestral'] - 70:.0f} | {row['modern'] - 70:.1f} |" in PAGE
