"""Text table of what drive costs."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from evosim.analysis.summary import AccountSummary, AlleleFrequency, RunSummary
from evosim.analysis.values import Estimate, MeasuredByWorld
from evosim.tables.formatting import number, table_of

HACK_WORDS = {
    "hack": "hack: fair minus run",
    "own_cost": "  their own cost",
    "behaviour": "  through behaviour",
    "null": "null: fair minus fair",
    "presence": "no driver minus run",
    "instantaneous": "drivers turned wild",
}


def hack_table(quantities: MeasuredByWorld[Estimate], unit: str) -> Table:
    """Table of what unfair meiosis cost, in units of payoff."""
    table = table_of(
        f"Greedy genes: cost of unfair meiosis ({unit})",
        ("", "A", "interval in A", "M", "interval in M"),
        left=("",),
    )
    for quantity, words in HACK_WORDS.items():
        cells = []
        for world in ("ancestral", "modern"):
            entry = quantities.of(world).get(quantity)
            ends = entry.interval if entry else None
            cells += [
                number(entry.mean, more=1) if entry else "-",
                f"[{number(ends[0], more=1)}, {number(ends[1], more=1)}]" if ends else "-",
            ]
        table.add_row(words, *cells)
    return table


def who_searched(account: AccountSummary) -> str:
    """The population whose loss is the step `search`."""
    of_all = "all_cases" in account.ladder.ancestral.rungs
    selected = " that was selected on all of A" if of_all else ""
    return f"the population{selected}{' with fair meiosis' if account.hack else ''}"


def frequencies(rows: Sequence[AlleleFrequency]) -> Table:
    """Table of the frequencies of drivers and modifiers at the swap."""
    arms = list(rows[0].arms)
    table = table_of(
        "Frequency among newborns at the swap",
        ("locus", "allele", *(arm.replace("_", " ") for arm in arms)),
        left=("locus", "allele"),
    )
    for row in rows:
        table.add_row(row.locus, row.allele, *(number(row.arms[arm]) for arm in arms))
    return table


def text(summary: RunSummary) -> list[Table | str]:
    """The account as screen and report show it; empty without drivers."""
    drive = summary.account.hack
    if drive is None:
        return []
    return [hack_table(drive.quantities, summary.header.unit), frequencies(drive.frequencies)]
