"""What the best ancestral genome and populations keep in M, in every variant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import altair as alt
import polars as pl

from evosim.figures.theme import ANCESTRAL, MODERN, themed
from figures import provenance


def draw(folder: Path) -> dict[str, Any]:
    """A line for each variant: what the best ancestral genome and evolved populations keep of the
    best fitness in M.
    """
    table, seeds = pl.read_csv(folder / "robustness.csv"), provenance(folder)["seeds"]
    shares = pl.concat(
        [
            table.select(
                "variant", share=pl.col("R3_min_over_R2"), who=pl.lit("best ancestral genome")
            ),
            table.select(
                "variant", share=pl.col("M_at_swap_over_R2"), who=pl.lit("populations at the swap")
            ),
        ]
    )
    order = table.sort("R3_min_over_R2")["variant"].to_list()
    y = alt.Y("variant:N", sort=order, title=None, axis=alt.Axis(labelLimit=320, labelFontSize=9.5))
    x = alt.X("share:Q", title="share of the best fitness in M", scale=alt.Scale(domain=[0, 1]))
    shape = alt.Shape("who:N", title=None, scale=alt.Scale(range=["circle", "diamond"]))
    colour = alt.Color("who:N", title=None, scale=alt.Scale(range=[MODERN, ANCESTRAL]))
    points = (
        alt.Chart(shares).mark_point(filled=True, size=45, opacity=0.9).encode(x, y, colour, shape)
    )
    default = float(table.filter(pl.col("variant") == "default")["R3_min_over_R2"][0])
    rule = (
        alt.Chart(pl.DataFrame({"share": [default]}))
        .mark_rule(strokeDash=[3, 3], color="#777777")
        .encode(x)
    )
    chart = (rule + points).properties(width=420, height=alt.Step(12))
    chart = themed(
        chart,
        "The birth-control loss under every parameter at +-20%, three tie rules and other grids",
        [f"{table.height} variants, {seeds} seeds each; dashed: the default; 1 would be no loss"],
    )
    return {"robustness": chart}
