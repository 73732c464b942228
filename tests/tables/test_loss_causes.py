"""Losses by cause as tables."""

from __future__ import annotations

from dataclasses import replace

from evosim.analysis.loss_causes import Summary
from evosim.analysis.values import ByWorld
from evosim.tables import loss_causes
from tests.support.accounts import account_of
from tests.support.summaries import summary_of


def test_each_step_has_a_table() -> None:
    summary = summary_of(account_of("coarse-drive").summary)
    waste, hack = loss_causes.text(summary)
    assert not isinstance(waste, str)
    assert not isinstance(hack, str)
    rows = [str(cell) for cell in waste.columns[0].cells]
    assert rows[:1] == ["objective"]
    assert rows[-2:] == ["or: not found", "    load"]
    assert "masturbation style" in str(waste.caption)
    assert "newborns)" not in str(waste.caption)  # all are split
    rows = [str(cell) for cell in hack.columns[0].cells]
    assert "drivers" in rows
    assert not any("load" in row for row in rows)


def test_a_part_that_is_not_split_is_said() -> None:
    account = account_of("micro").summary
    losses = account.part(Summary)
    assert losses
    some = {name: replace(loss, covered=0.75) for name, loss in losses.worlds.ancestral.items()}
    part = Summary(ByWorld(some, losses.worlds.modern))
    account = replace(account, parts={**account.parts, "loss_causes": part})
    (table,) = loss_causes.text(summary_of(account))
    assert not isinstance(table, str)
    assert "(75% of newborns)" in str(table.caption)


def test_accounts_without_steps_have_a_sentence() -> None:
    account = account_of("micro").summary
    for part, words in (
        (None, loss_causes.NOT_APPLICABLE),
        (Summary(ByWorld({}, {})), loss_causes.NOT_MEASURED),
    ):
        other = replace(account, parts={**account.parts, "loss_causes": part})
        assert loss_causes.text(summary_of(other)) == [words]
