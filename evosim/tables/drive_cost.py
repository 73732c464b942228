"""Text table of what drive costs."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from evosim.tables.formatting import number, table_of, unit

HACK_WORDS = {
    "hack": "hack: fair minus run",
    "own_cost": "  their own cost",
    "behaviour": "  through behaviour",
    "null": "null: fair minus fair",
    "presence": "no driver minus run",
    "instantaneous": "drivers turned wild",
}


def hack_table(found: dict[str, Any], of: str) -> Table:
    """Table of what unfair meiosis cost."""
    table = table_of(
        f"Greedy genes: what unfair meiosis cost ({of})",
        ("", "A", "interval in A", "M", "interval in M"),
        left=("",),
    )
    for quantity, words in HACK_WORDS.items():
        cells = []
        for world in ("ancestral", "modern"):
            entry = found.get(world, {}).get(quantity)
            ends = entry.get("interval") if entry else None
            cells += [
                number(entry["mean"], more=1) if entry else "-",
                f"[{number(ends[0], more=1)}, {number(ends[1], more=1)}]" if ends else "-",
            ]
        table.add_row(words, *cells)
    return table


def who_searched(summary: dict[str, Any]) -> str:
    """Whose step `search` is."""
    of_all = "all_cases" in summary["ladder"]["ancestral"]["rungs"]
    selected = " that was selected on all of A" if of_all else ""
    return f"the population{selected}{' with fair meiosis' if summary['hack'] else ''}"


def frequencies(rows: list[dict[str, Any]]) -> Table:
    """Table of the frequencies of drivers and modifiers at the swap."""
    arms = [name for name in rows[0] if name not in ("locus", "allele")]
    table = table_of(
        "Frequency among newborns at the swap",
        ("locus", "allele", *(arm.replace("_", " ") for arm in arms)),
        left=("locus", "allele"),
    )
    for row in rows:
        table.add_row(row["locus"], row["allele"], *(number(row[arm]) for arm in arms))
    return table


def text(summary: dict[str, Any]) -> list[Table | str]:
    """The account as screen and report show it; empty without drivers."""
    if not summary["hack"]:
        return []
    return [hack_table(summary["hack"], unit(summary)), frequencies(summary["hack"]["frequencies"])]
