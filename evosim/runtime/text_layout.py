"""Tables and sentences for a terminal of any width. No word and no number is cut.

A text wraps between words. In a table that does not fit, headings of numbers and texts wrap first.
If that is not enough, columns are printed in groups, each with the names of the rows. Where not
even one column fits, each row is a list. A word that is wider than the terminal is printed whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import takewhile
from typing import IO, Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from evosim.runtime.names import printable


class Screen(Console):
    """A console on which brackets and colons of a text stand for themselves.

    Parameters
    ----------
    stderr, quiet, record : bool
        As of `rich.console.Console`.
    width : int, optional
        Signs in a line; by default those of the terminal.
    file : file, optional
        Where to write; by default standard output.
    """

    def __init__(
        self,
        *,
        stderr: bool = False,
        quiet: bool = False,
        record: bool = False,
        width: int | None = None,
        file: IO[str] | None = None,
        force_jupyter: bool | None = None,
    ) -> None:
        super().__init__(
            stderr=stderr,
            quiet=quiet,
            record=record,
            width=width,
            file=file,
            force_jupyter=force_jupyter,
            markup=False,
            emoji=False,
        )

    def print(self, *objects: Any, **options: Any) -> None:
        """Print texts and tables. Parameters are those of `rich.console.Console.print`."""
        super().print(*map(plain, objects), **options)


def plain(thing: Any) -> Any:
    """A text with whatever a terminal would obey spelled out; other things as they are."""
    if isinstance(thing, str):
        return printable(thing)
    if isinstance(thing, Text) and (words := printable(thing.plain)) != thing.plain:
        return Text(words, style=thing.style)
    return thing


def bold(words: str) -> Text:
    """A bold cell of a table."""
    return Text(words, style="bold")


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    heading : str
        Words above it.
    cells : list of Text
        One for each row.
    left : bool
        Whether it is set to the left: names and sentences. Other columns hold numbers.
    full, firm, least : int
        Widths in signs: with nothing wrapped, with only headings and texts wrapped, and with a
        break at every space.
    """

    heading: str
    cells: list[Text]
    left: bool
    full: int
    firm: int
    least: int


def say(
    console: Console, text: str | Text, *, style: str = "", indent: int = 0, highlight: bool = True
) -> None:
    """Print a text, wrapped between words.

    Parameters
    ----------
    console : Console
        Where to.
    text : str or Text
        Text to print; brackets are printed as they are.
    style : str
        How it is set, in Rich's words.
    indent : int
        Signs by which all lines but the first are indented.
    highlight : bool
        Whether numbers have a colour on a terminal.
    """
    out = broken(_cell(text), console.width, indent)
    out.stylize_before(style)
    if highlight:
        out = console.highlighter(out)
    console.print(out, soft_wrap=True)


def broken(text: Text, width: int, indent: int = 0) -> Text:
    """Break a text into lines between words; a longer word is left whole.

    Styles stay with their words.

    Parameters
    ----------
    text : Text
        The text.
    width : int
        Signs in a line; a wide sign counts as two.
    indent : int
        Signs by which all lines but the first are indented.

    Returns
    -------
    Text
        The text with line breaks.
    """
    lines = []
    for i, (start, end) in enumerate(spans(text.plain, width, indent)):
        lines.append(
            Text.assemble(" " * indent if i else "", text[start:end] if end > start else "")
        )
    out = Text("\n").join(lines)
    out.style = text.style
    return out


def spans(text: str, width: int, indent: int = 0) -> list[tuple[int, int]]:
    """Where the lines of a text begin and end if it wraps between words.

    Parameters
    ----------
    text : str
        The text; its own line breaks stay.
    width : int
        Signs in a line. A longer word has a line of its own.
    indent : int
        Signs by which all lines but the first are indented.

    Returns
    -------
    list of tuple of int
        First sign of each line, and the one after its last.
    """
    out: list[tuple[int, int]] = []
    begin = 0
    for paragraph in text.split("\n"):
        start = end = begin
        for word in re.finditer(r"\S+", paragraph):
            first, last = begin + word.start(), begin + word.end()
            if end > start and cell_len(text[start:last]) + (indent if out else 0) > width:
                out.append((start, end))
                start = first
            end = last
        out.append((start, end))
        begin += len(paragraph) + 1
    return out


def show(console: Console, table: Table) -> None:
    """Print a table with its title and its caption so that it fits the console.

    Parameters
    ----------
    console : Console
        Where to.
    table : Table
        Columns of plain text; a cell may be a `Text`. How it folds is in the module's words.
    """
    if table.title:
        say(console, str(table.title), style="bold", highlight=False)
    columns = [_column(table, i) for i in range(len(table.columns))]
    groups = _groups(table, columns, console.width)
    if groups is None:
        _list_rows(console, columns)
    else:
        for group, widths in groups:
            console.print(_part(table, [columns[i] for i in group], widths), soft_wrap=True)
    if table.caption:
        say(console, str(table.caption), style="table.caption", highlight=False)


def _column(table: Table, i: int) -> Column:
    column = table.columns[i]
    heading = printable(" ".join(str(column.header).split())) if table.show_header else ""
    cells = [_cell(cell) for cell in column.cells]
    widest, longest = (
        max([0, *(measure(cell.plain) for cell in cells)]) for measure in (cell_len, _longest)
    )
    left, over = column.justify == "left", _longest(heading)
    least = max(over, longest)
    return Column(
        heading,
        cells,
        left,
        max(cell_len(heading), widest),
        least if left else max(over, widest),
        least,
    )


def _cell(cell: object) -> Text:
    out: Text = plain(cell if isinstance(cell, Text) else Text(printable(str(cell))))
    return out


def _longest(text: str) -> int:
    """The width of a text's longest word; the first has what it is indented by."""
    return max([0, *(cell_len(word) for word in re.findall(r"^\s*\S+|\S+", text))])


def _groups(
    table: Table, columns: list[Column], width: int
) -> list[tuple[list[int], list[int]]] | None:
    """Groups of columns that fit side by side, with widths; None if row names leave no room."""

    def fitted(group: list[int], *, firm: bool = True) -> list[int] | None:
        chosen = [columns[i] for i in group]
        return _fitted(
            chosen,
            [c.firm if firm else c.least for c in chosen],
            width - _around(table, len(group)),
        )

    everything = list(range(len(columns)))
    if widths := fitted(everything):
        return [(everything, widths)]
    names = len(list(takewhile(lambda c: c.left, columns[:-1]))) or 1
    names = 1 if names == len(columns) - 1 and columns[-1].left else names
    labels, rest, out = everything[:names], everything[names:], []
    while rest:
        widths, taken = None, 0
        for n in range(len(rest), 0, -1):
            if (widths := fitted([*labels, *rest[:n]])) or (
                n == 1 and (widths := fitted([*labels, *rest[:n]], firm=False))
            ):
                taken = n
                break
        if widths is None:
            return None
        out.append(([*labels, *rest[:taken]], widths))
        rest = rest[taken:]
    return out or None


def _fitted(columns: list[Column], floors: list[int], room: int) -> list[int] | None:
    """Column widths that fit in the room and respect the floors; None if there are none."""
    widths = [column.full for column in columns]
    while sum(widths) > room:
        above = [i for i, floor in enumerate(floors) if widths[i] > floor]
        if not above:
            return None
        widths[max(above, key=lambda i: widths[i])] -= 1
    return widths


def _around(table: Table, columns: int) -> int:
    """Signs of a table that belong to no column."""
    _, right, _, left = table.padding
    return columns * (left + right) + (columns + 1 if table.box else 0)


def _part(table: Table, columns: list[Column], widths: list[int]) -> Table:
    """A table of some columns with given widths."""
    out = Table(
        box=table.box,
        padding=table.padding,
        pad_edge=table.pad_edge,
        show_header=table.show_header,
        width=sum(widths) + _around(table, len(columns)),
    )
    for column, width in zip(columns, widths, strict=True):
        heading = broken(Text(column.heading), width)
        out.add_column(
            heading,
            justify="left" if column.left else "right",
            width=width,
            no_wrap=True,
            overflow="ignore",
        )
    for row in zip(*(column.cells for column in columns), strict=True):
        out.add_row(*(broken(cell, width) for cell, width in zip(row, widths, strict=True)))
    return out


def _list_rows(console: Console, columns: list[Column]) -> None:
    """Print each row as a list: its name, then one line for each column with an entry."""
    for row in zip(*(column.cells for column in columns), strict=True):
        first = True
        for column, cell in zip(columns, row, strict=True):
            if not cell.plain.strip():
                continue
            heading = f"{column.heading}: " if column.heading else ""
            say(
                console,
                Text.assemble("" if first else "  ", heading, cell),
                indent=4,
                highlight=False,
            )
            first = False
        console.print()
