"""The account of a run as tables and sentences a person can read."""

from __future__ import annotations

import io
from collections.abc import Sequence
from importlib import import_module

from rich.console import Console
from rich.table import Table
from rich.text import Text

from evosim.accounts import accounts_with_text
from evosim.analysis.summary import RunHeader, RunSummary, SearchSummary
from evosim.analysis.terminology import AUTHORS
from evosim.runtime.text_layout import Screen, say, spans
from evosim.runtime.text_layout import show as show_table
from evosim.tables import losses
from evosim.tables.formatting import decimals_of, number, scaled
from evosim.tables.sentences import level_words, sentences

WIDTH, MOST_LINES = 80, 30  # of the short screen
LINES_OF_CHANGES = 2


@scaled
def show(console: Console, title: str, summary: RunSummary, *, details: bool = False) -> None:
    """Print the three losses with sentences; with `details`, all accounts."""
    _show_tables(console, title, summary, details=details)
    room = MOST_LINES - last_lines(summary.header) - _lines_of_tables(title, summary)

    def fits(lines: Sequence[str]) -> bool:
        return sum(len(spans(f"* {line}", WIDTH, 2)) for line in lines) <= room

    for sentence in losses.sentences(summary) if details else losses.sentences(summary, fits):
        say(console, f"* {sentence}", indent=2)
    if details:
        _show_details(console, summary)


def _show_tables(console: Console, title: str, summary: RunSummary, *, details: bool) -> None:
    """Print what was run, and the two tables of the losses."""
    _show_header(console, title, summary.header, details=details)
    fitness, lost = losses.fitness_table(summary), losses.loss_table(summary.account.losses)
    console.print()
    show_table(console, fitness)
    console.print()
    show_table(console, lost)
    say(console, losses.MEANING)
    console.print()


def _lines_of_tables(title: str, summary: RunSummary) -> int:
    """The number of lines before the sentences, at 80 columns."""
    written = io.StringIO()
    _show_tables(Screen(width=WIDTH, file=written), title, summary, details=False)
    return written.getvalue().count("\n")


def last_lines(header: RunHeader) -> int:
    """The number of lines below the sentences: folder, what to type next, and the time."""
    fits = len(header.out or "") <= WIDTH - len("Tables, accounts and figures:    (10.0 s)")
    return 4 if fits else 5


def _show_details(console: Console, summary: RunSummary) -> None:
    """Print all other accounts, and what they say in sentences."""
    header = summary.header
    if expected := header.expected or header.expected_note:
        say(console, f"\nexpected: {expected}")
    say(
        console,
        "\nA: ancestral world, M: modern world. 'evosim explain WORD' explains a word."
        + ("" if header.offset else "\n"),
    )
    if header.offset:
        a, m = header.offset.ancestral, header.offset.modern
        say(
            console,
            f"Rungs include {f'{a:g}' if a == m else f'{a:g} (A), {m:g} (M)'} paid at birth"
            " (offset); losses do not.\n",
        )
    for name, parts in accounts(summary).items():
        for part in parts if name != "losses" else ():
            say(console, part) if isinstance(part, str) else show_table(console, part)
    for sentence in sentences(summary):
        say(console, f"* {sentence}", indent=2)


@scaled
def accounts(summary: RunSummary) -> dict[str, list[Table | str]]:
    """Tables and sentences of each account that the run has, in the order of reading."""
    texts = {
        name: import_module(f"evosim.tables.{account.text}").text(summary)
        for name, account in accounts_with_text().items()
    }
    return {name: parts for name, parts in texts.items() if parts}


def show_search(console: Console, title: str, summary: SearchSummary) -> None:
    """Print the result of a search of a landscape: one mean with its interval per quantity."""
    _show_header(console, title, summary)
    if expected := summary.expected or summary.expected_note:
        say(console, f"expected: {expected}")
    table = Table(
        "",
        "mean",
        "interval" if any(row.interval for row in summary.search) else "",
        box=None,
        padding=(0, 2, 0, 0),
    )
    for row in summary.search:
        decimals = decimals_of(row.mean, *(row.interval or (None, None)))
        between = " to ".join(number(end, decimals) for end in row.interval or ())
        table.add_row(row.quantity, number(row.mean, decimals), between)
    console.print()
    show_table(console, table)


def _show_header(
    console: Console, title: str, header: RunHeader | SearchSummary, *, details: bool = True
) -> None:
    """Print what was run; without `details`, at most two lines of what was changed."""
    seeds = (
        f"seed {header.seed}"
        if header.replicates == 1
        else f"{header.replicates} seeds from {header.seed}; means over seeds{level_words(header)}"
    )
    say(console, title, style="bold")
    say(console, seeds)
    if isinstance(header, RunHeader):
        say(console, f"unit: {header.unit} in a life; %: share of the best genome of that world")
    if header.changed:
        say(console, _changed(header.changed, len(header.changed) if details else 1))


def _changed(changed: Sequence[str], least: int) -> str:
    """The changed settings: all, or as many as two lines hold, but at least so many."""
    for n in range(len(changed), 0, -1):
        more = f" and {len(changed) - n} more (--details)" if n < len(changed) else ""
        words = f"changed: {', '.join(changed[:n])}{more}"
        if n == least or len(spans(words, WIDTH)) <= LINES_OF_CHANGES:
            break
    return words


@scaled
def show_labels(console: Console, summary: RunSummary) -> None:
    """Print what each author would call each step."""
    say(
        console,
        Text.assemble(
            "\n",
            ("Names of the steps by author", "bold"),
            " (Christiano: the problems will not split like this)",
        ),
    )
    for step, labels in summary.account.labels.items():
        value = number(labels.value) if labels.value is not None else "not measured"
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
        for author in AUTHORS:
            table.add_row(author, labels.names[author])
        say(console, Text.assemble("\n", (step, "bold"), f", in M: {value}"))
        show_table(console, table)
