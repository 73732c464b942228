"""Text table of desires."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from evosim.tables.formatting import number, table_of


def desires_table(summary: dict[str, Any]) -> Table:
    """Table of desires, one row a desire."""
    table = table_of(
        "Desires: regret by the acts that serve them; gain without the desire",
        ("desire", "weight", "sought by", "waste A", "gain A", "regret M", "gain M"),
        left=("desire", "sought by"),
    )
    for row in summary["desires"]:
        table.add_row(
            row["feature"],
            number(row["weight"], 2),
            row["acts"].replace("_", " "),
            *(
                number(row[key])
                for key in ("ledger_ancestral", "gain_ancestral", "ledger_modern", "gain_modern")
            ),
        )
    return table


def text(summary: dict[str, Any]) -> list[Table | str]:
    """The account as screen and report show it; empty if nothing is desired."""
    return [desires_table(summary)] if summary["desires"] else []
