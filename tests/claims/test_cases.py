"""Claims 7 and 11: their laws, their readings, and that a wrong law is seen."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from evosim.claims.experiments import claim_experiment
from evosim.claims.mazes import LONG, TWO_ALLELES, ends_of, two_alleles
from evosim.claims.remedies import _advantage, _labels, best, break_even, needed
from evosim.config.resolve import build
from evosim.fitness.landscape import Landscape
from evosim.genomes.grid import Grid
from evosim.simulation.loop import simulate
from evosim.theory.drift import fixation_haploid, frequency_haploid, kimura_haploid
from tests.support.settings import setting


def test_the_chain_of_frequencies_by_hand() -> None:
    """Two individuals: one of each with 1/2, then the second generation is drawn at fitness /
    (fitness + 1).
    """
    assert frequency_haploid(2, 3.0, 1) == pytest.approx(0.5, abs=1e-12)
    assert frequency_haploid(2, 3.0, 2) == pytest.approx(0.25 + 0.5 * 0.75, abs=1e-12)
    assert frequency_haploid(7, 1.0, 30) == pytest.approx(0.5, abs=1e-12)
    assert frequency_haploid(5, math.inf, 2) == pytest.approx(1.0 - 0.5**5, abs=1e-12)
    assert frequency_haploid(5, 0.0, 2) == pytest.approx(0.5**5, abs=1e-12)


@pytest.mark.parametrize("fitness", [0.9, 1.0, 1.02, 1.2])
def test_the_chain_ends_in_fixation(fitness: float) -> None:
    n = 30
    expected = sum(math.comb(n, k) * 0.5**n * fixation_haploid(n, fitness, k) for k in range(n + 1))
    assert frequency_haploid(n, fitness, LONG * n) == pytest.approx(expected, abs=1e-6)
    assert expected == pytest.approx(kimura_haploid(n, fitness - 1.0, 0.5), abs=0.03)


@pytest.mark.parametrize("bad", [(0, 1.0, 1), (3, -1.0, 1), (3, 1.0, 0)])
def test_what_the_chain_refuses(bad: tuple[int, float, int]) -> None:
    with pytest.raises(ValueError, match="must be"):
        frequency_haploid(*bad)


def test_populations_follow_the_chain_and_not_one_of_twice_the_size() -> None:
    """The convention of the law: N haploids, 1 / (1 + exp(-N s)) from even odds."""
    experiment = claim_experiment("claim-07-mazes", "full").model_copy(update={"replicates": 15})
    found = two_alleles(experiment, "exit", 0.02, "mean", 0)
    first = found.row(0, named=True)
    assert first["exit_seeker"] == pytest.approx(1.0, abs=1e-12)
    assert first["red_seeker"] == pytest.approx(0.98, abs=1e-12)
    fitness = first["exit_seeker"] / first["red_seeker"]
    mean, error = found["frequency"].mean(), found["frequency"].std() / math.sqrt(found.height)  # type: ignore[operator]
    assert abs(mean - frequency_haploid(40, fitness, first["generations"])) < 3.5 * error  # type: ignore[operator]
    assert abs(mean - frequency_haploid(40, fitness**2, first["generations"])) > 3.5 * error  # type: ignore[operator]


def test_what_colours_leave_open_is_a_coin() -> None:
    """Both seekers have the same fitness to the bit, and so the same runs whatever is paid."""
    ends = []
    for payoff in ("exit", "red"):
        made = setting(
            "claim-07-mazes",
            *TWO_ALLELES,
            f"world.ancestral.payoff={payoff}",
            "phases.0.generations=30",
        )
        landscape = Landscape(made)
        assert landscape.worth(np.arange(2)).ancestral.tolist() == pytest.approx(
            [1.0, 1.0], abs=1e-12
        )
        ends.append(simulate(made, landscape, 5).tables["populations"].drop("kept", "kept_wild"))
    assert ends[0].equals(ends[1])


def test_the_worst_case_needs_one_maze_that_tells_them_apart() -> None:
    for p, expected in ((0.0, 1.0), (0.001, 0.0)):
        made = setting(
            "claim-07-mazes", *TWO_ALLELES, f"world.ancestral.not_red={p}", "selection.over=worst"
        )
        cases, shares = Landscape(made).worth(np.arange(2)).cases, made.pair.ancestral.case_shares()
        assert cases[0, shares > 0.0].min() == pytest.approx(expected, abs=1e-12)
        assert cases[1, shares > 0.0].min() == pytest.approx(1.0, abs=1e-12)


def test_ends_of_lives_are_where_the_objective_says() -> None:
    made = setting("claim-07-mazes")
    ends, frame = ends_of(made), Landscape(made).frame()
    deep = frame.filter((pl.col("locus:horizon") == 16.0) & (pl.col("locus:thing") == 0.0))
    row = {(r["locus:red"], r["locus:door"]): r["class"] for r in deep.iter_rows(named=True)}
    nobody, red, door = row[0.0, 0.0], row[1.0, 0.0], row[0.0, 1.0]
    assert [ends[name][door] for name in ("door", "thing", "plain_door")] == pytest.approx(
        [1.0, 0.0, 1.0], abs=1e-12
    )
    assert [ends[name][red] for name in ("door", "thing", "plain_door")] == pytest.approx(
        [0.0, 1.0, 0.0], abs=1e-12
    )
    assert [ends[name][nobody] for name in ("door", "thing", "plain_door")] == pytest.approx(
        [0.0, 0.0, 0.0], abs=1e-12
    )
    assert ends["thing_passed"][red] == pytest.approx(1.0, abs=1e-12)
    assert ends["ghost_passed"][red] < 1.0
    # What M intends is reached by door seekers in all colourings, by seekers of red where the door
    # is red and nearest.
    assert frame.filter(pl.col("class") == door)["modern_intent"][0] == pytest.approx(
        1.0, abs=1e-12
    )


def test_best_genomes_by_criterion() -> None:
    experiment = claim_experiment("claim-11-remedies", "quick")
    found, frame = best(experiment), Landscape(build(experiment)).frame()
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


def test_doors_needed_are_what_the_law_says() -> None:
    p = needed(0.95, 40, 1.0)
    assert kimura_haploid(40, _advantage(p, 1.0), 0.5) == pytest.approx(0.95, abs=1e-12)
    assert kimura_haploid(40, _advantage(0.1 * p, 0.1), 0.5) == pytest.approx(0.95, abs=1e-12)
    assert _advantage(0.0, 0.0) == 0.0
    assert math.isinf(_advantage(1e-6, 0.0))


def test_labels_of_points_that_lie_together_are_one() -> None:
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
