"""The search ledger through time: who moved fitness."""

from __future__ import annotations

from typing import Any

import altair as alt
import polars as pl

from evosim.analysis.price_equation import TERMS
from evosim.figures.inputs import BANDS, Source
from evosim.figures.quantile_bands import banded, thinned
from evosim.figures.theme import (
    HEIGHT,
    TERM_COLOURS,
    TERM_DASHES,
    WIDTH,
    band_tips,
    format_number,
    themed,
)

NEGLIGIBLE = 2e-3
THICK = 2.8


UNIT = "expected offspring"


def sums(
    table: pl.DataFrame, terms: tuple[str, ...], traits: list[str]
) -> tuple[pl.DataFrame, list[str]]:
    """Cumulative terms by generation, and the names of the terms that are not negligible.

    Columns: `term`, `trait`, `generation`, `mean`, `low`, `high`.
    """
    columns = [*terms, "change"]
    running = (
        table.filter(pl.col("trait").is_in(traits))
        .sort("seed", "trait", "generation")
        .with_columns(pl.col(c).fill_null(0.0).cum_sum().over("seed", "trait") for c in columns)
    )
    long = running.unpivot(
        columns, index=["seed", "generation", "trait"], variable_name="term", value_name="sum"
    )
    lines = banded(long, "sum", "term", "trait", "generation")
    sizes = lines.group_by("term", maintain_order=True).agg(pl.col("mean").abs().max())
    return lines, [
        c
        for c in columns
        if c == "change" or float(sizes.filter(pl.col("term") == c)["mean"][0]) > NEGLIGIBLE
    ]


def search(
    table: pl.DataFrame, terms: tuple[str, ...], traits: list[str], swap: int, unit: str = UNIT
) -> Any:
    """Cumulative terms of the Price equation, one panel per trait; the thick line is the change.

    Negligible terms are omitted. Bands hold the middle 95% of seeds.
    """
    lines, shown = sums(table, terms, traits)
    panels = [
        _panel(
            lines.filter((pl.col("trait") == t) & pl.col("term").is_in(shown)), shown, t, swap, unit
        )
        for t in traits
    ]
    return alt.hconcat(*panels, spacing=30)


def describe(
    table: pl.DataFrame, terms: tuple[str, ...], traits: list[str], unit: str = UNIT
) -> str:
    """The figure in words."""
    lines, shown = sums(table, terms, traits)
    ends = {
        (row["trait"], row["term"]): row["mean"]
        for row in (
            lines.sort("generation")
            .group_by("trait", "term", maintain_order=True)
            .last()
            .iter_rows(named=True)
        )
    }
    parts = []
    for trait in traits:
        order = sorted(
            (term for term in shown if term != "change"), key=lambda term: -abs(ends[trait, term])
        )
        parts.append(
            f"{trait} changed by {format_number(ends[trait, 'change'])}: "
            + ", ".join(f"{term} {format_number(ends[trait, term])}" for term in order)
            + "."
        )
    return f"Lines of sums of changes ({unit}) against generation. By the end {' '.join(parts)}"


def _panel(frame: pl.DataFrame, shown: list[str], trait: str, swap: int, unit: str) -> Any:
    legend = alt.Legend(symbolType="stroke", symbolOpacity=1, symbolSize=300)
    scale = alt.Scale(domain=shown, range=[TERM_COLOURS[name] for name in shown])
    dash = alt.Scale(domain=shown, range=[TERM_DASHES[name] for name in shown])
    colour = alt.Color("term:N", title="moved by", scale=scale, legend=legend, sort=shown)
    dashes = alt.StrokeDash("term:N", title="moved by", scale=dash, legend=legend, sort=shown)
    width = alt.Scale(domain=shown, range=[THICK if name == "change" else 2.0 for name in shown])
    x = alt.X(
        "generation:Q",
        title="generation",
        scale=alt.Scale(nice=False),
        axis=alt.Axis(grid=False, tickCount=6, tickMinStep=1),
    )
    y = alt.Y("mean:Q", title=f"sum of changes so far ({unit})")
    tooltip = band_tips(
        frame,
        ("term:N", "moved by"),
        ("generation:Q", "generation", "d"),
        of=f"sum so far ({unit})",
    )
    base = alt.Chart(thinned(frame, "term"))
    layers = [
        base.mark_area(opacity=0.13).encode(x, alt.Y("low:Q"), alt.Y2("high:Q"), colour),
        base.mark_line().encode(
            x,
            y,
            colour,
            dashes,
            alt.StrokeWidth("term:N", scale=width, legend=None),
            tooltip=tooltip,
        ),
    ]
    if swap <= int(frame["generation"].max()):  # type: ignore[arg-type]
        layers.append(
            alt.Chart(pl.DataFrame({"generation": [swap]})).mark_rule(color="#333333").encode(x)
        )
    return alt.layer(*layers).properties(width=WIDTH, height=HEIGHT + 20, title=trait)


def draw(s: Source) -> Any:
    """The figure `search` of a run; nothing without a search ledger."""
    if "search" not in s.run.tables or (ledger := s.by_generation("search")).is_empty():
        return None
    shown = (ledger, TERMS, ["fitness in A", "fitness in M"])
    lines = [s.subtitle(BANDS), "cumulative terms of the Price equation; black: their sum"]
    return themed(
        search(*shown, s.run.experiment.swap, s.unit),
        "The search ledger: who moved fitness",
        lines,
        s.words(describe(*shown, s.unit)),
    )
