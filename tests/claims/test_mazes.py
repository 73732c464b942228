"""Claim 7: populations follow the law, and lives end as objectives say."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from evosim.claims.experiments import claim_experiment
from evosim.claims.mazes import TWO_ALLELES, ends_of, two_alleles
from evosim.fitness.landscape import Landscape
from evosim.simulation.loop import simulate
from evosim.theory.drift import frequency_haploid
from tests.support.settings import setting


@pytest.mark.slow
def test_populations_follow_the_chain_of_their_own_size() -> None:
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


@pytest.mark.slow
def test_ambiguous_colours_leave_a_coin_toss() -> None:
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
        assert landscape.fitness(np.arange(2)).ancestral.tolist() == pytest.approx(
            [1.0, 1.0], abs=1e-12
        )
        ends.append(simulate(made, landscape, 5).tables["populations"].drop("kept", "kept_wild"))
    assert ends[0].equals(ends[1])


def test_the_worst_case_needs_one_separating_maze() -> None:
    for p, expected in ((0.0, 1.0), (0.001, 0.0)):
        made = setting(
            "claim-07-mazes", *TWO_ALLELES, f"world.ancestral.not_red={p}", "selection.over=worst"
        )
        cases, shares = (
            Landscape(made).fitness(np.arange(2)).cases,
            made.pair.ancestral.case_shares(),
        )
        assert cases[0, shares > 0.0].min() == pytest.approx(expected, abs=1e-12)
        assert cases[1, shares > 0.0].min() == pytest.approx(1.0, abs=1e-12)


def test_lives_end_where_the_objective_says() -> None:
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
    # Door seekers reach the exit in all colourings, seekers of red if the door is red and nearest.
    assert frame.filter(pl.col("class") == door)["modern_intent"][0] == pytest.approx(
        1.0, abs=1e-12
    )
