"""Text table of causes."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table

from evosim.analysis.causes import Summary
from evosim.analysis.ladder import RUNG_CODES
from evosim.analysis.planner_causes import SWITCHES
from evosim.analysis.summary import CauseSummary, RunSummary
from evosim.analysis.values import ByWorld
from evosim.runtime.text_layout import bold
from evosim.tables.formatting import number, small, table_of

NO_CAUSES = "Causes (desire, belief, planning): not applicable; these genomes do not plan.\n"


def causes_table(subjects: Mapping[str, ByWorld[CauseSummary]]) -> Table:
    """Table of causes, one row per cause."""
    columns = {
        f"{RUNG_CODES[subject]} in {world[0].upper()}": summary.causes
        for subject, by_world in subjects.items()
        for world, summary in by_world.items()
    }
    table = table_of(
        "Causes: loss by desire, belief, planning (Shapley values; negative: it helps)",
        ("", *columns),
        left=("",),
    )
    for cause in SWITCHES:
        if any(abs(losses[cause]) > small() for losses in columns.values()):
            table.add_row(cause, *(number(losses[cause]) for losses in columns.values()))
    sums = [sum(losses[cause] for cause in SWITCHES) for losses in columns.values()]
    table.add_row(bold("sum"), *(bold(number(value)) for value in sums))
    notes = [
        "genomes that act alike may be split differently: behaviour does not show whether belief"
        " or desire causes it"
    ]
    if "best_for_payoff" in subjects:
        notes.insert(
            0, "R2 in A: the best modern genome (for payoff in M), scored in the ancestral world"
        )
    if "population" in subjects and subjects["population"].modern.covered < 1.0 - 1e-9:
        covered = subjects["population"].modern.covered
        notes.insert(0, f"R5: the most common genomes ({covered:.0%} of individuals)")
    table.caption = "; ".join(notes)
    return table


def text(summary: RunSummary) -> list[Table | str]:
    """The account as screen and report show it."""
    causes = summary.account.part(Summary)
    return [causes_table(causes.subjects) if causes else NO_CAUSES]
