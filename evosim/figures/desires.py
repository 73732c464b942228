"""Desires: loss by the acts that serve a desire, and gain if the desire is switched off."""

from __future__ import annotations

from typing import Any

import altair as alt
import polars as pl

from evosim.figures.inputs import WHISKERS, Source
from evosim.figures.quantile_bands import banded
from evosim.figures.theme import WIDTH, themed

READINGS = {"ledger": "lost by the acts that serve it", "gain": "gained without it"}
COLOURS = {"ledger": "#9A9A9A", "gain": "#0072B2"}


def desires(table: pl.DataFrame) -> Any:
    """Bars by desire, one panel per world: regret, and the mean gain if this weight alone is 0.

    Whiskers hold the middle 95% of seeds.
    """
    long = (
        table.unpivot(
            [f"{reading}_{world}" for reading in READINGS for world in ("ancestral", "modern")],
            index=["seed", "feature", "weight"],
            variable_name="what",
        )
        .with_columns(
            pl.col("what").str.split_exact("_", 1).struct.rename_fields(["reading", "world"])
        )
        .unnest("what")
    )
    means = banded(long.drop_nulls("value"), "value", "feature", "reading", "world")
    weights = table.group_by("feature", maintain_order=True).agg(pl.col("weight").mean())
    frame = means.join(weights, on="feature", maintain_order="left").with_columns(
        pl.col("reading").replace_strict(READINGS).alias("as")
    )
    order = table["feature"].unique(maintain_order=True).to_list()
    several = table["seed"].n_unique() > 1
    return alt.hconcat(
        *[
            _panel(frame.filter(pl.col("world") == w), w, order, several)
            for w in ("ancestral", "modern")
        ],
        spacing=30,
    )


def _panel(frame: pl.DataFrame, world: str, order: list[str], several: bool) -> Any:
    names = list(READINGS.values())
    y = alt.Y(
        "feature:N",
        sort=order,
        title=None,
        axis=alt.Axis(grid=False, ticks=False),
        scale=alt.Scale(paddingInner=0.3),
    )
    offset = alt.YOffset("as:N", sort=names)
    unit = "payoff in A" if world == "ancestral" else "intent in M"
    x = alt.X("mean:Q", title=f"{unit} (expected in a life)", axis=alt.Axis(tickCount=6))
    colour = alt.Color(
        "as:N",
        title=None,
        sort=names,
        scale=alt.Scale(domain=names, range=list(COLOURS.values())),
        legend=alt.Legend(
            orient="bottom", symbolType="square", symbolStrokeWidth=0, labelLimit=240
        ),
    )
    tips = [
        alt.Tooltip("feature:N", title="desire"),
        alt.Tooltip("weight:Q", title="mean weight at the swap", format=".3f"),
        alt.Tooltip("as:N", title="what"),
        alt.Tooltip("mean:Q", title="mean", format=".4f"),
        alt.Tooltip("low:Q", title="95% of seeds from", format=".4f"),
        alt.Tooltip("high:Q", title="to", format=".4f"),
    ]
    base = alt.Chart(frame)
    layers = [
        base.mark_bar(stroke="#333333", strokeWidth=0.5).encode(x, y, offset, colour, tooltip=tips)
    ]
    if several:
        layers.append(
            base.mark_rule(strokeWidth=1.6, color="#111111").encode(
                alt.X("low:Q"), alt.X2("high:Q"), y, offset, tooltip=tips
            )
        )
    layers.append(
        alt.Chart(pl.DataFrame({"zero": [0.0]})).mark_rule(color="#333333").encode(alt.X("zero:Q"))
    )
    return alt.layer(*layers).properties(
        width=WIDTH, height=max(2, len(order)) * 26, title=f"{world} world"
    )


def draw(s: Source) -> Any:
    """Ledger and causal number of each desire."""
    table = s.analysis["desires"]
    if table.is_empty():
        return None
    notes = [
        s.subtitle(WHISKERS),
        (
            "lost: regret by acts that serve a desire; gained (or lost): when its weight alone"
            " is 0, at the swap"
        ),
    ]
    means = table.group_by("feature", maintain_order=True).agg(
        pl.col("weight", "ledger_modern", "gain_modern").mean()
    )
    finding = "; ".join(
        f"{r['feature']} (weight {r['weight']:.3g}): acts lose {r['ledger_modern']:.3g} in M,"
        f" without it {r['gain_modern']:+.3g}"
        for r in means.iter_rows(named=True)
    )
    return themed(
        desires(table),
        "Desires: what they lose, and what would be without them",
        notes,
        f"Desires. {'. '.join(notes)}. {finding}.",
    )
