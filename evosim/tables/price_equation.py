"""Text table of the search ledger (Price equation)."""

from __future__ import annotations

from rich.table import Table

from evosim.analysis.summary import PriceSummary, RunSummary
from evosim.tables.formatting import number, small, table_of


def search_table(price: PriceSummary) -> Table:
    """Table of the search ledger, one row per trait; terms that are 0 for all are left out."""
    terms = [
        term
        for term in price.terms
        if any(abs(row.terms[term] or 0.0) > small(1) for row in price.traits)
    ]
    table = table_of(
        "The search ledger: what moved it before the swap (Price equation, summed)",
        ("trait", "change", *terms, "order"),
        left=("trait",),
    )
    for row in price.traits:
        table.add_row(
            row.trait,
            number(row.change),
            *(number(row.terms[term]) for term in terms),
            number(row.order_spread),
        )
    table.caption = "order: largest change of an entry if the forces are added in another order"
    return table


def text(summary: RunSummary) -> list[Table | str]:
    """The account as screen and report show it; empty if the run has no search ledger."""
    price = summary.account.search
    return [search_table(price)] if price and price.traits else []
