"""What populations and the best genome keep in M, by the longest horizon and gestation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import altair as alt
import polars as pl

from evosim.figures.theme import themed


def draw(folder: Path) -> dict[str, Any]:
    """Share of the best modern fitness kept, by cap and gestation; a line marks horizon = gestation
    + 2.
    """
    best, populations = (pl.read_csv(folder / f"{name}.csv") for name in ("enumerated", "evolved"))
    both = pl.concat(
        [
            best.select(
                "gestation",
                "cap",
                pl.col("share_min").alias("share"),
                who=pl.lit("best ancestral genome"),
            ),
            populations.select("gestation", "cap", "share", who=pl.lit("evolved populations")),
        ]
    )
    text = alt.condition("datum.share > 0.6", alt.value("white"), alt.value("black"))
    base = alt.Chart(both).encode(
        alt.X("cap:O", title="longest horizon on the grid (steps)", axis=alt.Axis(labelAngle=0)),
        alt.Y("gestation:O", title="gestation (ages)"),
    )
    cells = base.mark_rect(stroke="white").encode(
        alt.Color(
            "share:Q", title="share of best in M", scale=alt.Scale(scheme="blues", domain=[0, 1])
        )
    )
    seen = base.transform_filter("datum.cap == datum.gestation + 2").mark_rect(
        fill=None, stroke="#D55E00", strokeWidth=2.5
    )
    numbers = base.mark_text(fontSize=11).encode(alt.Text("share:Q", format=".2f"), color=text)
    chart = (
        alt.layer(cells, seen, numbers)
        .properties(width=330, height=170)
        .facet(column=alt.Column("who:N", title=None))
    )
    chart = themed(
        chart,
        "Who sees far enough is not fooled",
        [
            "fitness in M right after the swap; framed: horizon = gestation + 2, where mating and"
            " young come into one view"
        ],
    )
    return {"horizon": chart}
