"""The search ledger through time: who moved fitness."""

from __future__ import annotations

from typing import Any

import altair as alt
import polars as pl

from evosim.figures.bands import banded
from evosim.figures.theme import HEIGHT, TERM_COLOURS, TERM_DASHES, WIDTH

NEGLIGIBLE = 2e-3


def search(table: pl.DataFrame, terms: tuple[str, ...], traits: list[str], swap: int) -> Any:
    """Cumulative terms of the Price equation, one panel a trait; the thick line is the change itself.

    Terms that never amount to anything are left out. Bands hold the middle 95% of seeds.
    """
    columns = [*terms, "change"]
    running = table.filter(pl.col("trait").is_in(traits)).sort("seed", "trait", "generation").with_columns(
        pl.col(c).fill_null(0.0).cum_sum().over("seed", "trait") for c in columns
    )
    long = running.unpivot(columns, index=["seed", "generation", "trait"], variable_name="term", value_name="sum")
    lines = banded(long, "sum", "term", "trait", "generation")
    sizes = lines.group_by("term").agg(pl.col("mean").abs().max())
    shown = [c for c in columns if c == "change" or float(sizes.filter(pl.col("term") == c)["mean"][0]) > NEGLIGIBLE]
    return alt.hconcat(*[_panel(lines.filter((pl.col("trait") == t) & pl.col("term").is_in(shown)), shown, t, swap) for t in traits], spacing=30)


def _panel(frame: pl.DataFrame, shown: list[str], trait: str, swap: int) -> Any:
    legend = alt.Legend(symbolType="stroke", symbolOpacity=1, symbolSize=300)
    scale = alt.Scale(domain=shown, range=[TERM_COLOURS[name] for name in shown])
    dash = alt.Scale(domain=shown, range=[TERM_DASHES[name] for name in shown])
    colour = alt.Color("term:N", title="moved by", scale=scale, legend=legend, sort=shown)
    dashes = alt.StrokeDash("term:N", title="moved by", scale=dash, legend=legend, sort=shown)
    x = alt.X("generation:Q", title="generation", axis=alt.Axis(grid=False, tickCount=6, tickMinStep=1))
    y = alt.Y("mean:Q", title="sum of changes so far (expected offspring)")
    base = alt.Chart(frame)
    layers = [
        base.mark_area(opacity=0.13).encode(x, alt.Y("low:Q"), alt.Y2("high:Q"), colour),
        base.mark_line(strokeWidth=2).encode(x, y, colour, dashes),
    ]
    if swap <= int(frame["generation"].max()):  # type: ignore[arg-type]
        layers.append(alt.Chart(pl.DataFrame({"generation": [swap]})).mark_rule(color="#333333").encode(x))
    return alt.layer(*layers).properties(width=WIDTH, height=HEIGHT + 20, title=trait)
