"""Verdicts over a family as a table."""

from __future__ import annotations

from evosim.analysis.summary import FamilySummary, VerdictShare
from evosim.tables import family
from tests.support.accounts import account_of
from tests.support.summaries import summary_of


def test_each_verdict_has_a_row() -> None:
    shares = (VerdictShare("robustly aligned", None, 0.75), VerdictShare("pseudo", "proxy", 0.25))
    table = family.family_table(FamilySummary(("ancestral", "harsh"), {"population": shares}))
    assert list(table.columns[1].cells) == ["robustly aligned", "pseudo"]
    assert list(table.columns[3].cells) == ["0.75", "0.25"]


def test_without_a_family_there_is_no_table() -> None:
    assert family.text(summary_of(account_of("micro").summary)) == []
