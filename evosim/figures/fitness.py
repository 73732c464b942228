"""Fitness through time in both worlds, with the swap marked."""

from __future__ import annotations

from typing import Any

import altair as alt
import polars as pl

from evosim.figures.bands import banded
from evosim.figures.theme import HEIGHT, WORLD_COLOURS, WORLD_DASHES

FEW = 40


def fitness(generations: pl.DataFrame, best: dict[str, float], swap: int) -> Any:
    """Mean fitness of newborns in each world against generation; dotted: the best genome of that world.

    The band holds the middle 95% of seeds; with one seed there is none.
    """
    long = generations.drop("world").unpivot(
        ["ancestral_mean", "modern_mean"], index=["seed", "generation"], variable_name="world", value_name="fitness"
    ).with_columns(pl.col("world").str.replace("_mean", ""))
    return fitness_of_bands(banded(long, "fitness", "world", "generation"), best, swap)


def fitness_of_bands(lines: pl.DataFrame, best: dict[str, float], swap: int) -> Any:
    """The same of columns `world`, `generation`, `mean`, `low`, `high`, one row a world and generation."""
    top = max([*best.values(), float(lines["high"].max())])  # type: ignore[arg-type]
    x = alt.X("generation:Q", title="generation", axis=alt.Axis(grid=False, tickMinStep=1))
    y = alt.Y("mean:Q", title="fitness (expected offspring in a life)", scale=alt.Scale(domain=[0, top * 1.08], nice=False))
    colour = alt.Color("world:N", title="fitness in the", scale=WORLD_COLOURS, legend=alt.Legend(labelExpr="datum.label + ' world'", symbolType="stroke", symbolOpacity=1, symbolSize=300))
    base = alt.Chart(lines)
    layers = [
        base.mark_area(opacity=0.2).encode(x, alt.Y("low:Q"), alt.Y2("high:Q"), colour),
        base.mark_line(strokeWidth=2, point=lines.height <= FEW).encode(x, y, colour, alt.StrokeDash("world:N", scale=WORLD_DASHES, legend=None)),
        _best_lines(best),
    ]
    if swap < int(lines["generation"].max()):  # type: ignore[arg-type]
        layers.append(_swap(swap, top))
    return alt.layer(*layers).properties(width=520, height=HEIGHT + 40)


def _best_lines(best: dict[str, float]) -> Any:
    top = max(best.values())
    if max(best.values()) - min(best.values()) < 0.05 * top:  # two labels in one place cannot be read
        words = ["best genome, either world", ""]
    else:
        words = [f"best genome, {w} world" for w in best]
    frame = pl.DataFrame({"world": list(best), "value": list(best.values()), "text": words})
    colour = alt.Color("world:N", scale=WORLD_COLOURS)
    rule = alt.Chart(frame).mark_rule(strokeDash=[2, 3], strokeWidth=1.3).encode(alt.Y("value:Q"), colour)
    text = (
        alt.Chart(frame)
        .mark_text(align="left", dx=4, dy=-7, fontSize=10.5)
        .encode(alt.Y("value:Q"), alt.XDatum(0), alt.Text("text:N"), colour)
    )
    return rule + text


def _swap(swap: int, top: float) -> Any:
    frame = pl.DataFrame({"generation": [swap], "y": [top * 1.06], "text": ["the world changes"]})
    rule = alt.Chart(frame).mark_rule(color="#333333").encode(alt.X("generation:Q"))
    text = (
        alt.Chart(frame)
        .mark_text(align="right", dx=-5, baseline="top", fontSize=11, fontStyle="italic", color="#333333")
        .encode(alt.X("generation:Q"), alt.Y("y:Q"), alt.Text("text:N"))
    )
    return rule + text
