"""The hack step and the search step against generations, by size of population."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import altair as alt
import polars as pl

from evosim.figures.theme import HEIGHT, WIDTH, themed
from figures import provenance


def draw(folder: Path) -> dict[str, Any]:
    """The hack step in A against generations, a line for each size."""
    table, seeds = pl.read_csv(folder / "scale.csv"), provenance(folder)["seeds"]
    sizes = [str(n) for n in table["N"].unique().sort()]
    frame = table.with_columns(pl.col("N").cast(pl.String))
    colour = alt.Color(
        "N:N",
        title="N",
        sort=sizes,
        scale=alt.Scale(domain=sizes, range=["#56B4E9", "#0072B2", "#D55E00", "#000000"]),
    )
    x = alt.X(
        "generations:Q",
        title="generations in A (the driver comes in generation 50)",
        scale=alt.Scale(domain=[100, 650]),
        axis=alt.Axis(grid=False),
    )
    panels = []
    for column, title in (
        ("hack_A", "hack step in A (expected offspring)"),
        ("search_A", "search step in A (expected offspring)"),
    ):
        base = alt.Chart(frame)
        line = base.mark_line(point=alt.OverlayMarkDef(size=45)).encode(
            x, alt.Y(f"{column}:Q", title=title, scale=alt.Scale(domainMin=0)), colour
        )
        bars = base.mark_rule(strokeWidth=2).encode(
            x, alt.Y(f"{column}_low:Q"), alt.Y2(f"{column}_high:Q"), colour
        )
        panels.append((line + bars).properties(width=WIDTH, height=HEIGHT + 20))
    notes = [f"greedy-genes; {seeds} seeds a point; whiskers: 95% bootstrap interval of the mean"]
    chart = themed(
        alt.hconcat(*panels, spacing=36),
        "More search does not cure the greed: it grows, at any population size",
        notes,
    )
    return {"scale": chart}
