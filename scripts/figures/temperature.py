"""Fitness in A against the weight of self-stimulation, by temperature."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import altair as alt
import polars as pl

from evosim.figures.theme import HEIGHT, LOCUS_COLOURS, WIDTH, themed


def draw(folder: Path) -> dict[str, Any]:
    """Fitness in A against the solo weight, a line for each temperature."""
    table = pl.read_csv(folder / "cliff.csv")
    names = [str(t) for t in table["temperature"].unique().sort()]
    chart = (
        alt.Chart(table.with_columns(pl.col("temperature").cast(pl.String)))
        .mark_line()
        .encode(
            alt.X("solo_weight:Q", title="objective weight of solo pleasure"),
            alt.Y("fitness_in_A:Q", title="fitness in A (expected offspring)"),
            alt.Color(
                "temperature:N",
                sort=names,
                scale=alt.Scale(domain=names, range=LOCUS_COLOURS[:6]),
                title="temperature",
            ),
        )
        .properties(width=WIDTH + 120, height=HEIGHT + 20)
    )
    chart = themed(
        chart,
        "Self-stimulation is a cliff for planners without noise",
        ["the best ancestral genome with another solo weight; nothing else changed"],
    )
    return {"cliff": chart}
