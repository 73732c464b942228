"""A comparison of runs as text tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from evosim.analysis.ladder import RUNG_CODES
from evosim.api.comparison_notes import notes_on
from evosim.runtime.text_layout import bold, say
from evosim.runtime.text_layout import show as show_table
from evosim.tables import losses
from evosim.tables.formatting import number, to_scale
from evosim.tables.ladder import RUNG_WORDS

if TYPE_CHECKING:
    from evosim.api.compared_runs import ComparedRuns

LETTERS = {"ancestral": "A", "modern": "M"}
NO_LOSS = ["none", "", "none", ""]  # of a loss that a run cannot have: in both worlds
WORDS = {"alike": "=", "exact": "exact", "best found": "found"}
PARTS = {
    "loss": "The three losses",
    "rung": "Rungs of the ladder",
    "step": "Steps: what each stage loses",
    "regret": "Regret of the population by kind",
    "hack": "Greedy genes",
}


def show(console: Console, c: ComparedRuns) -> None:
    """Print the whole comparison."""
    with to_scale(*(summary.account for _, summary in c.analyses)):
        _show(console, c)


def _show(console: Console, c: ComparedRuns) -> None:
    console.print(
        Text.assemble("\n", ("base", "bold"), f"   {c.recorded[0].folder}"), soft_wrap=True
    )
    for run in c.recorded[1:]:
        console.print(Text.assemble(("other", "bold"), f"  {run.folder}"), soft_wrap=True)
    console.print()
    show_table(console, _loss_table(c))
    say(console, losses.MEANING, highlight=False)
    console.print()
    show_table(console, _parameter_table(c))
    for i, name in enumerate(c.names[1:]):
        if len(c.names) > 2:
            console.print(Text.assemble((name, "bold"), f" against {c.base}"), soft_wrap=True)
        differences = c.differences.filter(pl.col("run") == name)
        for part, title in PARTS.items():
            rows = differences.filter(pl.col("part") == part)
            if rows.height:
                show_table(console, _difference_table(rows, f"{title} ({c.unit} in a life)", i + 1))
    for note in notes_on(c):
        say(console, f"* {note}", indent=2, highlight=False)


def _names_of_runs(c: ComparedRuns) -> list[str]:
    """Headings of the columns of runs."""
    others = len(c.names) - 1
    return ["base", *("other" if others == 1 else f"other {i}" for i in range(1, others + 1))]


def _loss_table(c: ComparedRuns) -> Table:
    """The three losses side by side: the mean of each run, and its share of the best genome."""
    table = Table(
        title="Lost at the switch",
        title_justify="left",
        title_style="bold",
        box=None,
        padding=(0, 2, 0, 0),
        pad_edge=False,
    )
    table.add_column("loss")
    table.add_column("world")
    for name in _names_of_runs(c):
        table.add_column(name, justify="left")
        table.add_column("", justify="right")
    of_runs = [
        {name.split()[0]: cells for name, *cells in losses.loss_rows(summary.account.losses)}
        for _, summary in c.analyses
    ]
    for name in max(of_runs, key=len):
        for i, world in enumerate(LETTERS):
            cells = [rows.get(name, NO_LOSS)[2 * i : 2 * i + 2] for rows in of_runs]
            if any(cell != NO_LOSS[:2] for cell in cells):
                table.add_row(bold(name), world, *(text for cell in cells for text in cell))
    return table


def _parameter_table(c: ComparedRuns) -> Table:
    table = Table(
        title="Parameters that differ" if c.parameters.height else "No parameter differs",
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    if c.parameters.height:
        table.add_column("parameter")
        for heading in _names_of_runs(c):
            table.add_column(heading)
        for row in c.parameters.rows():
            table.add_row(*row)
    return table


def _difference_table(rows: pl.DataFrame, title: str, other: int) -> Table:
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    table.add_column("")
    for heading in ("in", "base", "other", "difference", "[  ]", ""):
        table.add_column(heading, justify="left" if heading in ("in", "") else "right")
    for row in rows.iter_rows(named=True):
        words = (
            f"{RUNG_CODES[row['name']]} {RUNG_WORDS[row['name']]}"
            if row["part"] == "rung"
            else row["name"].replace("_", " ")
        )
        ends = (
            f"[{number(row['low'])}, {number(row['high'])}]"
            if row["low"] is not None
            else WORDS.get(row["how"], "")
        )
        apart = row["low"] is not None and (row["low"] > 0.0 or row["high"] < 0.0)
        table.add_row(
            words,
            LETTERS[row["world"]],
            number(row["base"]),
            number(row["other"]),
            number(row["difference"]),
            ends,
            "*" if apart else "",
        )
    return table
