"""Text table of desires."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from evosim.analysis.summary import DesireSummary, RunSummary
from evosim.tables.formatting import number, table_of


def desires_table(desires: Sequence[DesireSummary]) -> Table:
    """Table of desires, one row per desire."""
    table = table_of(
        "Desires: regret by the acts that serve them; gain without the desire",
        ("desire", "weight", "sought by", "waste A", "gain A", "regret M", "gain M"),
        left=("desire", "sought by"),
    )
    for desire in desires:
        table.add_row(
            desire.feature,
            number(desire.weight, 2),
            desire.acts.replace("_", " "),
            number(desire.ledger_ancestral),
            number(desire.gain_ancestral),
            number(desire.ledger_modern),
            number(desire.gain_modern),
        )
    return table


def text(summary: RunSummary) -> list[Table | str]:
    """The account as screen and report show it; empty if nothing is desired."""
    desires = summary.account.desires
    return [desires_table(desires)] if desires else []
