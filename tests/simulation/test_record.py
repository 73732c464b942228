"""The record of a run: snapshots at their moments, and the search ledger if wanted."""

from __future__ import annotations

import pytest

from evosim.fitness.landscape import Landscape
from evosim.simulation.loop import simulate
from tests.support.settings import quick, setting


def test_snapshots_are_at_their_moments() -> None:
    problem = setting("micro", *quick("micro", "snapshots=[2,7]"))
    experiment = problem.experiment
    populations = simulate(problem, Landscape(problem), 0).tables["populations"]
    moments = list(dict.fromkeys(populations.select("moment", "generation").rows()))
    assert moments == [
        ("first", 0),
        ("snapshot", 2),
        ("swap", experiment.swap - 1),
        ("snapshot", 7),
        ("end", experiment.generations - 1),
    ]


@pytest.mark.parametrize("wanted", ["true", "false"])
def test_the_search_ledger_is_optional(wanted: str) -> None:
    problem = setting("micro", *quick("micro", f"search_ledger={wanted}"))
    tables = simulate(problem, Landscape(problem), 0).tables
    assert ("search" in tables) == (wanted == "true")
    assert {"generations", "loci", "alleles", "populations"} <= set(tables)
