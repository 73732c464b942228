"""Text and HTML that show runs, sweeps and searches in a console or a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from evosim.analysis.intervals import FEWEST, level
from evosim.runtime.words import count_of
from evosim.tables import losses as loss_tables
from evosim.tables.formatting import decimals_in, number, to_scale, with_ends
from evosim.tables.ladder import RUNG_WORDS

if TYPE_CHECKING:
    from evosim.api import Search, Sweep
    from evosim.api.accounts import Accounted

Lines = list[str]
# Title, headings, rows: the first column is words, the others are numbers
Table = tuple[str, Sequence[str], Sequence[Sequence[str]]]
LETTERS = {"ancestral": "A", "modern": "M"}
ROW, COLUMN = ' scope="row"', ' scope="col"'


def interval(row: Mapping[str, Any], digits: int | None = None) -> str:
    """A mean with its interval, if it has one; a dash for what was not measured."""
    if row["mean"] is None or row["low"] is None:
        return number(row["mean"], digits)
    return (
        f"{number(row['mean'], digits)} [{number(row['low'], digits)},"
        f" {number(row['high'], digits)}]"
    )


def _from_here(folder: Path) -> Path:
    """A folder as it is called from where one works, if it lies below."""
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder


def parts_of(thing: Accounted) -> tuple[str, Lines, list[Table]]:
    """Heading, lines and tables of an account."""
    with to_scale(thing.typed_summary.account):
        return _parts_of(thing)


def _parts_of(thing: Accounted) -> tuple[str, Lines, list[Table]]:
    from evosim.api import Run

    header, experiment = thing.typed_summary.header, thing.experiment
    seeds = (
        f"seed {header.seed}"
        if header.replicates == 1
        else f"{count_of(header.replicates, 'seed')} from {header.seed}"
    )
    what = "evosim run" if isinstance(thing, Run) else "evosim population"
    heading = f"{what}: {experiment.title or experiment.name}"
    lines = [
        f"{experiment.name}, {seeds}"
        + (f"; changed: {', '.join(header.changed)}" if header.changed else "")
    ]
    if header.replicates >= FEWEST:
        lines.append(f"[ ]: {level(experiment.analysis.confidence)} intervals over seeds")
    if isinstance(thing, Run):
        lines.append(f"{_from_here(thing.folder)}, digest {(header.digest or '')[:8]}")
        if header.extinct:
            lines.append(f"died out: {len(header.extinct)} of {len(header.runs)}")
    losses = thing.typed_summary.account.losses
    fitness = loss_tables.fitness_rows(losses)
    lost = loss_tables.loss_rows(losses)
    worlds = ("ancestral world", "", "modern world", "")
    words = (
        RUNG_WORDS
        if isinstance(thing, Run)
        else RUNG_WORDS | {"population": "the population given"}
    )
    rungs: dict[str, dict[str, Mapping[str, Any]]] = {}
    for row in thing.ladder().filter(pl.col("part") == "rung").iter_rows(named=True):
        rungs.setdefault(row["name"], {})[row["world"]] = row
    ladder = [
        (
            f"{next(iter(rung.values()))['code']} {words[name]}",
            *(interval(rung[world]) if world in rung else "-" for world in LETTERS),
        )
        for name, rung in rungs.items()
    ]
    return (
        heading,
        lines,
        [
            (f"Fitness ({thing.unit} in a life)", ("of", *worlds), fitness),
            ("Lost at the switch", ("loss", *worlds), lost),
            (f"The ladder ({thing.unit} in a life)", ("rung", *LETTERS.values()), ladder),
        ],
    )


def parts_of_sweep(sweep: Sweep) -> tuple[str, Lines, list[Table]]:
    """Heading, lines and tables of a sweep."""
    state, manifest = sweep.status, sweep.store.manifest
    heading = f"evosim sweep: {manifest.title or manifest.name}"
    ended = "".join(
        f", {count:,} {word}"
        for count, word in ((state.failed, "failed"), (state.extinct, "died out"))
        if count
    )
    lines = [
        (
            f"{manifest.name}: {count_of(manifest.cells, 'cell')},"
            f" {count_of(manifest.replicates, 'seed')} each,"
            f" {count_of(state.runs, 'run')}; {state.done:,} done{ended}"
        ),
        f"varies: {', '.join(sweep.store.kinds)}" if sweep.store.kinds else "nothing varies",
        f"{_from_here(sweep.folder)}, digest {manifest.digest[:8]}",
    ]
    if state.chunks_done < state.chunks:
        lines.append("incomplete: evosim.sweep(...) or 'evosim sweep run' continues")
        return heading, lines, []
    rows = []
    for name in sweep.headlines:
        cells = sweep.cells(name)["mean"].drop_nulls()
        if len(cells):
            decimals = decimals_in((mean, None, None) for mean in cells)[0]
            rows.append(
                (
                    name,
                    *(
                        number(float(value), decimals)  # type: ignore[arg-type]
                        for value in (cells.min(), cells.mean(), cells.max())
                    ),
                )
            )
    return heading, lines, [("Means of cells", ("quantity", "least", "mean", "largest"), rows)]


def parts_of_search(search: Search) -> tuple[str, Lines, list[Table]]:
    """Heading, lines and tables of the search of a landscape."""
    summary, experiment = search.typed_summary, search.experiment
    seeds = (
        f"seed {summary.seed}"
        if summary.replicates == 1
        else f"{count_of(summary.replicates, 'seed')} from {summary.seed}"
    )
    lines = [
        f"{experiment.name}: {experiment.optimizer['name']} on {experiment.world.name}, {seeds}",
        f"{_from_here(search.folder)}, digest {summary.digest[:8]}",
    ]
    if summary.replicates >= FEWEST:
        lines.append(f"[ ]: {level(experiment.analysis.confidence)} intervals over seeds")
    rows = []
    for row in summary.search:
        low, high = row.interval or (None, None)
        rows.append(
            (row.quantity, number(row.mean) if low is None else with_ends(row.mean, low, high))
        )
    return (
        f"evosim search: {experiment.title or experiment.name}",
        lines,
        [("Where it came to", ("quantity", "mean"), rows)],
    )


def text_of(heading: str, lines: Lines, tables: Iterable[Table]) -> str:
    """A few lines of text."""
    out = [heading, *(f"  {line}" for line in lines)]
    for title, headings, rows in tables:
        widths = [max(len(cell) for cell in column) for column in zip(headings, *rows, strict=True)]
        out.append(f"  {title}")
        for row in (headings, *rows):
            cells = (
                cell.ljust(width) if i == 0 else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            out.append("    " + "  ".join(cells).rstrip())
    return "\n".join(out)


def html_of(heading: str, lines: Lines, tables: Iterable[Table]) -> str:
    """Headings, lines and tables as HTML, with escaped text, no scripts and the page's colours."""
    out = [
        '<div class="evosim">',
        (
            f"<p><strong>{escape(heading)}</strong><br/>"
            f"{'<br/>'.join(escape(line) for line in lines)}</p>"
        ),
    ]
    for title, headings, rows in tables:
        out.append(
            "<table><caption"
            f' style="text-align:left;font-weight:bold;padding-top:0.8em">{escape(title)}</caption>'
        )
        out.append(
            "<thead><tr>"
            + "".join(_cell("th", cell, i, COLUMN) for i, cell in enumerate(headings))
            + "</tr></thead><tbody>"
        )
        out += [
            f"<tr>{_cell('th', row[0], 0, ROW)}"
            f"{''.join(_cell('td', cell, 1) for cell in row[1:])}</tr>"
            for row in rows
        ]
        out.append("</tbody></table>")
    return "".join([*out, "</div>"])


def _cell(tag: str, words: str, place: int, more: str = "") -> str:
    side, weight = "left" if place == 0 else "right", "bold" if more == COLUMN else "normal"
    return (
        f'<{tag}{more} style="text-align:{side};font-weight:{weight};padding:0.1em 0.8em 0.1em'
        f' 0">{escape(words)}</{tag}>'
    )


def as_text(thing: Accounted) -> str:
    """An account as text."""
    return text_of(*parts_of(thing))


def as_html(thing: Accounted) -> str:
    """An account as a piece of a page."""
    return html_of(*parts_of(thing))
