"""Text table of the verdicts over a family of worlds."""

from __future__ import annotations

from rich.table import Table

from evosim.analysis.ladder import RUNG_CODES
from evosim.analysis.summary import FamilySummary, RunSummary
from evosim.tables.formatting import number, table_of


def family_table(family: FamilySummary) -> Table:
    """Table of verdicts over a family of worlds."""
    table = table_of(
        f"Over a family of worlds ({', '.join(family.worlds)})",
        ("", "verdict", "kind", "share"),
        left=("", "verdict", "kind"),
    )
    for subject, rows in family.subjects.items():
        for row in rows:
            table.add_row(RUNG_CODES[subject], row.verdict, row.kind or "", number(row.share, 2))
    return table


def text(summary: RunSummary) -> list[Table | str]:
    """The account as screen and report show it; empty if the experiment has no family."""
    family = summary.account.part(FamilySummary)
    return [family_table(family)] if family else []
