"""Summaries of runs that were not recorded in a folder."""

from __future__ import annotations

from functools import cache
from typing import Any

from evosim.analysis.account import Accountant
from evosim.analysis.summary import AccountSummary, AnalysisCost, RunHeader, RunSummary, SeedEnding
from evosim.fitness.landscape import Landscape
from evosim.simulation.loop import simulate
from tests.support.settings import quick, setting


def header(**changes: Any) -> RunHeader:
    """Outcome of a run: one complete seed, with `changes`."""
    facts: dict[str, Any] = {
        "experiment": "test",
        "seed": 0,
        "replicates": 1,
        "expected": "",
        "changed": (),
        "confidence": 0.95,
        "unit": "payoff",
        "offset": None,
        "digest": None,
        "out": None,
        "runs": {"0": SeedEnding("complete", 1)},
    }
    return RunHeader(**facts | changes)


def summary_of(account: AccountSummary, **changes: Any) -> RunSummary:
    """The summary of a run with this account; `changes` are fields of its header."""
    return RunSummary(header(**changes), account, AnalysisCost())


@cache
def some_account() -> AccountSummary:
    """The account of a small run, to be changed with `dataclasses.replace`."""
    made = setting("micro", *quick("micro"))
    landscape = Landscape(made)
    tables = simulate(made, landscape, 0).tables | {"landscape": landscape.frame()}
    return Accountant(made, tables, exact=True).account().summary
