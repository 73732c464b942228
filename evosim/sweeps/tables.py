"""Effects of a sweep's parameters as text tables and sentences."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import polars as pl
from rich import box
from rich.console import Console
from rich.table import Table

from evosim.analysis.factorial import FEWEST_POINTS
from evosim.analysis.intervals import FEWEST, level
from evosim.runtime.text_layout import say
from evosim.runtime.text_layout import show as show_table
from evosim.sweeps.analysis import DESIGN, EXTINCT, SHARES, Analysis, short_factors, short_names
from evosim.tables.formatting import (
    Measured,
    decimals_in,
    decimals_of,
    number,
    power_of,
    significant,
    with_ends,
)

MOST_CELLS, ENDS = 36, 5
MOST_LEVELS = 6
MOST_PAIRS = 6
DIGITS = 3


def show(console: Console, analysis: Analysis, quantities: list[str]) -> None:
    """Print cells, and then the effects on each of some quantities."""
    facts = analysis.facts
    say(console, f"\n{facts['title'] or facts['name']}", style="bold")
    for line in header(facts):
        say(console, line, highlight=False)
    if quantities:
        show_table(console, cells(analysis, quantities))
    for name in quantities:
        _one(console, analysis, name)
    for sentence in sentences(analysis, quantities):
        say(console, f"* {sentence}", hang=2)


def header(facts: dict[str, Any]) -> list[str]:
    """What was analysed, which runs are missing from it, and what intervals are."""
    runs, out = facts["runs"], []
    ended = [
        f"{runs[word]:,} {words}"
        for word, words in (
            (EXTINCT, "died out"),
            ("failed", "failed"),
            ("missing", "not done yet"),
        )
        if runs[word]
    ]
    seeds = f"{facts['replicates']} seeds" if facts["replicates"] > 1 else "1 seed"
    common = "the same in every cell" if facts["seeds"] == "common" else "each cell its own"
    out.append(
        f"{facts['cells']:,} cells, {seeds} ({common}), {runs['planned']:,} runs"
        + (f"; {', '.join(ended)}" if ended else "")
    )
    points = next((factor["levels"] for factor in facts["factors"] if factor["name"] == DESIGN), 0)
    fewest = facts["fewest_seeds"]
    if facts["replicates"] < fewest:
        out.append(
            f"no intervals over seeds: they take {fewest} seeds. Without them no difference between"
            " cells can be told from chance but what is exact."
        )
        if points >= FEWEST_POINTS:
            out.append(
                f"[ ]: {level(facts['confidence'])} intervals over the points of the design, for"
                f" these very seeds: with fewer than {fewest} seeds they know nothing of how seeds"
                " differ"
            )
    else:
        over = "seeds; of the design, over points and seeds" if points else "seeds"
        out.append(
            f"[ ]: {level(facts['confidence'])} intervals over {over}; exact: it belongs to worlds"
            " and grid; alike: all seeds agree, which gives no interval"
        )
    return out


def _table(title: str, *headings: str, left: int = 1) -> Table:
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for i, heading in enumerate(headings):
        table.add_column(heading, justify="left" if i < left else "right")
    return table


def told(
    mean: float | None,
    low: float | None,
    high: float | None,
    decimals: int | None = None,
    *,
    seeds: int = 0,
) -> str:
    """A mean and its interval.

    `decimals`: of its column. `seeds`: of how many it is, if an interval fails only where all
    agree.
    """
    if mean is None:
        return "-"
    decimals = decimals_in([(mean, low, high)])[0] if decimals is None else decimals
    if low is None or high is None:
        return number(mean, decimals) + (
            " alike" if seeds >= FEWEST and math.isfinite(mean) else ""
        )
    if low == high:
        return f"{number(mean, decimals)} exact"
    return with_ends(mean, low, high, decimals)


def _measured(rows: Iterable[dict[str, Any]], *keys: str) -> list[Measured]:
    """Means and ends of intervals of some rows of a table."""
    return [(row[keys[0]], row[keys[1]], row[keys[2]]) for row in rows]


def cells(analysis: Analysis, quantities: list[str], most: int = MOST_CELLS) -> Table:
    """Means of cells: all of them, or of more than `most` those that are lowest and highest by the
    first quantity.
    """
    frame = analysis.tables["cells"].filter(pl.col("quantity").is_in(quantities))
    parameters = [key for factor in analysis.facts["factors"] for key in factor["parameters"]]
    short = short_names(parameters)
    order = frame.filter(pl.col("quantity") == quantities[0]).with_row_index("place")
    total = order.height
    title = "Cells: means over seeds"
    if total > most:
        order = order.drop_nulls("mean").sort("mean", maintain_order=True)
        order = pl.concat([order.head(ENDS), order.tail(ENDS)]).unique("place", maintain_order=True)
        title = f"Cells: the {ENDS} lowest and {ENDS} highest of {total:,} by {quantities[0]}"
    else:
        order = order.sort(parameters, maintain_order=True)
    names = short_quantities(quantities)
    headings = [*(short[key] for key in parameters), "runs", *(names[name] for name in quantities)]
    table = _table(
        title, *(heading.replace("_", " ") for heading in headings), left=len(parameters)
    )
    if analysis.facts["replicates"] >= analysis.facts["fewest_seeds"]:
        table.caption = (
            f"+-: half the interval, which may be skewed; without: exact, fewer than {FEWEST} runs,"
            " or all agree"
        )
        table.caption_justify = "left"
    by_key = {(row["cell"], row["quantity"]): row for row in frame.iter_rows(named=True)}
    rows = order.rows(named=True)
    columns = [[by_key[(row["cell"], name)] for row in rows] for name in quantities]
    decimals = [decimals_in(_measured(column, "mean", "low", "high")) for column in columns]
    for i, row in enumerate(rows):
        values = (
            _of_cell(column[i], row, digits[i])
            for column, digits in zip(columns, decimals, strict=True)
        )
        table.add_row(*(_text(row[key]) for key in parameters), _runs(row), *values)
    return table


def _text(value: Any) -> str:
    return (
        str(value).lower()
        if isinstance(value, bool)
        else f"{value:.4g}"
        if isinstance(value, float)
        else str(value)
    )


def _runs(row: dict[str, Any]) -> str:
    ended = row["complete"] + row[EXTINCT]
    planned = ended + row["failed"] + row["missing"]
    words = [f"{row[EXTINCT]} died"] if row[EXTINCT] else []
    words += [f"{row['failed']} failed"] if row["failed"] else []
    return (f"{ended}" if ended == planned else f"{ended} of {planned}") + (
        f" ({', '.join(words)})" if words else ""
    )


def _of_cell(value: dict[str, Any], row: dict[str, Any], decimals: int) -> str:
    fewer = value["measured"] < row["complete"] + row[EXTINCT] and value["measured"] > 0
    mean, low, high = _measured([value], "mean", "low", "high")[0]
    if mean is None:
        return "-"
    text = number(mean, decimals)
    if decimals_of(mean, low, high) is not None and low is not None and high is not None:
        # Of a share the ends do not lie symmetrically.
        text = (
            with_ends(mean, low, high, decimals)
            if value["quantity"] in SHARES
            else f"{text} +-{number(high / 2.0 - low / 2.0, decimals)}"
        )
    return text + (f" of {value['measured']}" if fewer else "")


def short_quantities(names: list[str]) -> dict[str, str]:
    """Quantities by short names: of the ladder `shift M`, of others the shortest end that no other
    has.
    """
    ends = short_names(names)
    out = {}
    for name in names:
        words = name.split(".")
        out[name] = (
            f"{words[3]} {words[1][0].upper()}".replace("_", " ")
            if words[0] == "ladder"
            else ends[name]
        )
    return out if len(set(out.values())) == len(out) else ends


def _one(console: Console, analysis: Analysis, name: str) -> None:
    """All about one quantity."""
    rows = analysis.tables["quantities"].filter(pl.col("quantity") == name)
    if rows.is_empty():
        return
    facts = rows.row(0, named=True)
    say(console, f"What the parameters do to {name}", style="bold", highlight=False)
    if facts["refused"]:
        say(console, f"  no effects of factors: {facts['refused']}", hang=2)
    else:
        say(
            console,
            f"  {_variance(facts, analysis.facts['confidence'], alike=are_alike(analysis, name))}",
            hang=2,
        )
        if any(f["name"] != DESIGN for f in analysis.facts["factors"]):
            show_table(console, effects(analysis, name))
        if found := shares(analysis, name):
            show_table(console, found)
    fits = analysis.tables["fits"].filter(pl.col("quantity") == name)
    for fit in fits.iter_rows(named=True):
        if fit["refused"]:
            say(console, f"  no effects of the design: {fit['refused']}", hang=2)
            continue
        show_table(console, sampled(analysis, name, fit))
        if more := sampled_pairs(analysis, name):
            show_table(console, more)


def are_alike(analysis: Analysis, name: str) -> bool:
    """Whether the cells of a quantity have one mean.

    Only then there is no variance to be divided into shares.
    """
    return analysis.tables["shares"].filter(pl.col("quantity") == name).is_empty()


def _variance(facts: dict[str, Any], confidence: float, *, alike: bool) -> str:
    """How much cells differ; `alike` says that their means do not."""
    if alike:
        out = "the same mean in every cell"
    elif facts["between"] is None:
        out = (
            "the squares of these numbers are too large or too small to be held, so that no"
            " variance is given"
        )
    else:
        # The variance is a mean of products of different seeds. It is 0 or less where chance alone
        # gives such differences.
        none = "differences between cells are not larger than chance between seeds gives"
        out = (
            f"standard deviation between cells {significant(facts['between'] ** 0.5)}"
            if facts["between"] > 0.0
            else none
        )
        out += (
            f", between seeds of a cell {significant(facts['chance'] ** 0.5)}"
            if facts["chance"] is not None
            else ""
        )
    untold = not_told(facts, confidence)
    return (
        out
        + (f": {untold}" if untold else "")
        + (
            f"; {facts['seeds_left_out']} seed{'s' if facts['seeds_left_out'] > 1 else ''} left out"
            if facts["seeds_left_out"]
            else ""
        )
    )


def not_told(facts: dict[str, Any], confidence: float) -> str:
    """Why no effect is told from chance, as words for the screen, figures and reports.

    Parameters
    ----------
    facts : dict
        A row of the table `quantities`.
    confidence : float
        Of the analysis: its test gives false alarms in at most 1 - confidence.

    Returns
    -------
    str
        Empty where there is an effect, or where all cells are the same.
    """
    if facts["told"] is None and not facts["refused"]:
        seeds = "1 seed was" if facts["seeds"] == 1 else f"{facts['seeds']} seeds were"
        return (
            f"{seeds} measured in every cell, too few to tell an effect from chance, which takes"
            f" {FEWEST}"
        )
    if facts["told"] is not False or facts["p"] is None:
        return ""
    words = f"that there is any effect cannot be told from chance (p = {facts['p']:.2g}"
    alpha = 1.0 - confidence
    if facts["p_least"] > alpha:
        few = (
            f"these few seeds give no p below {facts['p_least']:.2g}, so that no effect can be"
            f" detected at {alpha:.2g}"
        )
        return f"{words}; {few}. Take more seeds)"
    return f"{words})"


def effects(analysis: Analysis, name: str) -> Table:
    """Each factor: means at its levels over all others, and the change from the first level."""
    short = short_factors(analysis.facts["factors"])
    effects, contrasts = (
        analysis.tables[t].filter(pl.col("quantity") == name) for t in ("effects", "contrasts")
    )
    seeds = analysis.tables["quantities"].filter(pl.col("quantity") == name)["seeds"].item()
    table = _table("", "parameter", "level", "mean", "minus the first", left=2)
    first = {
        factor["name"]: factor["levels"][0]
        for factor in analysis.facts["factors"]
        if factor["name"] != DESIGN
    }
    means, differences = (
        effects.rows(named=True),
        [
            row
            for row in contrasts.iter_rows(named=True)
            if row["against"] == first.get(row["factor"])
        ],
    )
    changes: dict[tuple[str, str], str] = {}
    levels: dict[tuple[str, str], str] = {}
    for rows, middle, words in ((means, "mean", levels), (differences, "difference", changes)):
        decimals = decimals_in(_measured(rows, middle, "low", "high"))
        for row, digits in zip(rows, decimals, strict=True):
            words[row["factor"], row["level"]] = told(
                row[middle], row["low"], row["high"], digits, seeds=seeds
            )
    for factor in analysis.facts["factors"]:
        mine = [row for row in means if row["factor"] == factor["name"]]
        for i, row in enumerate(mine):
            if MOST_LEVELS // 2 <= i < len(mine) - MOST_LEVELS // 2:
                if i == MOST_LEVELS // 2:
                    table.add_row("", f"({len(mine) - 2 * (MOST_LEVELS // 2)} more)", "", "")
                continue
            key = row["factor"], row["level"]
            table.add_row(
                "" if i else short[factor["name"]], row["level"], levels[key], changes.get(key, "")
            )
    return table


def shares(analysis: Analysis, name: str) -> Table | None:
    """Shares of the variance between cells: of each factor, and of the largest pairs; nothing where
    none can be told.
    """
    short = short_factors(analysis.facts["factors"])
    rows = analysis.tables["shares"].filter(pl.col("quantity") == name).drop_nulls("share")
    if rows.is_empty() or len(short) < 2:
        return None
    table = _table("", "share of variance between cells", "alone", "with others")
    for factor, words in short.items():
        mine = rows.filter((pl.col("factor") == factor) & pl.col("with").is_null())
        table.add_row(
            words,
            *(share_words(mine.filter(pl.col("order") == order)) for order in ("first", "total")),
        )
    together = rows.filter(pl.col("order").is_in(["pair", "higher"])).sort("share", descending=True)
    for row in together.head(MOST_PAIRS).iter_rows(named=True):
        words = (
            f"{short[row['factor']]} x {short[row['with']]}"
            if row["factor"]
            else "three and more together"
        )
        table.add_row(words, share_words(pl.DataFrame([row])))
    return table


def share_words(rows: pl.DataFrame) -> str:
    """The share in the first row and its interval, in percent; a dash without a row.

    Parameters
    ----------
    rows : polars.DataFrame
        Columns `share`, `low`, `high`, as the tables have them.

    Returns
    -------
    str
        The share is cut to 0% and 100%, as its interval is (`within`).
    """
    if rows.is_empty() or rows["share"][0] is None:
        return "-"
    share, low, high = rows["share"][0], rows["low"][0], rows["high"][0]
    # Exact, unless both ends were cut to one
    if low is None or (high - low < 1e-9 and abs(share - low) < 1e-9):
        return _percent(within(share))
    decimals = max(0, -power_of(50.0 * (high - low), 1))
    return (
        f"{_percent(within(share), decimals)} [{_percent(low, decimals)},"
        f" {_percent(high, decimals)}]"
    )


def within(share: float) -> float:
    """A share as it is shown: from 0 to 1.

    Parameters
    ----------
    share : float
        As the tables have it: without a bias, so that the shares of a whole sum to 1. Chance can
        bring it below 0 or above 1.

    Returns
    -------
    float
        The same, cut to 0 and 1, which no true share is beyond.
    """
    return min(max(share, 0.0), 1.0)


def _percent(value: float, decimals: int = 0) -> str:
    text = f"{value:.{decimals}%}"
    return text.removeprefix("-") if float(text[:-1]) == 0.0 else text


def sampled(analysis: Analysis, name: str, fit: dict[str, Any]) -> Table:
    """Parameters of the design."""
    rows = analysis.tables["sampled"].filter(pl.col("quantity") == name)
    short = short_names(rows["parameter"].unique(maintain_order=True))
    model = {
        "pairs": "straight, curved and product terms",
        "curved": "straight and curved terms",
        "straight": "straight terms alone",
        "none": "no model",
    }[fit["model"]]
    quality = (
        f"; R^2 {number(fit['explained'], 2)}, of points left out {number(fit['predicted'], 2)}"
        if fit["explained"] is not None
        else ""
    )
    if fit["told"] is False:
        quality += "; that the terms explain anything cannot be told from chance"
    elif fit["model"] != "none" and rows["share"].null_count() == rows.height:
        quality += "; no shares: chance alone could make the terms' variance"
    elif fit["missed"] is not None:
        quality += f"; {_percent(within(fit['missed']))} of the variance missed"
    left = f" ({fit['points_left_out']} left out)" if fit["points_left_out"] else ""
    table = _table(
        f"The design: {fit['points']} points{left}, {model}{quality}",
        "parameter",
        "rank correlation",
        "from end to end",
        "share",
    )
    single = rows.filter(pl.col("with").is_null()).rows(named=True)
    correlations, slopes = (
        _drawn(_measured(single, "correlation", "low", "high"), 2),
        _drawn(_measured(single, "slope", "slope_low", "slope_high")),
    )
    for row, correlation, slope in zip(single, correlations, slopes, strict=True):
        table.add_row(short[row["parameter"]], correlation, slope, _of_box(row))
    return table


def sampled_pairs(analysis: Analysis, name: str) -> Table | None:
    """The largest pairs of parameters of the design."""
    rows = analysis.tables["sampled"].filter(pl.col("quantity") == name)
    short = short_names(rows["parameter"].unique(maintain_order=True))
    pairs = rows.filter(pl.col("with").is_not_null()).sort("share", descending=True)
    if pairs.is_empty():
        return None
    table = _table("", "together", "what one adds to the other's", "share")
    largest = pairs.head(MOST_PAIRS).rows(named=True)
    for row, slope in zip(
        largest, _drawn(_measured(largest, "slope", "slope_low", "slope_high")), strict=True
    ):
        table.add_row(f"{short[row['parameter']]} x {short[row['with']]}", slope, _of_box(row))
    return table


def _drawn(column: list[Measured], usual: int = DIGITS) -> list[str]:
    """Numbers of a design and their intervals.

    None is exact, because other points could be drawn.
    """
    without = [
        (mean, None, None) if low == high else (mean, low, high) for mean, low, high in column
    ]
    return [
        told(*row, decimals)
        for row, decimals in zip(without, decimals_in(without, usual), strict=True)
    ]


def _of_box(row: dict[str, Any]) -> str:
    ends = {"share": pl.Float64, "low": pl.Float64, "high": pl.Float64}
    return share_words(
        pl.DataFrame(
            {"share": [row["share"]], "low": [row["share_low"]], "high": [row["share_high"]]},
            schema=ends,
        )
    )


def sentences(analysis: Analysis, quantities: list[str]) -> list[str]:
    """What a reader must know of these numbers."""
    facts, out = analysis.facts, []
    asked = analysis.tables["quantities"].filter(pl.col("quantity").is_in(quantities))
    if facts["runs"][EXTINCT] and (
        asked["seeds_left_out"].sum() or asked["refused"].drop_nulls().len()
    ):
        out.append(
            f"{facts['runs'][EXTINCT]:,} runs died out, and those that did before the swap have no"
            " rung. Effects are of the seeds that were measured in every cell, which are the lucky"
            f" ones; '--of {EXTINCT}' shows what makes populations die out."
        )
    if facts["runs"]["failed"]:
        out.append(
            f"{facts['runs']['failed']:,} runs failed and are not in any mean; 'evosim sweep run"
            " ... --retry-failed' computes them again."
        )
    if facts["runs"]["missing"]:
        out.append(f"{facts['runs']['missing']:,} runs are not done yet.")
    names = [f["name"] for f in facts["factors"]]
    if len(names) > 1:
        out.append(
            "Means at a level are over all levels of the other parameters, weighted alike; shares"
            " are of the variance between cells of this sweep, and of no other range."
        )
    if facts["replicates"] >= facts["fewest_seeds"]:
        out.append(
            "Each interval speaks for itself: of twenty effects that are none, about one looks like"
            " one. The measured rates are in docs/sweeps.md."
        )
    return out
