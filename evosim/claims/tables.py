"""Verdicts of claims as text tables and as a page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from evosim.claims.claim import COMES_OUT, EXACT, NOT, SAMPLED
from evosim.claims.evaluate import Judged
from evosim.runtime.text_layout import say
from evosim.runtime.text_layout import show as show_table
from evosim.tables.formatting import decimals_of, with_ends

KINDS = (
    "Intervals are 95%, over seeds. A number of seeds without an interval is too few of them, or"
    " all have the same number. Quantities that are *exact* were enumerated, and no chance is in"
    " them. Those *of those drawn* are true of the genomes, worlds or populations that were drawn,"
    " and others may go beyond them. Those of the *best found* are of what a search with random"
    " starts found."
)
STYLES = {COMES_OUT: "green", NOT: "red"}


def show(console: Console, tested: Iterable[Judged]) -> None:
    """Each claim with its statement, and under it a row for each prediction."""
    for claim in tested:
        say(
            console,
            Text.assemble(
                "\n",
                (f"{claim.choice.number}. {claim.name}", "bold"),
                f"  {claim.choice.statement}",
            ),
            highlight=False,
        )
        table = Table(box=None, padding=(0, 2, 0, 2))
        for column in ("quantity", "predicted", "measured", "verdict"):
            table.add_column(column)
        for row in claim.rows:
            style = STYLES.get(row["verdict"], "yellow")
            table.add_row(row["quantity"], row["predicted"], number(row), Text(judged(row), style))
        show_table(console, table)


def show_overall(console: Console, tested: Iterable[Judged]) -> None:
    """One line a claim."""
    table = Table("claim", "predictions", "verdict", box=None, padding=(0, 2, 0, 2))
    for claim in tested:
        style = STYLES.get(claim.verdict, "yellow")
        table.add_row(claim.name, f"{good_of(claim)} come out", Text(claim.verdict, style))
    console.print()
    show_table(console, table)


def as_markdown(tested: Iterable[Judged], size: str) -> str:
    """The verdicts as a page of Markdown."""
    tested = list(tested)
    lines = ["# Verdicts", "", f"Size: {size}. {KINDS} How to read this: docs/claims.md.", ""]
    lines += ["| claim | predictions that come out | verdict |", "| --- | --- | --- |"]
    for claim in tested:
        lines.append(
            f"| {claim.choice.number}. {claim.choice.statement} | {good_of(claim)} |"
            f" {claim.verdict} |"
        )
    for claim in tested:
        lines += [
            "",
            f"## {claim.name}",
            "",
            f"{claim.choice.statement} ({claim.choice.source.rstrip('.')})",
            "",
        ]
        lines += [
            "| quantity | predicted | measured | of | verdict | why predicted |",
            "| --- | --- | --- | --- | --- | --- |",
        ]
        for prediction, row in zip(claim.choice.predictions, claim.rows, strict=True):
            words = (
                row["quantity"],
                row["predicted"],
                number(row, bare=True),
                of(row),
                judged(row),
                prediction.why,
            )
            lines.append("| " + " | ".join(word.replace("|", "/") for word in words) + " |")
    return "\n".join(lines) + "\n"


def judged(row: dict[str, Any]) -> str:
    """A verdict, and whether it could have been another."""
    return f"{row['verdict']} (by construction)" if row["by_construction"] else str(row["verdict"])


def good_of(claim: Judged) -> str:
    """How many predictions come out, of those that could have failed."""
    return f"{sum(row['verdict'] == COMES_OUT for row in claim.evidence)} of {len(claim.evidence)}"


def of(row: dict[str, Any]) -> str:
    """What a quantity is of: how many seeds, or its kind."""
    return f"{row['seeds']} seeds" if row["kind"] == SAMPLED else str(row["kind"])


def number(row: dict[str, Any], *, bare: bool = False) -> str:
    """A measured value with its interval and unit; without an interval also what it is of, unless
    it is to be `bare`.
    """
    out = f"{row['measured']:.4g}"
    if decimals_of(row["measured"], row["low"], row["high"]) is not None:
        out = with_ends(row["measured"], row["low"], row["high"])
    elif row["low"] is not None:
        out += f" [{row['low']:.4g}, {row['high']:.4g}]"
    elif row["kind"] != EXACT and not bare:
        out += f" ({of(row)})"
    return f"{out} {row['unit']}".rstrip()
