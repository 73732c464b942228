"""The specification step against the share of states that are taken for others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import altair as alt
import polars as pl

from evosim.figures.theme import HEIGHT, WIDTH, themed
from figures import provenance


def draw(folder: Path) -> dict[str, Any]:
    """The specification step against the share of states taken for another."""
    found, seeds = pl.read_csv(folder / "merged-states.csv"), provenance(folder)["seeds"]
    long = pl.concat(
        [
            found.select(
                "world",
                "taken_for",
                "share",
                pl.lit(who).alias("who"),
                *(pl.col(f"{column}{end}").alias(f"step{end}") for end in ("", "_low", "_high")),
            )
            for column, who in (
                ("genomes", "best planner on the grid"),
                ("policies", "best of all policies"),
            )
        ]
    )
    colour = alt.Color(
        "taken_for:N",
        title="taken for",
        scale=alt.Scale(
            domain=found["taken_for"].unique(maintain_order=True).to_list(),
            range=["#D55E00", "#0072B2"],
        ),
    )
    x = alt.X(
        "share:Q", title="share of states taken for another", axis=alt.Axis(format="%", grid=False)
    )
    y = alt.Y("step:Q", title="specification step", scale=alt.Scale(domain=[0, 1]))
    base = alt.Chart(long)
    bars = base.mark_rule(strokeWidth=1.5, opacity=0.5).encode(
        x, alt.Y("step_low:Q"), alt.Y2("step_high:Q"), colour
    )
    chart = (
        bars + base.mark_line(point=alt.OverlayMarkDef(size=40)).encode(x, y, colour)
    ).properties(width=WIDTH - 40, height=HEIGHT - 60)
    faceted = chart.facet(
        column=alt.Column("who:N", title=None), row=alt.Row("world:N", title=None)
    )
    chart = themed(
        faceted,
        "What a wrong ontology of payoff costs",
        [
            f"specification step as a share of the best, in A alone, without any shift; {seeds}"
            " drawings a point; bars: 95% bootstrap intervals of the mean"
        ],
    )
    return {"merged-states": chart}
