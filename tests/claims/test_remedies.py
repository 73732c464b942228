"""Claim 11: best genomes by criterion, break-even shares and labels."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from evosim.claims.experiments import claim_experiment, with_settings
from evosim.claims.remedies import _advantage, _labels, best, break_even, needed
from evosim.config.resolve import build
from evosim.fitness.landscape import Landscape
from evosim.genomes.grid import Grid
from evosim.theory.drift import kimura_haploid
from tests.support.heterozygotes import HETEROZYGOTE_IS_BEST
from tests.support.settings import setting


def test_only_genomes_that_breed_true_are_best() -> None:
    experiment = with_settings(
        claim_experiment("claim-11-remedies", "quick"), *HETEROZYGOTE_IS_BEST
    )
    frame = Landscape(build(experiment)).frame()
    true = frame.filter("breeds_true")
    for world in ("ancestral", "modern"):
        assert true[world].max() < 0.8 * frame[world].max()  # type: ignore[operator]
    found = best(experiment)
    assert set(found["best_ancestral"]) == {true["ancestral"].max()}
    assert set(found["best_modern"]) == {true["modern"].max()}
    homozygotes = set(true.select("ancestral", "modern").iter_rows())
    assert set(found.select("ancestral", "modern").iter_rows()) <= homozygotes


@pytest.mark.slow
def test_best_genomes_by_criterion() -> None:
    experiment = claim_experiment("claim-11-remedies", "quick")
    found = best(experiment)
    frame = Landscape(build(experiment)).frame().filter("breeds_true")
    worst = (
        frame.with_columns(pl.min_horizontal("ancestral", "modern").alias("w"))
        .sort("w", descending=True)
        .row(0, named=True)
    )
    row = found.filter(pl.col("over") == "worst").row(0, named=True)
    assert (row["ancestral"], row["modern"]) == (worst["ancestral"], worst["modern"])
    shares = found.filter(pl.col("over") == "mean").sort("q")
    assert (shares["modern"].diff().drop_nulls() >= 0.0).all()
    assert (shares["ancestral"].diff().drop_nulls() <= 0.0).all()
    assert shares["ancestral"][0] == frame["ancestral"].max()
    assert shares["modern"][-1] == frame["modern"].max()


def test_break_even_by_hand() -> None:
    grid: Grid = setting("micro").genome.grid
    ancestral, modern = np.full(grid.size, 0.1), np.zeros(grid.size)
    here = 0
    assert break_even(grid, here, ancestral, modern) == 1.0
    near = next(
        c
        for c in range(1, grid.size)
        if (grid.digits(np.array([c])) != grid.digits(np.array([here]))).sum() == 1
    )
    ancestral[here], modern[near] = 0.3, 0.8
    assert break_even(grid, here, ancestral, modern) == pytest.approx(0.2 / (0.2 + 0.8))


def test_a_rescue_wins_half_of_what_breeds_true() -> None:
    """A heterozygote far above every homozygote sets no standard, but may be a rescue."""
    grid: Grid = setting("claim-11-remedies").genome.grid
    every = np.arange(grid.size)
    true, here = grid.breeds_true(every), 0
    steps = (grid.digits(every) != grid.digits(every[:1])).sum(axis=1)
    ancestral, modern = np.full(grid.size, 0.1), np.zeros(grid.size)
    ancestral[here], modern[true & (steps > 1)] = 0.3, 1.0
    modern[~true & (steps > 1)] = 10.0
    rescue = every[~true & (steps == 1)][0]
    modern[rescue] = 0.6
    assert break_even(grid, here, ancestral, modern) == pytest.approx(0.2 / (0.2 + 0.6))
    modern[rescue] = 0.4
    assert break_even(grid, here, ancestral, modern) == 1.0
    modern[here], modern[rescue] = 1.0, 2.0  # there is nothing to be rescued from
    assert break_even(grid, here, ancestral, modern) == 1.0


def test_needed_doors_follow_the_law() -> None:
    p = needed(0.95, 40, 1.0)
    assert kimura_haploid(40, _advantage(p, 1.0), 0.5) == pytest.approx(0.95, abs=1e-12)
    assert kimura_haploid(40, _advantage(0.1 * p, 0.1), 0.5) == pytest.approx(0.95, abs=1e-12)
    assert _advantage(0.0, 0.0) == 0.0
    assert math.isinf(_advantage(1e-6, 0.0))


def test_close_points_share_a_label() -> None:
    rows = pl.DataFrame(
        {
            "who": ["x"] * 4,
            "over": ["mean", "mean", "worst", "mean"],
            "q": [0.0, 0.01, 0.02, 0.5],
            "ancestral": [1.0, 1.0, 1.0, 0.0],
            "modern": [0.0, 0.0, 0.0, 1.0],
            "text": ["0%", "1%", "worst", "50%"],
        }
    )
    assert _labels(rows)["text"].to_list() == ["0% to 1%, worst", "50%"]
