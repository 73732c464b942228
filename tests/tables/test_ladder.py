"""Ladders as a table."""

from __future__ import annotations

from evosim.analysis.ladder import RUNG_CODES
from evosim.tables import formatting, ladder
from tests.support.accounts import account_of


def test_rungs_show_the_fitness_of_the_summary() -> None:
    account = account_of("coarse-drive").summary
    table = ladder.ladder_table(account, "payoff", 2)
    codes, ancestral = list(table.columns[0].cells), list(table.columns[2].cells)
    for rung, value in account.ladder.ancestral.rungs.items():
        assert ancestral[codes.index(RUNG_CODES[rung])] == formatting.number(value)


def test_a_run_without_a_control_says_so() -> None:
    table = ladder.ladder_table(account_of("micro").summary, "payoff", 1)
    assert list(table.columns[-1].cells)[-1] == "not measured"
