"""Text tables of the effects of a sweep's parameters on one quantity."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import polars as pl
from rich import box
from rich.table import Table

from evosim.analysis.intervals import FEWEST
from evosim.runtime.words import count_of
from evosim.sweeps.analysis_tables import Analysis, FitRow, QuantityRow
from evosim.sweeps.factors import short_factors, short_names
from evosim.tables.formatting import Measured, decimals_in, number, power_of, significant, with_ends

MOST_LEVELS = 6
MOST_PAIRS = 6
DIGITS = 3
MODELS = {
    "pairs": "straight, curved and product terms",
    "curved": "straight and curved terms",
    "straight": "straight terms only",
    "none": "no model",
}


def new_table(title: str, *headings: str, left: int = 1) -> Table:
    """An empty table; the first `left` columns are aligned left."""
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


def format_interval(
    mean: float | None,
    low: float | None,
    high: float | None,
    decimals: int | None = None,
    *,
    seeds: int = 0,
) -> str:
    """A mean and its interval.

    Parameters
    ----------
    mean, low, high : float or None
        The mean and the ends of its interval; None where there is none.
    decimals : int or None
        Decimals of the column.
    seeds : int
        Number of seeds, if the interval is missing only where all seeds agree.
    """
    if mean is None:
        return "-"
    if decimals is None:
        decimals = decimals_in([(mean, low, high)])[0]
    if low is None or high is None:
        return number(mean, decimals) + (
            " alike" if seeds >= FEWEST and math.isfinite(mean) else ""
        )
    if low == high:
        return f"{number(mean, decimals)} exact"
    return with_ends(mean, low, high, decimals)


def _triples(frame: pl.DataFrame, *columns: str) -> list[Measured]:
    """A mean and the ends of its interval, from three columns of each row."""
    return [(row[0], row[1], row[2]) for row in frame.select(columns).iter_rows()]


def no_variance(analysis: Analysis, name: str) -> bool:
    """Whether all cells have the same mean, so that there is no variance to divide."""
    return analysis.of("shares", name).is_empty()


def variance_words(row: QuantityRow, confidence: float, *, alike: bool) -> str:
    """How much the cells differ. `alike`: their means are equal."""
    if alike:
        words = "the same mean in every cell"
    elif row.between is None:
        words = "no variance: the squares of these numbers are too large or too small"
    elif row.between > 0.0:
        words = f"standard deviation between cells {significant(row.between**0.5)}"
    else:
        # The estimate is a mean of products of different seeds. It is 0 or less where chance alone
        # explains the differences.
        words = "cells do not differ more than seeds do"
    if not alike and row.between is not None and row.chance is not None:
        words += f", between seeds of a cell {significant(row.chance**0.5)}"
    if reason := no_effect_words(row, confidence):
        words += f": {reason}"
    if row.seeds_left_out:
        words += f"; {row.seeds_left_out} seed{'s' * (row.seeds_left_out > 1)} left out"
    return words


def no_effect_words(row: QuantityRow, confidence: float) -> str:
    """Why no effect was detected, for the screen, figures and reports.

    Parameters
    ----------
    row : QuantityRow
        The row of the quantity.
    confidence : float
        Of the analysis. Its test gives false alarms in at most a share 1 - confidence.

    Returns
    -------
    Empty if an effect was detected, or if all cells are equal.
    """
    if row.told is None and not row.refused:
        seeds = "1 seed was" if row.seeds == 1 else f"{row.seeds} seeds were"
        return f"not tested: {seeds} measured in every cell, the test needs {FEWEST}"
    if row.told is not False or row.p is None:
        return ""
    words = f"no effect detected (p = {row.p:.2g}"
    alpha = 1.0 - confidence
    if row.p_least is not None and row.p_least > alpha:
        few = (
            f"so few seeds cannot give a p below {row.p_least:.2g}, so no effect can be detected at"
            f" {alpha:.2g}"
        )
        return f"{words}; {few}. Run more seeds)"
    return f"{words})"


def effects(analysis: Analysis, name: str) -> Table:
    """Means at the levels of each factor, and the differences from its first level."""
    short = short_factors(analysis.facts.factors)
    seeds = analysis.of("quantities", name)["seeds"].item()
    first = {factor.name: factor.labels[0] for factor in analysis.facts.grid_factors}
    means, contrasts = analysis.of("effects", name), analysis.of("contrasts", name)
    against_first = [
        against == first.get(factor)
        for factor, against in contrasts.select("factor", "against").rows()
    ]
    differences = contrasts.filter(pl.Series(against_first, dtype=pl.Boolean))
    levels = _intervals_by_level(means, "mean", seeds)
    changes = _intervals_by_level(differences, "difference", seeds)
    table = new_table("", "parameter", "level", "mean", "minus the first", left=2)
    for factor in analysis.facts.factors:
        labels = means.filter(pl.col("factor") == factor.name)["level"].to_list()
        for i, level in enumerate(labels):
            if MOST_LEVELS // 2 <= i < len(labels) - MOST_LEVELS // 2:
                if i == MOST_LEVELS // 2:
                    table.add_row("", f"({len(labels) - 2 * (MOST_LEVELS // 2)} more)", "", "")
                continue
            key = factor.name, level
            table.add_row("" if i else short[factor.name], level, levels[key], changes.get(key, ""))
    return table


def _intervals_by_level(frame: pl.DataFrame, column: str, seeds: int) -> dict[tuple[str, str], str]:
    """A value and its interval as text, by factor and level."""
    triples = _triples(frame, column, "low", "high")
    return {
        key: format_interval(*triple, decimals, seeds=seeds)
        for key, triple, decimals in zip(
            frame.select("factor", "level").iter_rows(), triples, decimals_in(triples), strict=True
        )
    }


def shares(analysis: Analysis, name: str) -> Table | None:
    """Shares of the variance between cells: of factors, and of the largest pairs.

    Returns None if there are no shares, or only one factor.
    """
    short = short_factors(analysis.facts.factors)
    rows = analysis.of("shares", name).drop_nulls("share")
    if rows.is_empty() or len(short) < 2:
        return None
    table = new_table("", "share of variance between cells", "alone", "with others")
    for factor, words in short.items():
        own = rows.filter((pl.col("factor") == factor) & pl.col("with").is_null())
        table.add_row(
            words,
            *(share_words(own.filter(pl.col("order") == order)) for order in ("first", "total")),
        )
    together = rows.filter(pl.col("order").is_in(["pair", "higher"])).sort("share", descending=True)
    for i in range(min(MOST_PAIRS, together.height)):
        row = together.slice(i, 1)
        factor, other = row["factor"].item(), row["with"].item()
        words = f"{short[factor]} x {short[other]}" if factor else "three and more together"
        table.add_row(words, share_words(row))
    return table


def share_words(rows: pl.DataFrame) -> str:
    """The share in the first row and its interval, in percent; a dash without a row.

    Parameters
    ----------
    rows : polars.DataFrame
        With the columns `share`, `low` and `high`.

    Returns
    -------
    str
        The share is cut to 0% and 100%, as its interval is; see `within`.
    """
    if rows.is_empty() or rows["share"][0] is None:
        return "-"
    return _share_words(rows["share"][0], rows["low"][0], rows["high"][0])


def _share_words(share: float, low: float | None, high: float | None) -> str:
    # exact, unless both ends were cut to one value
    if low is None or high is None or (high - low < 1e-9 and abs(share - low) < 1e-9):
        return percent(within(share))
    decimals = max(0, -power_of(50.0 * (high - low), 1))
    return (
        f"{percent(within(share), decimals)} [{percent(low, decimals)}, {percent(high, decimals)}]"
    )


def within(share: float) -> float:
    """A share as it is displayed: cut to the range from 0 to 1.

    Parameters
    ----------
    share : float
        As in the tables: unbiased, so that the shares of a whole sum to 1. Chance can make it
        smaller than 0 or larger than 1.
    """
    return min(max(share, 0.0), 1.0)


def percent(value: float, decimals: int = 0) -> str:
    """A share in percent, without a minus before 0."""
    text = f"{value:.{decimals}%}"
    return text.removeprefix("-") if float(text[:-1]) == 0.0 else text


def sampled(analysis: Analysis, name: str, fit: FitRow) -> Table:
    """Effects of the parameters of the design."""
    rows = analysis.of("sampled", name)
    short = short_names(rows["parameter"].unique(maintain_order=True))
    table = new_table(
        _fit_words(fit, has_shares=rows["share"].null_count() < rows.height),
        "parameter",
        "rank correlation",
        "from end to end",
        "share",
    )
    single = rows.filter(pl.col("with").is_null())
    correlations = _design_intervals(_triples(single, "correlation", "low", "high"), 2)
    slopes = _design_intervals(_triples(single, "slope", "slope_low", "slope_high"))
    for parameter, correlation, slope, share in zip(
        single["parameter"], correlations, slopes, _design_shares(single), strict=True
    ):
        table.add_row(short[parameter], correlation, slope, share)
    return table


def _fit_words(fit: FitRow, *, has_shares: bool) -> str:
    """The title: points, model, and how well the model fits."""
    words = f"The design: {count_of(fit.points, 'point')}"
    words += f" ({fit.points_left_out} left out)" if fit.points_left_out else ""
    words += f", {MODELS[fit.model or 'none']}"
    if fit.explained is not None:
        left_out = "-" if fit.predicted is None else number(fit.predicted, 2)
        words += f"; R^2 {number(fit.explained, 2)}, for left-out points {left_out}"
    if fit.told is False:
        return f"{words}; no effect of the terms detected"
    if fit.model != "none" and not has_shares:
        return f"{words}; no shares: chance alone explains the variance of the terms"
    if fit.missed is not None:
        return f"{words}; {percent(within(fit.missed))} of the variance missed"
    return words


def sampled_pairs(analysis: Analysis, name: str) -> Table | None:
    """The largest pairs of parameters of the design, if there are any."""
    rows = analysis.of("sampled", name)
    short = short_names(rows["parameter"].unique(maintain_order=True))
    pairs = rows.filter(pl.col("with").is_not_null()).sort("share", descending=True)
    if pairs.is_empty():
        return None
    table = new_table("", "together", "change of the other's effect", "share")
    largest = pairs.head(MOST_PAIRS)
    slopes = _design_intervals(_triples(largest, "slope", "slope_low", "slope_high"))
    for parameter, other, slope, share in zip(
        largest["parameter"], largest["with"], slopes, _design_shares(largest), strict=True
    ):
        table.add_row(f"{short[parameter]} x {short[other]}", slope, share)
    return table


def _design_intervals(column: Sequence[Measured], digits: int = DIGITS) -> list[str]:
    """Numbers of a design and their intervals. None is exact: other points could be drawn."""
    triples = [
        (mean, None, None) if low == high else (mean, low, high) for mean, low, high in column
    ]
    return [
        format_interval(*triple, decimals)
        for triple, decimals in zip(triples, decimals_in(triples, digits), strict=True)
    ]


def _design_shares(rows: pl.DataFrame) -> list[str]:
    """The share of each row and its interval, in percent."""
    triples: list[tuple[Any, ...]] = rows.select("share", "share_low", "share_high").rows()
    return ["-" if share is None else _share_words(share, *ends) for share, *ends in triples]
