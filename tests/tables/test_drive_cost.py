"""The cost of drive as tables."""

from __future__ import annotations

import pytest

from evosim.tables import drive_cost
from tests.support.accounts import account_of
from tests.support.summaries import summary_of


@pytest.mark.slow
def test_frequencies_have_a_column_per_arm() -> None:
    account = account_of("coarse-drive").summary
    assert account.hack
    table = drive_cost.frequencies(account.hack.frequencies)
    assert len(table.columns) == 2 + len(account.hack.frequencies[0].arms)
    assert len(drive_cost.text(summary_of(account))) == 2


def test_without_controls_there_is_no_table() -> None:
    account = account_of("micro").summary
    assert drive_cost.text(summary_of(account)) == []
    assert drive_cost.who_searched(account) == "the population"
    fair = drive_cost.who_searched(account_of("coarse-drive").summary)
    assert fair == "the population with fair meiosis"
