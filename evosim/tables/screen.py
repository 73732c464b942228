"""The account of a run as tables and sentences a person can read."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from evosim.analysis.terminology import AUTHORS
from evosim.runtime.text_layout import say
from evosim.runtime.text_layout import show as show_table
from evosim.tables.behaviour import behaviour_table, steps_table
from evosim.tables.causes import NO_CAUSES, causes_table
from evosim.tables.desires import desires_table
from evosim.tables.drive_cost import frequencies, hack_table
from evosim.tables.family import family_table
from evosim.tables.formatting import decimals_of, number, scaled, unit
from evosim.tables.ladder import ladder_table
from evosim.tables.price_equation import search_table
from evosim.tables.sentences import level_words, sentences
from evosim.tables.total_variation import variation_table


@scaled
def show(console: Console, title: str, summary: dict[str, Any], *, details: bool = False) -> None:
    """Print the account; with `details`, also how far lives in A and in M can differ at all."""
    _show_which(console, title, summary)
    say(
        console,
        "A: ancestral world, M: modern world. Words: docs/glossary.md"
        + ("" if summary.get("offset") else "\n"),
    )
    if paid := summary.get("offset"):
        a, m = paid["ancestral"], paid["modern"]
        say(
            console,
            f"Rungs include {f'{a:g}' if a == m else f'{a:g} (A), {m:g} (M)'} paid to everybody at"
            " birth (offset); losses do not.\n",
        )
    for name, account in accounts(summary).items():
        if details or name != "variation":
            say(console, account) if isinstance(account, str) else show_table(console, account)
    for sentence in sentences(summary):
        say(console, f"* {sentence}", hang=2)


@scaled
def accounts(summary: dict[str, Any]) -> dict[str, Table | str]:
    """The tables of the account by name, in the order of reading; words where an account does not
    apply.
    """
    out: dict[str, Table | str] = {"ladder": ladder_table(summary)}
    if summary["behaviour"]["modern"] is not None:
        out["behaviour"] = behaviour_table(summary)
    out["steps"] = steps_table(summary)
    if summary["desires"]:
        out["desires"] = desires_table(summary)
    out["causes"] = causes_table(summary["causes"]) if summary["causes"] else NO_CAUSES
    out["variation"] = variation_table(summary)
    if summary["family"]:
        out["family"] = family_table(summary["family"])
    if summary["hack"]:
        out |= {
            "hack": hack_table(summary["hack"], unit(summary)),
            "frequencies": frequencies(summary["hack"]["frequencies"]),
        }
    if summary["search"] and summary["search"]["traits"]:
        out["search"] = search_table(summary["search"])
    return out


def show_search(console: Console, title: str, summary: dict[str, Any]) -> None:
    """Print what the search of a landscape came to."""
    _show_which(console, title, summary)
    table = Table(
        "",
        "mean",
        "interval" if any(row["interval"] for row in summary["search"]) else "",
        box=None,
        padding=(0, 2, 0, 0),
    )
    for row in summary["search"]:
        ends = row["interval"] or (None, None)
        decimals = decimals_of(row["mean"] or 0.0, *ends)
        between = (
            " to ".join(number(end, decimals) for end in row["interval"]) if row["interval"] else ""
        )
        table.add_row(row["quantity"], number(row["mean"], decimals), between)
    console.print()
    show_table(console, table)


def _show_which(console: Console, title: str, summary: dict[str, Any]) -> None:
    """Print what was run, and what was expected of it."""
    replicates = summary["replicates"]
    say(console, f"\n{title}", style="bold")
    say(
        console,
        (
            f"seed {summary['seed']}"
            if replicates == 1
            else (
                f"{replicates} seeds from {summary['seed']}; means over seeds{level_words(summary)}"
            )
        ),
    )
    if summary["changed"]:
        say(console, f"changed: {', '.join(summary['changed'])}")
    if summary["expected"]:
        say(console, f"expected: {summary['expected']}")


@scaled
def show_labels(console: Console, summary: dict[str, Any]) -> None:
    """Print what each author would call each step."""
    say(
        console,
        Text.assemble(
            "\n",
            ("What each author calls it", "bold"),
            " (Christiano: the problems will not split like this)",
        ),
    )
    for step, entry in summary["labels"].items():
        value = number(entry["value"]) if entry["value"] is not None else "not measured"
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
        for author in AUTHORS:
            table.add_row(author, entry[author])
        say(console, Text.assemble("\n", (step, "bold"), f", in M: {value}"))
        show_table(console, table)
