"""Total variation as a table."""

from __future__ import annotations

from evosim.analysis.total_variation import Summary
from evosim.tables import formatting, total_variation
from tests.support.accounts import account_of


def test_each_subject_has_a_row() -> None:
    variation = account_of("micro").summary.part(Summary).subjects
    table = total_variation.variation_table(variation)
    least = [formatting.number(row.least) for row in variation.values()]
    assert list(table.columns[1].cells) == least
