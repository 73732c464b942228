"""Near ties: fitness in M of genomes that are nearly the best in A."""

from __future__ import annotations

from typing import Any

import altair as alt
import polars as pl

from evosim.figures.inputs import Source, intent_differs, unit_of_payoff
from evosim.figures.theme import ANCESTRAL, MODERN, WIDTH, themed
from evosim.runtime.words import count_of

STEP, ACROSS = 34, 1.4 * WIDTH


def format_tolerance(tolerance: float) -> str:
    """A tolerance in words."""
    return "equal to the best" if tolerance == 0.0 else f"within {100 * tolerance:.3g}%"


def ties(
    table: pl.DataFrame,
    best: float,
    population: float | None,
    unit: str,
    best_of: str = "best genome for M",
) -> Any:
    """One bar per tolerance, from the least to the largest fitness in M.

    Labels give the number of genomes and of behaviours. `table` is the account's table. `best` is
    the fitness of R2 (`best_of` is its name), `population` that of the population at the swap.
    """
    frame = _labelled(table)
    order = frame["how near"].to_list()
    ends = [
        0.0,
        best,
        *frame["modern_max"],
        *frame["modern_min"],
        *([] if population is None else [population]),
    ]
    scale = alt.Scale(
        domain=[min(ends), max(ends) + 0.04 * (max(ends) - min(ends) or 1.0)], nice=False
    )
    y = alt.Y(
        "how near:N",
        sort=order,
        title="fitness in A",
        axis=alt.Axis(grid=False, ticks=False, labelLimit=200),
    )
    tips = [
        alt.Tooltip("how near:N", title="in A"),
        alt.Tooltip("classes:Q", title="genomes"),
        alt.Tooltip("behaviours:Q", title="behaviours in A"),
        alt.Tooltip("modern_min:Q", title="least in M", format=".4f"),
        alt.Tooltip("class_modern_min:Q", title="by class"),
        alt.Tooltip("modern_max:Q", title="most in M", format=".4f"),
        alt.Tooltip("class_modern_max:Q", title="by class"),
    ]
    base = alt.Chart(frame)
    x = alt.X(
        "modern_min:Q",
        title=f"value in M ({unit})",
        scale=scale,
        axis=alt.Axis(tickCount=6, labelOverlap="parity"),
    )
    bars = base.mark_rule(strokeWidth=7, color="#9A9A9A").encode(
        x, alt.X2("modern_max:Q"), y, tooltip=tips
    )
    ticks = [
        base.mark_tick(thickness=2.5, size=20, color="#222222").encode(
            alt.X(f"{c}:Q", scale=scale), y, tooltip=tips
        )
        for c in ("modern_min", "modern_max")
    ]
    text = base.mark_text(align="left", dx=8, fontSize=10.5).encode(
        y, alt.Text("words:N"), x=alt.value("width")
    )
    rules = _rules(best, best_of, population, scale)
    return alt.layer(rules, bars, *ticks, text).properties(width=ACROSS, height=STEP * len(order))


def _labelled(table: pl.DataFrame) -> pl.DataFrame:
    """The account's table with tolerances and counts in words."""
    count = pl.format(
        "{} {}, {} {}",
        pl.col("classes"),
        pl.when(pl.col("classes") == 1).then(pl.lit("genome")).otherwise(pl.lit("genomes")),
        pl.col("behaviours"),
        pl.when(pl.col("behaviours") == 1)
        .then(pl.lit("behaviour"))
        .otherwise(pl.lit("behaviours")),
    )
    return table.sort("tolerance").with_columns(
        pl.Series("how near", [format_tolerance(t) for t in table.sort("tolerance")["tolerance"]]),
        count.alias("words"),
    )


def _rules(best: float, best_of: str, population: float | None, scale: Any) -> Any:
    """Vertical lines: fitness of the best modern genome and of the population at the swap."""
    lines = [
        (best_of, best, ANCESTRAL, [1, 0]),
        *([] if population is None else [("population at the swap", population, MODERN, [5, 3])]),
    ]
    marks = pl.DataFrame({"line": [w for w, *_ in lines], "at": [v for _, v, *_ in lines]})
    names = [w for w, *_ in lines]
    colour = alt.Color(
        "line:N",
        title=None,
        sort=names,
        scale=alt.Scale(domain=names, range=[c for _, _, c, _ in lines]),
        legend=alt.Legend(
            orient="bottom", symbolType="stroke", symbolSize=300, symbolOpacity=1, labelLimit=220
        ),
    )
    dash = alt.StrokeDash(
        "line:N",
        title=None,
        sort=names,
        scale=alt.Scale(domain=names, range=[d for *_, d in lines]),
    )
    tooltips = [
        alt.Tooltip("line:N", title="what"),
        alt.Tooltip("at:Q", title="value in M", format=".4f"),
    ]
    return (
        alt.Chart(marks)
        .mark_rule(strokeWidth=1.6)
        .encode(alt.X("at:Q", scale=scale), colour, dash, tooltip=tooltips)
    )


def draw(s: Source) -> Any:
    """The figure of near ties."""
    table = s.analysis["ties"]
    if table.is_empty() or s.run.provenance["landscape"]["grid"] == 1:
        return None
    modern = s.summary.account.ladder.modern
    best = (
        f"best genome{'' if s.run.provenance['landscape']['exact'] else ' finding'} for"
        f" {'payoff in ' if intent_differs(s) else ''}M"
    )
    chart = ties(
        table,
        modern.rung("best_for_payoff"),
        modern.rungs.get("population"),
        unit_of_payoff(s),
        best,
    )
    exact = "" if s.run.provenance["landscape"]["exact"] else "; of the genomes that were tried"
    notes = [
        s.subtitle("population: mean over them"),
        f"bars: from the least to the largest value in M of genomes so good in A{exact}",
    ]
    finding = "; ".join(
        f"{format_tolerance(t)} in A: {count_of(n, 'genome')} with {low:.3g} to {high:.3g} in M"
        for t, n, low, high in (
            table.sort("tolerance")
            .select("tolerance", "classes", "modern_min", "modern_max")
            .iter_rows()
        )
    )
    return themed(
        chart,
        "Equally good in A, and in M?",
        notes,
        f"Near ties in A, and their values in M. {'. '.join(notes)}. {finding}.",
    )
