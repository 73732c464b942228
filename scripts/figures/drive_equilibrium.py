"""Frequency of a driver and fitness against the transmission ratio, beside theory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import altair as alt
import polars as pl

from evosim.figures.theme import HEIGHT, WIDTH, themed
from figures import experiment, provenance

WHERE = {"both": "eggs and sperm", "male": "sperm alone"}


def draw(folder: Path) -> dict[str, Any]:
    """Frequency and fitness against k: points measured, lines theory."""
    where = pl.col("drives_in").replace_strict(WHERE).alias("drives in")
    points, lines = (
        pl.read_csv(folder / f"{name}.csv").with_columns(where)
        for name in ("equilibrium", "theory")
    )
    panels = []
    for column, title in (
        ("newborn", "frequency among newborns"),
        ("fitness", "mean fitness, share of that without the driver"),
    ):
        colour = alt.Color(
            "drives in:N",
            title="drives in",
            scale=alt.Scale(domain=list(WHERE.values()), range=["#D55E00", "#0072B2"]),
        )
        x = alt.X(
            "k:Q",
            title="transmission ratio k",
            scale=alt.Scale(domain=[0.5, 1.0]),
            axis=alt.Axis(grid=False),
        )
        y = alt.Y(f"{column}:Q", title=title, scale=alt.Scale(domain=[0, 1]))
        line = alt.Chart(lines).mark_line(strokeWidth=1.5).encode(x, y, colour)
        dots = alt.Chart(points).mark_point(filled=True, size=45, opacity=1).encode(x, y, colour)
        bars = (
            alt.Chart(points)
            .mark_rule(strokeWidth=2)
            .encode(x, alt.Y(f"{column}_low:Q"), alt.Y2(f"{column}_high:Q"), colour)
        )
        panels.append((line + bars + dots).properties(width=WIDTH, height=HEIGHT + 20))
    n, seeds = experiment(folder)["optimizer"]["population"], provenance(folder)["seeds"]
    note = (
        f"points: means over {seeds} seeds of N = {n}, whiskers their 95% interval; lines: theory"
        " of an infinite population"
    )
    return {
        "equilibrium": themed(
            alt.hconcat(*panels, spacing=36),
            "A lethal driver settles where theory says",
            ["drive-equilibrium; " + note],
        )
    }
