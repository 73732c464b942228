"""Driver, suppressor and fitness through time, beside theory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import altair as alt
import polars as pl

from evosim.figures.theme import HEIGHT, WIDTH, themed
from figures import experiment, provenance


def draw(folder: Path) -> dict[str, Any]:
    """Driver, suppressor and fitness through time, beside the recursion from where the suppressor
    came in.
    """
    lines = pl.read_csv(folder / "paths.csv")
    known, seeds = experiment(folder), provenance(folder)["seeds"]
    n, k, cost = (
        known["optimizer"]["population"],
        known["genome"]["drivers"][0]["ratio"],
        known["genome"]["modifiers"][0]["cost"],
    )
    comes = known["optimizer"]["introductions"][1]
    names = ["driver", "suppressor", "fitness"]
    colour = alt.Color(
        "allele:N",
        title=None,
        sort=names,
        scale=alt.Scale(domain=names, range=["#D55E00", "#009E73", "#0072B2"]),
        legend=alt.Legend(symbolType="stroke", symbolOpacity=1),
    )
    x = alt.X("generation:Q", title="generation", axis=alt.Axis(grid=False))
    y = alt.Y(
        "mean:Q", title="frequency among newborns; share of fitness", scale=alt.Scale(domain=[0, 1])
    )
    band = (
        alt.Chart(lines).mark_area(opacity=0.2).encode(x, alt.Y("low:Q"), alt.Y2("high:Q"), colour)
    )
    line = alt.Chart(lines).mark_line(strokeWidth=2).encode(x, y, colour)
    dotted = (
        alt.Chart(lines.drop_nulls("theory"))
        .mark_line(strokeWidth=1.5, strokeDash=[3, 3], color="#000000")
        .encode(x, alt.Y("theory:Q"), alt.Detail("allele:N"))
    )
    chart = (band + line + dotted).properties(width=WIDTH + 160, height=HEIGHT + 40)
    notes = [
        (
            f"suppressor; {seeds} seeds of N = {n}; bands hold 95% of them; k = {k}, recessive"
            f" lethal; the suppressor costs {cost}"
        ),
        (
            f"dotted: theory of an infinite population from generation {comes['generation']}, when"
            f" {comes['copies']} copies of the suppressor come in"
        ),
    ]
    return {"suppressor": themed(chart, "The parliament of genes", notes)}
