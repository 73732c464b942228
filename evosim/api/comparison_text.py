"""A comparison of runs as text tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from evosim.analysis.ladder import RUNG_CODES
from evosim.runtime.text_layout import say
from evosim.runtime.text_layout import show as show_table
from evosim.tables.formatting import number, to_scale
from evosim.tables.ladder import RUNG_WORDS

if TYPE_CHECKING:
    from evosim.api.comparison import Comparison

LETTERS = {"ancestral": "A", "modern": "M"}
PARTS = {
    "rung": "Rungs of the ladder",
    "step": "Steps: what each stage loses",
    "regret": "Regret of the population by kind",
    "hack": "Greedy genes",
}


def show(console: Console, c: Comparison) -> None:
    """Print the whole comparison."""
    with to_scale(*(summary.account for _, summary in c.analyses)):
        _show(console, c)


def _show(console: Console, c: Comparison) -> None:
    console.print(
        Text.assemble("\n", ("base", "bold"), f"   {c.recorded[0].folder}"), soft_wrap=True
    )
    for run in c.recorded[1:]:
        console.print(Text.assemble(("other", "bold"), f"  {run.folder}"), soft_wrap=True)
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
    for note in c.notes():
        say(console, f"* {note}", hang=2, highlight=False)


def _parameter_table(c: Comparison) -> Table:
    table = Table(
        title="Parameters that differ" if c.parameters.height else "No parameter differs",
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    if c.parameters.height:
        table.add_column("parameter")
        for i in range(len(c.names)):
            table.add_column("base" if i == 0 else "other" if len(c.names) == 2 else f"other {i}")
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
            else "="
            if row["how"] == "alike"
            else ""
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
