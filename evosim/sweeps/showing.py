"""Showing: what a sweep's parameters do, as tables and sentences a person can read."""

from __future__ import annotations

from typing import Any

import polars as pl
from rich import box
from rich.console import Console
from rich.table import Table

from evosim.analysis.intervals import FEWEST, level
from evosim.layout import say
from evosim.layout import show as show_table
from evosim.screen import number
from evosim.sweeps.effects import DESIGN, EXTINCT, SHARES, Analysis, short_factors, short_names

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
    ended = [f"{runs[word]:,} {words}" for word, words in ((EXTINCT, "died out"), ("failed", "failed"), ("missing", "not done yet")) if runs[word]]
    seeds = f"{facts['replicates']} seeds" if facts["replicates"] > 1 else "1 seed"
    common = "the same in every cell" if facts["seeds"] == "common" else "each cell its own"
    out.append(f"{facts['cells']:,} cells, {seeds} ({common}), {runs['planned']:,} runs" + (f"; {', '.join(ended)}" if ended else ""))
    if facts["replicates"] < facts["fewest_seeds"]:
        out.append(f"no intervals: they take {facts['fewest_seeds']} seeds. Without them nothing here can be told from chance but what is exact.")
    else:
        out.append(f"[ ]: {level(facts['confidence'])} intervals over seeds; exact: it belongs to worlds and grid; alike: all seeds agree, which gives no interval")
    return out


def _table(title: str, *headings: str, left: int = 1) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for i, heading in enumerate(headings):
        table.add_column(heading, justify="left" if i < left else "right")
    return table


def told(mean: float | None, low: float | None, high: float | None, digits: int = DIGITS, *, seeds: int = 0) -> str:
    """A mean and its interval. `seeds`: of how many it is, if an interval fails only where all agree."""
    if mean is None:
        return "-"
    digits = digits if abs(mean) < 100 else 1
    if low is None or high is None:
        return number(mean, digits) + (" alike" if seeds >= FEWEST else "")
    if low == high:
        return f"{number(mean, digits)} exact"
    return f"{number(mean, digits)} [{number(low, digits)}, {number(high, digits)}]"


def cells(analysis: Analysis, quantities: list[str], most: int = MOST_CELLS) -> Table:
    """Means of cells: all of them, or of more than `most` those that are lowest and highest by the first quantity."""
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
    table = _table(title, *(heading.replace("_", " ") for heading in headings), left=len(parameters))
    if analysis.facts["replicates"] >= analysis.facts["fewest_seeds"]:
        table.caption = f"+-: half the interval, which may be skewed; without: exact, fewer than {FEWEST} runs, or all agree"
        table.caption_justify = "left"
    by_key = {(row["cell"], row["quantity"]): row for row in frame.iter_rows(named=True)}
    for row in order.iter_rows(named=True):
        values = [by_key[(row["cell"], name)] for name in quantities]
        table.add_row(*(_text(row[key]) for key in parameters), _runs(row), *(_of_cell(value, row) for value in values))
    return table


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:.4g}" if isinstance(value, float) else str(value)


def _runs(row: dict[str, Any]) -> str:
    ended = row["complete"] + row[EXTINCT]
    planned = ended + row["failed"] + row["missing"]
    words = [f"{row[EXTINCT]} died"] if row[EXTINCT] else []
    words += [f"{row['failed']} failed"] if row["failed"] else []
    return (f"{ended}" if ended == planned else f"{ended} of {planned}") + (f" ({', '.join(words)})" if words else "")


def _of_cell(value: dict[str, Any], row: dict[str, Any]) -> str:
    fewer = value["measured"] < row["complete"] + row[EXTINCT] and value["measured"] > 0
    if value["mean"] is None:
        return "-"
    text = number(value["mean"], DIGITS)
    if value["low"] is not None and value["low"] < value["high"]:
        ends = [number(value[end], 2) for end in ("low", "high")]
        half = f"+-{number((value['high'] - value['low']) / 2.0, DIGITS)}"
        text += f" [{', '.join(ends)}]" if value["quantity"] in SHARES else f" {half}"  # of a share they are not symmetric
    return text + (f" of {value['measured']}" if fewer else "")


def short_quantities(names: list[str]) -> dict[str, str]:
    """Quantities by short names: of the ladder `shift M`, of others the shortest end that no other has."""
    ends = short_names(names)
    out = {}
    for name in names:
        words = name.split(".")
        out[name] = f"{words[3]} {words[1][0].upper()}".replace("_", " ") if words[0] == "ladder" else ends[name]
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
        say(console, f"  {_variance(facts, analysis.facts['confidence'])}", hang=2)
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


def _variance(facts: dict[str, Any], confidence: float) -> str:
    if facts["told"] is False and facts["p"] is None:  # only where nothing differed was nothing tested
        left_out = f"; {facts['seeds_left_out']} seeds left out" if facts["seeds_left_out"] else ""
        return f"the same mean in every cell{left_out}"
    # The variance is a mean of products of different seeds. It is 0 or less where chance alone gives such differences.
    none = "differences between cells are not larger than chance between seeds gives"
    out = (f"standard deviation between cells {number(facts['between'] ** 0.5, 4)}" if facts["between"] > 0.0 else none) + (f", between seeds of a cell {number(facts['chance'] ** 0.5, 4)}" if facts["chance"] is not None else "")
    untold = not_told(facts, confidence)
    return out + (f": {untold}" if untold else "") + (f"; {facts['seeds_left_out']} seeds left out" if facts["seeds_left_out"] else "")


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
        return f"{seeds} measured in every cell, too few to tell an effect from chance, which takes {FEWEST}"
    if facts["told"] is not False or facts["p"] is None:
        return ""
    words = f"that there is any effect cannot be told from chance (p = {facts['p']:.2g}"
    alpha = 1.0 - confidence
    if facts["p_least"] > alpha:
        few = f"these few seeds give no p below {facts['p_least']:.2g}, so that no effect can be detected at {alpha:.2g}"
        return f"{words}; {few}. Take more seeds)"
    return f"{words})"


def effects(analysis: Analysis, name: str) -> Table:
    """Each factor: means at its levels over all others, and the change from the first level."""
    short = short_factors(analysis.facts["factors"])
    effects, contrasts = (analysis.tables[t].filter(pl.col("quantity") == name) for t in ("effects", "contrasts"))
    seeds = analysis.tables["quantities"].filter(pl.col("quantity") == name)["seeds"].item()
    table = _table("", "parameter", "level", "mean", "minus the first", left=2)
    for factor in analysis.facts["factors"]:
        rows = effects.filter(pl.col("factor") == factor["name"]).rows(named=True)
        against = contrasts.filter((pl.col("factor") == factor["name"]) & (pl.col("against") == factor["levels"][0])) if rows else contrasts.clear()
        changes = {row["level"]: told(row["difference"], row["low"], row["high"], seeds=seeds) for row in against.iter_rows(named=True)}
        for i, row in enumerate(rows):
            if MOST_LEVELS // 2 <= i < len(rows) - MOST_LEVELS // 2:
                if i == MOST_LEVELS // 2:
                    table.add_row("", f"({len(rows) - 2 * (MOST_LEVELS // 2)} more)", "", "")
                continue
            words = told(row["mean"], row["low"], row["high"], seeds=seeds)
            table.add_row("" if i else short[factor["name"]], row["level"], words, changes.get(row["level"], ""))
    return table


def shares(analysis: Analysis, name: str) -> Table | None:
    """Shares of the variance between cells: of each factor, and of the largest pairs; nothing where none can be told."""
    short = short_factors(analysis.facts["factors"])
    rows = analysis.tables["shares"].filter(pl.col("quantity") == name).drop_nulls("share")
    if rows.is_empty() or len(short) < 2:
        return None
    table = _table("", "share of variance between cells", "alone", "with others")
    for factor, words in short.items():
        mine = rows.filter((pl.col("factor") == factor) & pl.col("with").is_null())
        table.add_row(words, *(share_words(mine.filter(pl.col("order") == order)) for order in ("first", "total")))
    together = rows.filter(pl.col("order").is_in(["pair", "higher"])).sort("share", descending=True)
    for row in together.head(MOST_PAIRS).iter_rows(named=True):
        words = f"{short[row['factor']]} x {short[row['with']]}" if row["factor"] else "three and more together"
        table.add_row(words, share_words(pl.DataFrame([row])))
    return table


def share_words(rows: pl.DataFrame) -> str:
    """The share in the first row and its interval, in percent; a dash without a row."""
    if rows.is_empty() or rows["share"][0] is None:
        return "-"
    share, low, high = rows["share"][0], rows["low"][0], rows["high"][0]
    text = _percent(share)
    return text if low is None or high - low < 1e-9 else f"{text} [{_percent(low)}, {_percent(high)}]"


def _percent(value: float) -> str:
    text = f"{value:.0%}"
    return text.removeprefix("-") if text == "-0%" else text


def sampled(analysis: Analysis, name: str, fit: dict[str, Any]) -> Table:
    """Parameters of the design."""
    rows = analysis.tables["sampled"].filter(pl.col("quantity") == name)
    short = short_names(rows["parameter"].unique(maintain_order=True))
    model = {
        "pairs": "straight, curved and product terms", "curved": "straight and curved terms", "straight": "straight terms alone", "none": "no model",
    }[fit["model"]]  # fmt: skip
    quality = f"; R^2 {number(fit['explained'], 2)}, of points left out {number(fit['predicted'], 2)}" if fit["explained"] is not None else ""
    if fit["told"] is False:
        quality += "; that the terms explain anything cannot be told from chance"
    elif fit["model"] != "none" and rows["share"].null_count() == rows.height:
        quality += "; no shares: chance alone could make the terms' variance"
    elif fit["missed"] is not None:
        quality += f"; {_percent(fit['missed'])} of the variance missed"
    left = f" ({fit['points_left_out']} left out)" if fit["points_left_out"] else ""
    table = _table(f"The design: {fit['points']} points{left}, {model}{quality}", "parameter", "rank correlation", "from end to end", "share")
    for row in rows.filter(pl.col("with").is_null()).iter_rows(named=True):
        correlation = _drawn(row["correlation"], row["low"], row["high"], 2)
        table.add_row(short[row["parameter"]], correlation, _drawn(row["slope"], row["slope_low"], row["slope_high"]), _of_box(row))
    return table


def sampled_pairs(analysis: Analysis, name: str) -> Table | None:
    """The largest pairs of parameters of the design."""
    rows = analysis.tables["sampled"].filter(pl.col("quantity") == name)
    short = short_names(rows["parameter"].unique(maintain_order=True))
    pairs = rows.filter(pl.col("with").is_not_null()).sort("share", descending=True)
    if pairs.is_empty():
        return None
    table = _table("", "together", "what one adds to the other's", "share")
    for row in pairs.head(MOST_PAIRS).iter_rows(named=True):
        words = f"{short[row['parameter']]} x {short[row['with']]}"
        table.add_row(words, _drawn(row["slope"], row["slope_low"], row["slope_high"]), _of_box(row))
    return table


def _drawn(mean: float | None, low: float | None, high: float | None, digits: int = DIGITS) -> str:
    """A number of a design and its interval. It is never exact, because other points could be drawn."""
    return told(mean, *((None, None) if low == high else (low, high)), digits)


def _of_box(row: dict[str, Any]) -> str:
    ends = {"share": pl.Float64, "low": pl.Float64, "high": pl.Float64}
    return share_words(pl.DataFrame({"share": [row["share"]], "low": [row["share_low"]], "high": [row["share_high"]]}, schema=ends))


def sentences(analysis: Analysis, quantities: list[str]) -> list[str]:
    """What a reader must know of these numbers."""
    facts, out = analysis.facts, []
    asked = analysis.tables["quantities"].filter(pl.col("quantity").is_in(quantities))
    if facts["runs"][EXTINCT] and (asked["seeds_left_out"].sum() or asked["refused"].drop_nulls().len()):
        out.append(
            f"{facts['runs'][EXTINCT]:,} runs died out, and those that did before the swap have no rung. Effects are of the seeds that were measured in "
            f"every cell, which are the lucky ones; '--of {EXTINCT}' shows what makes populations die out."
        )
    if facts["runs"]["failed"]:
        out.append(f"{facts['runs']['failed']:,} runs failed and are not in any mean; 'evosim sweep run ... --retry-failed' computes them again.")
    if facts["runs"]["missing"]:
        out.append(f"{facts['runs']['missing']:,} runs are not done yet.")
    names = [f["name"] for f in facts["factors"]]
    if len(names) > 1:
        out.append("Means at a level are over all levels of the other parameters, weighted alike; shares are of the variance between cells of this sweep, and of no other range.")
    if facts["replicates"] >= facts["fewest_seeds"]:
        out.append("Each interval speaks for itself: of twenty effects that are none, about one looks like one. The measured rates are in docs/sweeps.md.")
    return out
