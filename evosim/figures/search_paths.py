"""Paths of searches over real vectors."""

from __future__ import annotations

from typing import Any

import altair as alt
import polars as pl

from evosim.figures.inputs import Searched
from evosim.figures.quantile_bands import banded
from evosim.figures.theme import ANCESTRAL, HEIGHT, WIDTH, band_tips, format_number, themed

MOST_ROWS = 200
PANELS = {"x_0": "progress x_0", "aside": "distance from the x_0 axis", "loss": "loss"}


def draw(s: Searched) -> Any:
    """Progress, straying and loss of all seeds: means, with the middle 95%."""
    table = s.table
    every = max(1, table["evaluation"].n_unique() // MOST_ROWS)
    places = table["evaluation"].unique().sort()[::every]
    few = table.filter(pl.col("evaluation").is_in(places.to_list()))
    charts, said = [], []
    for column, title in PANELS.items():
        frame = banded(few, column, "evaluation")
        x = alt.X("evaluation:Q", title="evaluations", axis=alt.Axis(tickCount=5))
        band = (
            alt.Chart(frame)
            .mark_area(opacity=0.2, color=ANCESTRAL)
            .encode(x=x, y=alt.Y("low:Q", title=title), y2="high:Q")
        )
        tooltip = band_tips(frame, ("evaluation:Q", "evaluations", "d"), of=title)
        line = (
            alt.Chart(frame)
            .mark_line(strokeWidth=2, color=ANCESTRAL)
            .encode(x=x, y=alt.Y("mean:Q", title=title), tooltip=tooltip)
        )
        said.append(
            f"{title} from {format_number(frame['mean'][0])} to {format_number(frame['mean'][-1])}"
            f" ({format_number(frame['low'][-1])} to {format_number(frame['high'][-1])})"
        )
        charts.append((band + line).properties(width=0.9 * WIDTH, height=HEIGHT))
    return themed(
        alt.hconcat(*charts),
        "The path of the search",
        [s.run_label],
        f"Means over seeds against evaluations: {'; '.join(said)}.",
    )
