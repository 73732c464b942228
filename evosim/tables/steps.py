"""Text table of the ladder's steps by act."""

from __future__ import annotations

from rich.table import Table

from evosim.analysis.ladder import STEPS
from evosim.analysis.summary import AccountSummary, RunSummary
from evosim.runtime.text_layout import bold
from evosim.tables.formatting import number, small, table_of


def steps_table(account: AccountSummary) -> Table | str:
    """Table of the ladder's steps by act; a sentence if all of them are 0."""
    steps = account.steps_by_act
    shown = [
        (world, step)
        for world in ("ancestral", "modern")
        for step in STEPS
        if any(abs(value) > small() for value in steps.of(world).get(step, {}).values())
    ]
    if not shown:
        return "Steps of the ladder by act: no step loses or gains anything.\n"
    headings = [f"{step} {world[0].upper()}" for world, step in shown]
    table = table_of(
        "Steps of the ladder by act (what the step loses; negative: gains)", ("act", *headings)
    )
    for act in steps.modern["representation"]:
        row = [steps.of(world)[step][act] for world, step in shown]
        if any(abs(value) > small() for value in row):
            table.add_row(act.replace("_", " "), *(number(value) for value in row))
    sums = [sum(steps.of(world)[step].values()) for world, step in shown]
    table.add_row(bold("sum"), *(bold(number(value)) for value in sums))
    return table


def text(summary: RunSummary) -> list[Table | str]:
    """The account as screen and report show it."""
    return [steps_table(summary.account)]
