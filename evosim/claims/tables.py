"""Verdicts of claims as text tables and as a page of Markdown."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from evosim.claims.evaluate import ClaimResult, VerdictRow
from evosim.claims.measurements import EXACT, SAMPLED
from evosim.claims.verdicts import COMES_OUT, NOT
from evosim.runtime.text_layout import say
from evosim.runtime.text_layout import show as show_table
from evosim.runtime.words import count_of
from evosim.tables.formatting import decimals_of, with_ends

KINDS = (
    "Intervals are 95%, over seeds. A number of seeds without an interval is too few of them, or"
    " all have the same number. Quantities that are *exact* were enumerated, and no chance is in"
    " them. Those *of those drawn* are true of the genomes, worlds or populations that were drawn."
    " Others may go beyond them. Those of the *best found* are of what a search with random"
    " starts found."
)
STYLES = {COMES_OUT: "green", NOT: "red"}


def show(console: Console, results: Iterable[ClaimResult]) -> None:
    """Print each claim with its statement, and one row per prediction."""
    for result in results:
        say(
            console,
            Text.assemble(
                "\n",
                (f"{result.choice.number}. {result.name}", "bold"),
                f"  {result.choice.statement}",
            ),
            highlight=False,
        )
        table = Table(box=None, padding=(0, 2, 0, 2))
        for column in ("quantity", "predicted", "measured", "verdict"):
            table.add_column(column)
        for row in result.rows:
            style = STYLES.get(row.verdict, "yellow")
            table.add_row(
                row.quantity, row.predicted, format_measurement(row), Text(verdict_cell(row), style)
            )
        show_table(console, table)


def show_overall(console: Console, results: Iterable[ClaimResult]) -> None:
    """Print one line per claim."""
    table = Table("claim", "predictions", "verdict", box=None, padding=(0, 2, 0, 2))
    for result in results:
        style = STYLES.get(result.verdict, "yellow")
        count = f"{agreement_count(result)} come out"
        table.add_row(result.name, count, Text(result.verdict, style))
    console.print()
    show_table(console, table)


def as_markdown(results: Iterable[ClaimResult], size: str) -> str:
    """Format the verdicts as a page of Markdown."""
    results = list(results)
    lines = ["# Verdicts", "", f"Size: {size}. {KINDS} How to read this: docs/claims.md.", ""]
    lines += ["| claim | confirmed predictions | verdict |", "| --- | --- | --- |"]
    for result in results:
        lines.append(
            f"| {result.choice.number}. {result.choice.statement} | {agreement_count(result)} |"
            f" {result.verdict} |"
        )
    for result in results:
        lines += _claim_section(result)
    return "\n".join(lines) + "\n"


def _claim_section(result: ClaimResult) -> list[str]:
    """The lines about one claim: statement, source and a table of its predictions."""
    lines = [
        "",
        f"## {result.name}",
        "",
        f"{result.choice.statement} ({result.choice.source.rstrip('.')})",
        "",
        "| quantity | predicted | measured | of | verdict | why predicted |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for prediction, row in zip(result.choice.predictions, result.rows, strict=True):
        cells = (
            row.quantity,
            row.predicted,
            format_measurement(row, bare=True),
            basis_of(row),
            verdict_cell(row),
            prediction.why,
        )
        lines.append("| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |")
    return lines


def verdict_cell(row: VerdictRow) -> str:
    """The verdict, with a remark if it holds by construction."""
    return f"{row.verdict} (by construction)" if row.by_construction else row.verdict


def agreement_count(result: ClaimResult) -> str:
    """Number of predictions that are confirmed, of those that can fail: `3 of 4`."""
    return f"{sum(row.verdict == COMES_OUT for row in result.evidence)} of {len(result.evidence)}"


def basis_of(row: VerdictRow) -> str:
    """The number of seeds of a quantity, or its kind."""
    return count_of(row.seeds, "seed") if row.kind == SAMPLED else row.kind


def format_measurement(row: VerdictRow, *, bare: bool = False) -> str:
    """Format a measured value with its interval and unit.

    Without an interval its basis is added, unless the value is exact or `bare` is true.
    """
    text = f"{row.measured:.4g}"
    if decimals_of(row.measured, row.low, row.high) is not None:
        text = with_ends(row.measured, row.low, row.high)
    elif row.low is not None:
        text += f" [{row.low:.4g}, {row.high:.4g}]"
    elif row.kind != EXACT and not bare:
        text += f" ({basis_of(row)})"
    return f"{text} {row.unit}".rstrip()
