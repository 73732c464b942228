"""Fitness through time in both worlds, with the swap marked."""

from __future__ import annotations

from typing import Any

import altair as alt
import polars as pl

from evosim.analysis.ladder import best_fitness
from evosim.figures.inputs import BANDS, Source
from evosim.figures.quantile_bands import banded, thinned
from evosim.figures.theme import (
    ANCESTRAL,
    HEIGHT,
    MODERN_INK,
    WORLD_COLOURS,
    WORLD_DASHES,
    band_tips,
    format_number,
    themed,
)

FEW = 40
UNIT = "expected offspring"  # in a life
INK = alt.Scale(domain=["ancestral", "modern"], range=[ANCESTRAL, MODERN_INK])
LEGEND = alt.Legend(
    labelExpr="datum.label + ' world'",
    symbolType="stroke",
    symbolOpacity=1,
    symbolSize=300,
    orient="bottom",
    direction="horizontal",
)
# Of the axis: the best of both worlds are one line; their labels would meet
SAME, CLOSE = (0.02, 0.12)


def means(generations: pl.DataFrame) -> pl.DataFrame:
    """Mean fitness of newborns by `world` and `generation`: `mean`, `low`, `high` over seeds."""
    long = (
        generations.drop("world")
        .unpivot(
            ["ancestral_mean", "modern_mean"],
            index=["seed", "generation"],
            variable_name="world",
            value_name="fitness",
        )
        .with_columns(pl.col("world").str.replace("_mean", ""))
    )
    return banded(long, "fitness", "world", "generation")


def fitness(generations: pl.DataFrame, best: dict[str, float], swap: int, unit: str = UNIT) -> Any:
    """Mean fitness of newborns in each world by generation.

    A dotted line shows the world's best genome. The band holds the middle 95% of seeds; with one
    seed there is none.
    """
    return fitness_of_bands(means(generations), best, swap, unit)


def fitness_of_bands(
    lines: pl.DataFrame, best: dict[str, float], swap: int, unit: str = UNIT
) -> Any:
    """The same figure from `world`, `generation`, `mean`, `low`, `high`: one row per generation."""
    top = max([*best.values(), float(lines["high"].max())])  # type: ignore[arg-type]
    least = min([0.0, *best.values(), float(lines["low"].min())])  # type: ignore[arg-type]
    x = alt.X(
        "generation:Q",
        title="generation",
        scale=alt.Scale(nice=False),
        axis=alt.Axis(grid=False, tickMinStep=1),
    )
    y = alt.Y(
        "mean:Q",
        title=f"fitness ({unit} in a life)",
        scale=alt.Scale(domain=[least, top + 0.04 * (top - least)], nice=False),
    )
    colour = alt.Color("world:N", title="fitness in the", scale=WORLD_COLOURS, legend=LEGEND)
    dash = alt.StrokeDash("world:N", title="fitness in the", scale=WORLD_DASHES, legend=LEGEND)
    tooltip = band_tips(
        lines,
        ("world:N", "world"),
        ("generation:Q", "generation", "d"),
        of=f"mean fitness ({unit} in a life)",
    )
    base = alt.Chart(thinned(lines, "world"))
    layers = [
        base.mark_area(opacity=0.2).encode(x, alt.Y("low:Q"), alt.Y2("high:Q"), colour),
        base.mark_line(strokeWidth=2, point=lines.height <= FEW).encode(
            x, y, colour, dash, tooltip=tooltip
        ),
        _best_lines(best, 1.04 * (top - least), unit),
    ]
    if swap < int(lines["generation"].max()):  # type: ignore[arg-type]
        layers.append(_swap(swap))
    return alt.layer(*layers).properties(width=470, height=HEIGHT + 40)


def describe(generations: pl.DataFrame, best: dict[str, float], swap: int, unit: str = UNIT) -> str:
    """The figure in words."""
    lines = means(generations)
    first, last = int(lines["generation"].min()), int(lines["generation"].max())  # type: ignore[arg-type]
    there = lines["generation"].unique(maintain_order=True).to_list()
    stops = list(
        dict.fromkeys(
            [
                first,
                *[
                    g
                    for g in (max((g for g in there if g < swap), default=first),)
                    if first < g < last
                ],
                last,
            ]
        )
    )
    parts = []
    for world in ("ancestral", "modern"):
        at = dict(lines.filter(pl.col("world") == world).select("generation", "mean").iter_rows())
        way = ", ".join(f"{format_number(at[g])} in generation {g}" for g in stops)
        parts.append(
            f"In the {world} world mean fitness is {way}; the best genome there has"
            f" {format_number(best[world])}."
        )
    change = f" The world changes at generation {swap}." if first < swap < last else ""
    return (
        f"Lines of mean fitness, in {unit} in a life, against generation.{change} {' '.join(parts)}"
    )


def _best_lines(best: dict[str, float], span: float, unit: str) -> Any:
    """Dotted lines, named at their right, where no line of data comes."""
    apart = abs(best["ancestral"] - best["modern"]) / span
    words = [f"best genome,\n{world} world" for world in best]
    if apart < SAME:
        words = ["best genome,\neither world", ""]
    upper = max(best, key=lambda world: best[world])
    frame = pl.DataFrame(
        {
            "world": list(best),
            "value": list(best.values()),
            "text": words,
            "up": [world == upper for world in best],
        }
    )
    tooltip = [
        alt.Tooltip("world:N", title="best genome in the world"),
        alt.Tooltip("value:Q", title=f"its fitness ({unit} in a life)", format=".3f"),
    ]
    rule = (
        alt.Chart(frame)
        .mark_rule(strokeDash=[2, 3], strokeWidth=1.3)
        .encode(
            alt.Y("value:Q"),
            alt.Color("world:N", scale=WORLD_COLOURS, legend=None),
            tooltip=tooltip,
        )
    )
    labels = []
    for up in (True, False):
        where = ("line-bottom" if up else "line-top") if SAME <= apart < CLOSE else "middle"
        colour = alt.Color("world:N", scale=INK, legend=None)
        text = alt.Chart(frame.filter(pl.col("up") == up)).mark_text(
            align="left",
            dx=6,
            dy=-6 if where == "middle" else 0,
            baseline=where,  # type: ignore[arg-type]
            fontSize=10.5,
            lineBreak="\n",
        )
        labels.append(
            text.encode(alt.Y("value:Q"), alt.Text("text:N"), colour, x=alt.value("width"))
        )
    return alt.layer(rule, alt.layer(*labels)).resolve_scale(color="independent")


def _swap(swap: int) -> Any:
    frame = pl.DataFrame({"generation": [swap], "text": ["the world changes"]})
    rule = alt.Chart(frame).mark_rule(color="#333333").encode(alt.X("generation:Q"))
    text = (
        alt.Chart(frame)
        .mark_text(
            align="center", baseline="bottom", fontSize=11, fontStyle="italic", color="#333333"
        )
        .encode(alt.X("generation:Q"), alt.Text("text:N"), y=alt.value(-3))
    )
    return rule + text


def draw(s: Source) -> Any:
    """The figure `fitness` of a run."""
    best = best_fitness(s.run.tables["landscape"])
    shown = (s.adopted("generations"), best, s.run.experiment.swap)
    return themed(
        fitness(*shown, s.unit),
        "Fitness of newborns in both worlds",
        [s.subtitle(BANDS)],
        s.words(describe(*shown, s.unit)),
    )
