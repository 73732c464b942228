"""The account `causes`: its table and summary, of rungs and populations."""

from __future__ import annotations

import polars as pl
import pytest

from evosim.analysis import causes as causes_account
from evosim.analysis.account import Accountant
from evosim.analysis.planner_causes import SWITCHES
from evosim.fitness.landscape import Landscape
from evosim.simulation.loop import simulate
from tests.support.settings import quick, setting


def test_causes_sum_to_what_the_ladder_loses() -> None:
    here = setting("micro", *quick("micro"))
    landscape = Landscape(here)
    recorded = simulate(here, landscape, 0).tables | {"landscape": landscape.frame()}
    account = Accountant(here, recorded, exact=True).account()
    causes, summary = account.tables["causes"], account.summary
    rungs = summary.ladder.modern.rungs
    for subject in ("best_for_payoff", "best_ancestral"):
        mine = causes.filter((pl.col("subject") == subject) & (pl.col("world") == "modern"))
        assert mine["value"].sum() == pytest.approx(rungs["optimum"] - rungs[subject], abs=1e-9)
        assert set(mine["cause"]) == set(SWITCHES)
    assert set(summary.part(causes_account.Summary).subjects) == {
        "best_for_payoff",
        "best_ancestral",
        "population",
    }
