"""Waste, gap and what the shift costs against generations, by size and mutation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import altair as alt
import polars as pl

from evosim.figures.theme import LOCUS_COLOURS, themed
from figures import provenance

LABELS = 36  # pixels for the numbers beside an axis, so that panels stand below each other
MEASURES = (
    ("solo", "self-stimulation's waste in A"),
    ("gap", "gap to the best genome in A"),
    ("novel_and_stale", "novel + stale in M"),
)


def draw(folder: Path) -> dict[str, Any]:
    """A row for each measure, a column for each mutation rate, a line for each size of
    population.
    """
    table, seeds = pl.read_csv(folder / "waste.csv"), provenance(folder)["seeds"]
    sizes = [str(n) for n in table["population"].unique().sort()]
    frame = table.with_columns(pl.col("population").cast(pl.String))
    rows = []
    for name, title in MEASURES:
        top = float(frame[f"{name}_high"].max())  # type: ignore[arg-type]
        panels = []
        for column, rate in enumerate(table["mutation"].unique().sort()):
            base = alt.Chart(frame.filter((pl.col("mutation") - rate).abs() < 1e-9)).encode(
                alt.X(
                    "generations:Q",
                    scale=alt.Scale(type="log", base=2),
                    title="generations",
                    axis=alt.Axis(
                        values=table["generations"].unique().sort().to_list(), grid=False
                    ),
                ),
                alt.Color(
                    "population:N",
                    sort=sizes,
                    title="population",
                    legend=alt.Legend(symbolType="stroke", symbolOpacity=1, symbolSize=300),
                    scale=alt.Scale(domain=sizes, range=[LOCUS_COLOURS[i] for i in (6, 5, 2, 0)]),
                ),
            )
            y = alt.Y(
                f"{name}:Q",
                title=title if column == 0 else None,
                scale=alt.Scale(domain=[0, top]),
                axis=alt.Axis(minExtent=LABELS),
            )
            bars = base.mark_rule(opacity=0.4).encode(
                alt.Y(f"{name}_low:Q"), alt.Y2(f"{name}_high:Q")
            )
            panel = (bars + base.mark_line(point=alt.OverlayMarkDef(size=20)).encode(y)).properties(
                width=200, height=150
            )
            panels.append(panel.properties(title=f"mutation {rate:g}") if name == "solo" else panel)
        rows.append(alt.hconcat(*panels, spacing=18))
    chart = themed(
        alt.vconcat(*rows, spacing=14),
        "More generations remove waste, and leave the shift's loss where it is",
        [
            f"expected offspring in a life; {seeds} seeds each; bars: 95% bootstrap intervals of"
            " the mean"
        ],
    )
    return {"waste": chart}
