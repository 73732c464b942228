"""Text tables and sentences about an analysed sweep."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from rich.console import Console
from rich.table import Table

from evosim.analysis.intervals import FEWEST, level
from evosim.analysis.least_squares import FEWEST_POINTS
from evosim.runtime.text_layout import say
from evosim.runtime.text_layout import show as show_table
from evosim.runtime.words import count_of
from evosim.sweeps.analysis_tables import (
    EXTINCT,
    SHARES,
    Analysis,
    AnalysisFacts,
    CellRow,
    RunCounts,
    cell_rows,
)
from evosim.sweeps.effect_tables import (
    effects,
    new_table,
    no_variance,
    sampled,
    sampled_pairs,
    shares,
    variance_words,
)
from evosim.sweeps.factors import short_names
from evosim.sweeps.queries import chosen, constant_losses
from evosim.tables.formatting import decimals_in, decimals_of, number, with_ends

MOST_CELLS, ENDS = 36, 5
STATUS_WORDS = {EXTINCT: "died out", "failed": "failed", "missing": "not done"}


def show(console: Console, analysis: Analysis, quantities: list[str]) -> None:
    """Print the cells, then the effects on each of some quantities."""
    facts = analysis.facts
    say(console, f"\n{facts.title or facts.name}", style="bold")
    for line in header(facts):
        say(console, line, highlight=False)
    if quantities:
        show_table(console, cells(analysis, quantities))
    for name in quantities:
        _show_quantity(console, analysis, name)
    for sentence in sentences(analysis, quantities):
        say(console, f"* {sentence}", indent=2)


def unfinished_words(runs: RunCounts) -> str:
    """Runs that died out, failed or are not done, in words; empty if there are none."""
    return ", ".join(f"{count:,} {STATUS_WORDS[word]}" for word, count in runs.unfinished())


def header(facts: AnalysisFacts) -> list[str]:
    """Lines that name the analysed runs, the missing runs, and the kind of intervals."""
    seeds = count_of(facts.replicates, "seed")
    common = "the same in every cell" if facts.seeds == "common" else "different in every cell"
    unfinished = unfinished_words(facts.runs)
    lines = [
        f"{count_of(facts.cells, 'cell')}, {seeds} ({common}),"
        f" {count_of(facts.runs.planned, 'run')}" + (f"; {unfinished}" if unfinished else "")
    ]
    confidence = level(facts.confidence)
    if facts.has_intervals:
        over = "seeds; design: over points and seeds" if facts.points else "seeds"
        lines.append(
            f"[ ]: {confidence} intervals over {over}; exact: depends on no seed; alike: all seeds"
            " agree, no interval"
        )
        return lines
    lines.append(
        f"no intervals over seeds: they need {facts.fewest_seeds} seeds. Only exact differences"
        " between cells can be trusted."
    )
    if facts.points >= FEWEST_POINTS:
        lines.append(
            f"[ ]: {confidence} intervals over the points of the design, for these seeds only. They"
            f" do not include differences between seeds, which need {facts.fewest_seeds} seeds."
        )
    return lines


def cells(analysis: Analysis, quantities: list[str], most: int = MOST_CELLS) -> Table:
    """Means of cells.

    Parameters
    ----------
    analysis : Analysis
        The analysis.
    quantities : list[str]
        The columns.
    most : int
        If there are more cells, the table has those with the lowest and highest values of the
        first quantity.
    """
    parameters = [key for factor in analysis.facts.factors for key in factor.parameters]
    frame = analysis.tables["cells"].filter(pl.col("quantity").is_in(quantities))
    first = frame.filter(pl.col("quantity") == quantities[0]).with_row_index("place")
    title = "Cells: means over seeds"
    if first.height > most:
        title = f"Cells: the {ENDS} lowest and {ENDS} highest of {first.height:,} by"
        title += f" {quantities[0]}"
        first = first.drop_nulls("mean").sort("mean", maintain_order=True)
        first = pl.concat([first.head(ENDS), first.tail(ENDS)]).unique("place", maintain_order=True)
    else:
        first = first.sort(parameters, maintain_order=True)
    table = _empty_cells_table(analysis, title, parameters, quantities)
    by_key = {(row.cell, row.quantity): row for row in cell_rows(frame)}
    rows = cell_rows(first)
    columns = [[by_key[row.cell, name] for row in rows] for name in quantities]
    decimals = [
        decimals_in([(value.mean, value.low, value.high) for value in column]) for column in columns
    ]
    # A sweep of one cell has no parameters, and a frame without columns has no rows.
    settings_of = first.select(parameters).rows() if parameters else [()] * len(rows)
    for i, (row, settings) in enumerate(zip(rows, settings_of, strict=True)):
        values = (
            _cell_words(column[i], row, digits[i])
            for column, digits in zip(columns, decimals, strict=True)
        )
        table.add_row(*map(_setting_words, settings), _run_words(row), *values)
    return table


def _empty_cells_table(
    analysis: Analysis, title: str, parameters: list[str], quantities: list[str]
) -> Table:
    short, names = short_names(parameters), short_quantities(quantities)
    headings = [*(short[key] for key in parameters), "runs", *(names[name] for name in quantities)]
    readable = (heading.replace("_", " ") for heading in headings)
    table = new_table(title, *readable, left=len(parameters))
    if analysis.facts.has_intervals:
        table.caption = (
            "+-: half the width of the interval, which may be skewed; without +-: exact, fewer than"
            f" {FEWEST} runs, or all seeds agree"
        )
        table.caption_justify = "left"
    return table


def _setting_words(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _run_words(row: CellRow) -> str:
    """How many runs of a cell ended, and how."""
    words = [f"{row.extinct} died"] if row.extinct else []
    words += [f"{row.failed} failed"] if row.failed else []
    text = f"{row.ended}" if row.ended == row.planned else f"{row.ended} of {row.planned}"
    return text + (f" ({', '.join(words)})" if words else "")


def _cell_words(value: CellRow, row: CellRow, decimals: int) -> str:
    """A mean, half its interval, and the number of runs if it was not measured in all."""
    if value.mean is None:
        return "-"
    text = number(value.mean, decimals)
    known = decimals_of(value.mean, value.low, value.high) is not None
    if known and value.low is not None and value.high is not None:
        # the interval of a share is not symmetric
        text = (
            with_ends(value.mean, value.low, value.high, decimals)
            if value.quantity in SHARES
            else f"{text} +-{number(value.high / 2.0 - value.low / 2.0, decimals)}"
        )
    return text + (f" of {value.measured}" if 0 < value.measured < row.ended else "")


def short_quantities(names: Sequence[str]) -> dict[str, str]:
    """Short names: `shift M` for a loss or a step of the ladder, else the shortest unique end."""
    ends = short_names(names)
    out = {}
    for name in names:
        words = name.split(".")
        out[name] = (
            f"{words[-1]} {words[1][0].upper()}".replace("_", " ")
            if words[0] in ("ladder", "losses")
            else ends[name]
        )
    return out if len(set(out.values())) == len(out) else ends


def _show_quantity(console: Console, analysis: Analysis, name: str) -> None:
    """Print everything about one quantity."""
    row = analysis.quantity(name)
    if row is None:
        return
    say(console, f"Effects of the parameters on {name}", style="bold", highlight=False)
    if row.refused:
        say(console, f"  no effects of factors: {row.refused}", indent=2)
    else:
        words = variance_words(row, analysis.facts.confidence, alike=no_variance(analysis, name))
        say(console, f"  {words}", indent=2)
        if analysis.facts.grid_factors:
            show_table(console, effects(analysis, name))
        if table := shares(analysis, name):
            show_table(console, table)
    for fit in analysis.fits(name):
        if fit.refused:
            say(console, f"  no effects of the design: {fit.refused}", indent=2)
            continue
        show_table(console, sampled(analysis, name, fit))
        if table := sampled_pairs(analysis, name):
            show_table(console, table)


def sentences(analysis: Analysis, quantities: list[str]) -> list[str]:
    """Warnings that a reader needs to judge these numbers."""
    facts, out = analysis.facts, []
    if (same := constant_losses(analysis)) and quantities == chosen(analysis, []):
        values = ", ".join(f"{name} {number(value)}" for name, value in same.items())
        out.append(f"The same in all cells: {values}.")
    rows = analysis.tables["quantities"].filter(pl.col("quantity").is_in(quantities))
    left_out = rows["seeds_left_out"].sum() or rows["refused"].drop_nulls().len()
    if facts.runs.extinct and left_out:
        out.append(
            f"{count_of(facts.runs.extinct, 'run')} died out. Those that died out before the change"
            " of world"
            " have no rungs. Effects use only seeds that were measured in every cell, so they are"
            f" biased to lucky seeds. To see causes of extinction, give '--of {EXTINCT}'."
        )
    if facts.runs.failed:
        out.append(
            f"{count_of(facts.runs.failed, 'run')} failed, and no mean includes failed runs."
            " Compute them again: 'evosim"
            " sweep run ... --retry-failed'."
        )
    if facts.runs.missing:
        out.append(f"{count_of(facts.runs.missing, 'run is', 'runs are')} not done.")
    if len(facts.factors) > 1:
        out.append(
            "The mean at a level weights all levels of the other parameters alike. Shares are of"
            " the variance between the cells of this sweep, for its ranges only."
        )
    if facts.has_intervals:
        out.append(
            "Not corrected for multiple comparisons: expect 1 false alarm in 20. The measured rates"
            " are in docs/sweeps.md."
        )
    return out
