"""Comparison of runs: fitness through time, rungs, and differences with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import polars as pl

from evosim.analysis.ladder import RUNG_CODES, RUNGS, STEPS
from evosim.figures.quantile_bands import banded, thinned
from evosim.figures.theme import HEIGHT, WIDTH

COLOURS = ["#000000", "#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00"]
DASHES = [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [10, 2], [4, 1, 1, 1]]
SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down"]
MOST = len(COLOURS)
LETTERS = {"ancestral": "A", "modern": "M"}


def fitness(generations: Mapping[str, pl.DataFrame], swaps: Mapping[str, int], unit: str) -> Any:
    """Mean fitness of newborns through time, a line for each run, a panel for each world.

    Bands: the middle 95% of seeds; rules: the swaps.
    """
    names = list(generations)
    long = pl.concat(
        frame.drop("world")
        .unpivot(
            ["ancestral_mean", "modern_mean"],
            index=["seed", "generation"],
            variable_name="world",
            value_name="fitness",
        )
        .with_columns(pl.lit(name).alias("run"), pl.col("world").str.strip_suffix("_mean"))
        for name, frame in generations.items()
    )
    lines = banded(long, "fitness", "run", "world", "generation")
    low, high = min(0.0, float(lines["low"].min())), float(lines["high"].max())  # type: ignore[arg-type]
    panels = []
    for world in LETTERS:
        in_world = alt.Chart(thinned(lines.filter(pl.col("world") == world), "run"))
        x = alt.X("generation:Q", title="generation", axis=alt.Axis(grid=False, tickMinStep=1))
        y = alt.Y(
            "mean:Q",
            title=f"fitness ({unit} in a life)",
            scale=alt.Scale(domain=[low, high + 0.08 * (high - low)], nice=False),
        )
        colour = _colour(names, symbol="stroke")
        band = in_world.mark_area(opacity=0.15).encode(x, alt.Y("low:Q"), alt.Y2("high:Q"), colour)
        tooltip = [
            alt.Tooltip("run:N"),
            alt.Tooltip("generation:Q"),
            alt.Tooltip("mean:Q", format=".3f"),
            alt.Tooltip("low:Q", format=".3f"),
            alt.Tooltip("high:Q", format=".3f"),
        ]
        line = in_world.mark_line(strokeWidth=2).encode(
            x,
            y,
            colour,
            alt.StrokeDash(
                "run:N",
                sort=names,
                title="run",
                scale=alt.Scale(domain=names, range=DASHES[: len(names)]),
                legend=_legend("stroke"),
            ),
            tooltip=tooltip,
        )
        at = pl.DataFrame({"generation": sorted(set(swaps.values()))})
        swap = (
            alt.Chart(at)
            .mark_rule(color="#777777", strokeDash=[2, 2])
            .encode(alt.X("generation:Q"))
        )
        panels.append(
            alt.layer(band, line, swap).properties(
                width=WIDTH, height=HEIGHT, title=f"{world} world"
            )
        )
    return alt.hconcat(*panels, spacing=30).resolve_scale(color="shared", strokeDash="shared")


def rungs(ladders: Mapping[str, pl.DataFrame], unit: str) -> Any:
    """Rungs of both ladders, a mark for each run.

    `ladders`: frames of `world`, `name`, `mean`, `low`, `high`.
    """
    names = list(ladders)
    frame = pl.concat(
        rows.select("world", "name", "mean", "low", "high", run=pl.lit(name))
        for name, rows in ladders.items()
    )
    there = [rung for rung in RUNGS if rung in set(frame["name"])]
    words = {rung: f"{RUNG_CODES[rung]} {rung.replace('_', ' ')}" for rung in there}
    frame = frame.with_columns(pl.col("name").replace(words))
    panels: list[Any] = []
    for world in LETTERS:
        in_world = alt.Chart(frame.filter(pl.col("world") == world))
        y = alt.Y(
            "name:N",
            title=None,
            sort=list(words.values()),
            axis=alt.Axis(grid=True, labelLimit=260, labels=not panels, ticks=not panels),
        )
        places = alt.YOffset("run:N", sort=names, scale=alt.Scale(domain=names, paddingOuter=0.5))
        x = alt.X(
            "mean:Q",
            title=f"{unit} in a life",
            scale=alt.Scale(zero=True),
            axis=alt.Axis(tickCount=6),
        )
        shape = alt.Shape(
            "run:N",
            sort=names,
            title="run",
            scale=alt.Scale(domain=names, range=SHAPES[: len(names)]),
            legend=_legend(),
        )
        whiskers = in_world.mark_rule(strokeWidth=1.5).encode(
            alt.X("low:Q"), alt.X2("high:Q"), y, places, _colour(names)
        )
        tooltip = [
            alt.Tooltip("run:N"),
            alt.Tooltip("name:N"),
            *(alt.Tooltip(f"{c}:Q", format=".3f") for c in ("mean", "low", "high")),
        ]
        points = in_world.mark_point(filled=True, size=32, opacity=1).encode(
            x, y, places, _colour(names), shape, tooltip=tooltip
        )
        panels.append(
            alt.layer(whiskers, points).properties(
                width=WIDTH, height=alt.Step(11), title=f"{world} world"
            )
        )
    return alt.hconcat(*panels, spacing=20).resolve_scale(color="shared", shape="shared")


def differences(frame: pl.DataFrame, unit: str) -> Any:
    """Steps and kinds of regret, other run minus base, with intervals; one mark per other run.

    Exact differences have no interval.
    """
    names = frame["run"].unique(maintain_order=True).to_list()
    wanted = frame.filter(
        ((pl.col("part") == "step") & pl.col("name").is_in(STEPS)) | (pl.col("part") == "regret")
    ).drop_nulls("difference")
    words = pl.format(
        "{}: {} in {}", pl.col("part"), pl.col("name"), pl.col("world").replace(LETTERS)
    )
    shown = wanted.with_columns(words.alias("quantity")).filter(
        ~((pl.col("difference").abs() < 1e-12).all().over("quantity"))
    )
    order = shown["quantity"].unique(maintain_order=True).to_list()
    y = alt.Y("quantity:N", title=None, sort=order, axis=alt.Axis(labelLimit=260, grid=True))
    places = alt.YOffset("run:N", sort=names, scale=alt.Scale(domain=names, paddingOuter=0.5))
    colour = _colour(["", *names][-len(names) :], first=1)
    base = alt.Chart(shown)
    zero = alt.Chart(pl.DataFrame({"x": [0.0]})).mark_rule(color="#333333").encode(alt.X("x:Q"))
    whiskers = base.mark_rule(strokeWidth=2).encode(
        alt.X("low:Q"), alt.X2("high:Q"), y, places, colour
    )
    tooltip = [
        alt.Tooltip("run:N"),
        alt.Tooltip("quantity:N"),
        *(
            alt.Tooltip(f"{c}:Q", format=".3f")
            for c in ("base", "other", "difference", "low", "high")
        ),
    ]
    points = base.mark_point(filled=True, size=32, opacity=1).encode(
        alt.X(
            "difference:Q",
            title=f"other run minus base ({unit} in a life)",
            axis=alt.Axis(tickCount=7),
        ),
        y,
        places,
        colour,
        alt.Shape(
            "run:N",
            sort=names,
            title="run",
            scale=alt.Scale(domain=names, range=SHAPES[1 : len(names) + 1]),
            legend=_legend(),
        ),
        tooltip=tooltip,
    )
    return alt.layer(zero, whiskers, points).properties(width=420, height=alt.Step(11))


def _colour(names: list[str], first: int = 0, symbol: str | None = None) -> Any:
    return alt.Color(
        "run:N",
        sort=names,
        title="run",
        scale=alt.Scale(domain=names, range=COLOURS[first : first + len(names)]),
        legend=_legend(symbol),
    )


def _legend(symbol: str | None = None) -> Any:
    legend = alt.Legend(orient="bottom", direction="vertical", labelLimit=600, symbolOpacity=1)
    if symbol:
        legend.symbolType, legend.symbolSize = symbol, 500
    return legend
