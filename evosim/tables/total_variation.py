"""Text table of total variation."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from evosim.analysis.ladder import RUNG_CODES
from evosim.tables.formatting import number, table_of


def variation_table(summary: dict[str, Any]) -> Table:
    """Table of total variation and its bounds."""
    table = table_of(
        "Total variation between lives in A and in M, and how far expected payoff can differ"
        " for it",
        ("", "at least", "at most", "bound", "differs by"),
        left=("",),
    )
    for subject, row in summary["variation"].items():
        name = f"{RUNG_CODES[subject]}" + (
            f" ({row['covered']:.0%} of it)" if row["covered"] < 1.0 - 1e-9 else ""
        )
        table.add_row(name, *(number(row[key]) for key in ("least", "most", "bound", "difference")))
    return table


def text(summary: dict[str, Any]) -> list[Table | str]:
    """The account as screen and report show it."""
    return [variation_table(summary)]
