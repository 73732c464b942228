"""Paths of searches over real vectors."""

from __future__ import annotations

from typing import Any

import altair as alt
import polars as pl

from evosim.figures.bands import banded
from evosim.figures.theme import ANCESTRAL, HEIGHT, WIDTH, themed

MOST_ROWS = 200
PANELS = {"x_0": "progress x_0", "aside": "distance from the x_0 axis", "loss": "loss"}


def paths(table: pl.DataFrame, subtitle: list[str]) -> Any:
    """Progress, straying and loss of all seeds: means, with the middle 95%."""
    every = max(1, table["evaluation"].n_unique() // MOST_ROWS)
    places = table["evaluation"].unique().sort()[::every]
    few = table.filter(pl.col("evaluation").is_in(places.to_list()))
    charts = []
    for column, title in PANELS.items():
        frame = banded(few, column, "evaluation")
        x = alt.X("evaluation:Q", title="evaluations", axis=alt.Axis(tickCount=5))
        band = alt.Chart(frame).mark_area(opacity=0.2, color=ANCESTRAL).encode(x=x, y=alt.Y("low:Q", title=title), y2="high:Q")
        line = alt.Chart(frame).mark_line(strokeWidth=2, color=ANCESTRAL).encode(x=x, y="mean:Q")
        charts.append((band + line).properties(width=0.9 * WIDTH, height=HEIGHT))
    return themed(alt.hconcat(*charts), "The path of the search", subtitle)
