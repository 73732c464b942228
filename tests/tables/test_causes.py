"""Causes as a table."""

from __future__ import annotations

from dataclasses import replace

from evosim.analysis.causes import Summary
from evosim.analysis.planner_causes import SWITCHES
from evosim.tables import causes
from tests.support.accounts import account_of
from tests.support.summaries import summary_of


def test_columns_are_subjects_in_both_worlds() -> None:
    account = account_of("micro").summary
    by_subject = account.part(Summary)
    assert by_subject
    table = causes.causes_table(by_subject.subjects)
    assert len(table.columns) == 1 + 2 * len(by_subject.subjects)
    rows = [str(cell) for cell in table.columns[0].cells]
    assert set(rows) <= {*SWITCHES, "sum"}


def test_genomes_that_do_not_plan_have_a_sentence() -> None:
    account = account_of("micro").summary
    account = replace(account, parts={**account.parts, "causes": None})
    assert causes.text(summary_of(account)) == [causes.NO_CAUSES]
