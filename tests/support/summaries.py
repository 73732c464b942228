"""Summaries of runs that were not recorded in a folder."""

from __future__ import annotations

from typing import Any

from evosim.analysis.summary import AccountSummary, AnalysisCost, RunHeader, RunSummary, SeedEnding
from tests.support.accounts import account_of


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


def some_account() -> AccountSummary:
    """The account of a small run, to be changed with `dataclasses.replace`."""
    return account_of("micro").summary
