"""Steps by act as a table."""

from __future__ import annotations

from dataclasses import replace

from evosim.analysis.values import ByWorld
from evosim.tables import steps
from tests.support.accounts import account_of


def test_steps_that_lose_something_are_columns() -> None:
    table = steps.steps_table(account_of("coarse-drive").summary)
    assert not isinstance(table, str)
    headings = [str(column.header) for column in table.columns]
    assert headings[0] == "act"
    assert "search A" in headings


def test_without_losses_there_is_a_sentence() -> None:
    zero = {"representation": {"eat": 0.0, "upkeep": 0.0}}
    account = replace(account_of("micro").summary, steps_by_act=ByWorld(zero, zero))
    assert isinstance(steps.steps_table(account), str)
