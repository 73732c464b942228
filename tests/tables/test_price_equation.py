"""The search ledger as a table."""

from __future__ import annotations

from evosim.tables import price_equation
from tests.support.accounts import account_of


def test_terms_that_are_0_are_left_out() -> None:
    price = account_of("coarse-drive").summary.search
    assert price
    table = price_equation.search_table(price)
    assert list(table.columns[0].cells) == [row.trait for row in price.traits]
    headings = [str(column.header) for column in table.columns]
    assert "sampling" not in headings
    assert "selection" in headings
