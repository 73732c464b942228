"""Summaries agree with the tables of the account."""

from __future__ import annotations

import pytest

from evosim.analysis.account_summary import ledgers_by_world, shift_summary
from tests.support.accounts import account_of, accountant_of


def test_the_shift_has_two_parts() -> None:
    accountant = accountant_of("coarse-savanna")
    shift = shift_summary(accountant.ranges)
    step = account_of("coarse-savanna").summary.ladder.modern.step("shift")
    parts = shift.shared_by_all_ancestral_optima + shift.left_open_by_the_data
    assert parts == pytest.approx(step)
    assert shift.path_by_intent_in_ancestral is None or shift == accountant.shift()


def test_a_subject_that_is_absent_has_no_ledger() -> None:
    table = account_of("micro").tables["behaviour"]
    assert ledgers_by_world(table, "nobody").ancestral is None
    assert ledgers_by_world(table, "population").modern is not None


def test_times_per_life_name_every_act() -> None:
    summary = account_of("micro").summary
    acts = set(accountant_of("micro").pair.ancestral.acts)
    assert set(summary.times_per_life.ancestral) == set(summary.times_per_life.modern) == acts
