"""Text table of causes."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from evosim.analysis.causes import SWITCHES
from evosim.analysis.ladder import RUNG_CODES
from evosim.runtime.text_layout import bold
from evosim.tables.formatting import number, small, table_of

NO_CAUSES = "Causes (desire, belief, planning): not applicable; these genomes do not plan.\n"


def causes_table(found: dict[str, Any]) -> Table:
    """Table of causes, one row a cause."""
    columns = [(subject, world) for subject in found for world in ("ancestral", "modern")]
    headings = [f"{RUNG_CODES[subject]} in {world[0].upper()}" for subject, world in columns]
    table = table_of(
        "Causes: what of the loss is desire, belief, planning (Shapley values; negative: it helps)",
        ("", *headings),
        left=("",),
    )
    for cause in SWITCHES:
        if any(abs(found[subject][world][cause]) > small() for subject, world in columns):
            table.add_row(
                cause, *(number(found[subject][world][cause]) for subject, world in columns)
            )
    table.add_row(
        bold("sum"),
        *(
            bold(number(sum(found[subject][world][cause] for cause in SWITCHES)))
            for subject, world in columns
        ),
    )
    notes = [
        "genomes that act alike may be split differently: belief and desire cannot be told apart"
        " from behaviour"
    ]
    if "best_for_payoff" in found:
        notes.insert(
            0, "R2 in A: the best modern genome (for payoff in M), scored in the ancestral world"
        )
    if "population" in found and found["population"]["modern"]["covered"] < 1.0 - 1e-9:
        notes.insert(
            0, f"R5: its most common classes, {found['population']['modern']['covered']:.0%} of it"
        )
    table.caption = "; ".join(notes)
    return table


def text(summary: dict[str, Any]) -> list[Table | str]:
    """The account as screen and report show it."""
    return [causes_table(summary["causes"]) if summary["causes"] else NO_CAUSES]
