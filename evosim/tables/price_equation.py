"""Text table of the search ledger (Price equation)."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from evosim.tables.formatting import number, small, table_of


def search_table(found: dict[str, Any]) -> Table:
    """Table of the search ledger, one row a trait."""
    terms = [
        t for t in found["terms"] if any(abs(row[t] or 0.0) > small(1) for row in found["traits"])
    ]
    table = table_of(
        "The search ledger: what moved it before the swap (Price equation, summed)",
        ("trait", "change", *terms, "order"),
        left=("trait",),
    )
    for row in found["traits"]:
        table.add_row(
            row["trait"],
            number(row["change"]),
            *(number(row[t]) for t in terms),
            number(row["order_spread"]),
        )
    table.caption = (
        "order: at most this much of an entry hangs on the order in which forces are switched on"
    )
    return table


def text(summary: dict[str, Any]) -> list[Table | str]:
    """The account as screen and report show it; empty if the run has no search ledger."""
    if not summary["search"] or not summary["search"]["traits"]:
        return []
    return [search_table(summary["search"])]
