"""Text table of total variation."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table

from evosim.analysis.ladder import RUNG_CODES
from evosim.analysis.summary import RunSummary, VariationSummary
from evosim.analysis.total_variation import Summary
from evosim.tables.formatting import number, table_of


def variation_table(variation: Mapping[str, VariationSummary]) -> Table:
    """Table of total variation and its bounds."""
    table = table_of(
        "Total variation between lives in A and in M, and the largest difference in payoff that it"
        " allows",
        ("", "at least", "at most", "bound", "differs by"),
        left=("",),
    )
    for subject, row in variation.items():
        covered = f" ({row.covered:.0%} of it)" if row.covered < 1.0 - 1e-9 else ""
        values = (row.least, row.most, row.bound, row.difference)
        table.add_row(f"{RUNG_CODES[subject]}{covered}", *(number(value) for value in values))
    return table


def text(summary: RunSummary) -> list[Table | str]:
    """The account as screen and report show it."""
    variation = summary.account.part(Summary)
    return [variation_table(variation.subjects)] if variation else []
