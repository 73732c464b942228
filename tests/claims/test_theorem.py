"""Claim 1: the inequality holds, and each of its terms is needed."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from evosim.claims import theorem
from evosim.claims.claim import Claim
from evosim.claims.verdicts import COMES_OUT, NOT, judge_prediction
from evosim.config.schema import Experiment
from tests.support.claims import small_claim

SMALL = (
    "genome.weights={recruit={alleles=[0.0,1.0]},pleasure={alleles=[0.0,1.0]},young={alleles=[0.0,1.0]},satiety={alleles=[0.0,1.0]}}",
    "genome.horizon.alleles=[1,6,80]",
)


def verdicts(
    claim: Claim, experiment: Experiment, tables: dict[str, pl.DataFrame]
) -> dict[str, str]:
    found = claim.measure(tables, experiment)
    assert experiment.claim is not None
    return {
        p.quantity: judge_prediction(p, found[p.quantity]) for p in experiment.claim.predictions
    }


@pytest.fixture(scope="module")
def theorem_tables() -> tuple[Experiment, dict[str, pl.DataFrame]]:
    experiment = small_claim("claim-01-theorem", *SMALL, size="quick")
    return experiment, {part.name: part.make(*part.arguments) for part in theorem.parts(experiment)}


@pytest.mark.slow
def test_the_theorem(theorem_tables: tuple[Experiment, dict[str, pl.DataFrame]]) -> None:
    experiment, tables = theorem_tables
    found = verdicts(theorem.CLAIM, experiment, tables)
    assert found.pop("classes") == NOT  # this grid is small
    assert set(found.values()) == {COMES_OUT}
    assert theorem.factorial(tables).height == 8
    assert set(theorem.stored_tables(tables, experiment)) == {"factorial", "inequality"}
    assert set(theorem.figures(tables, experiment)) == {"factorial", "inequality"}


@pytest.mark.parametrize("term", ["two_delta", "eps", "representation", "specification"])
def test_each_term_of_the_inequality_is_needed(
    theorem_tables: tuple[Experiment, dict[str, pl.DataFrame]], term: str
) -> None:
    """Without it some genome of some grid loses more than the rest of the sum; specification where
    payoff overrates.
    """
    _, tables = theorem_tables
    made = dict(tables)
    # The grids at hand have room to spare; one by hand has none
    if term in ("two_delta", "representation"):
        a, r = np.array([1.0, 0.6]), np.array([0.4, 1.2])
        made["by hand"] = pl.DataFrame(
            {
                "class": [0, 1],
                "ancestral": a,
                "modern": r,
                "modern_intent": r,
                "cell": "x",
                "optimum": 2.0,
                "upkeep": 0.0,
            }
        )
    every = pl.concat([theorem.bounded(table) for table in made.values()])
    assert every["slack"].min() >= -theorem.ROUNDING  # type: ignore[operator]
    assert ((every["slack"] - every[term]) < -theorem.ROUNDING).any()
