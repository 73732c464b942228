"""Desires as a table."""

from __future__ import annotations

from dataclasses import replace

from evosim.tables import desires
from tests.support.accounts import account_of
from tests.support.summaries import summary_of


def test_each_desire_has_a_row() -> None:
    account = account_of("micro").summary
    table = desires.desires_table(account.desires)
    assert list(table.columns[0].cells) == [desire.feature for desire in account.desires]


def test_without_desires_there_is_no_table() -> None:
    account = replace(account_of("micro").summary, desires=())
    assert desires.text(summary_of(account)) == []
