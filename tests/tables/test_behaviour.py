"""The behaviour ledger as a table."""

from __future__ import annotations

from dataclasses import replace

from evosim.analysis.values import ByWorld
from evosim.tables import behaviour, formatting
from tests.support.accounts import account_of
from tests.support.summaries import summary_of


def test_sums_are_those_of_the_ledger() -> None:
    account = account_of("micro").summary
    table = behaviour.behaviour_table(account, "payoff", 1)
    assert account.behaviour.modern
    total = formatting.number(sum(account.behaviour.modern.kinds.values()))
    assert total in str(list(table.columns[-1].cells)[-1])


def test_without_a_population_there_is_no_table() -> None:
    account = replace(account_of("micro").summary, behaviour=ByWorld(None, None))
    assert behaviour.text(summary_of(account)) == []
