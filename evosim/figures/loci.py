"""Objective weights and the rest of the genome through time."""

from __future__ import annotations

from typing import Any

import altair as alt
import polars as pl

from evosim.figures.bands import banded
from evosim.figures.theme import HEIGHT, LOCUS_COLOURS, WIDTH


def planner_loci(loci: pl.DataFrame, weights: list[str], swap: int) -> Any:
    """Left: mean expressed objective weights; right: mean planning horizon. Bands: the middle 95% of seeds."""
    mean = banded(loci, "mean", "locus", "generation")
    right = _panel(mean.filter(pl.col("locus") == "horizon"), ["horizon"], "mean planning horizon (steps)", swap)
    if not weights:  # all desires are fixed: only foresight can evolve
        return right
    left = _panel(mean.filter(pl.col("locus").is_in(weights)), weights, "mean objective weight", swap)
    return alt.hconcat(left, right.properties(width=WIDTH * 0.7), spacing=36).resolve_scale(color="independent")


def gated_loci(loci: pl.DataFrame, gates: pl.DataFrame, weights: list[str], second: list[str], swap: int) -> Any:
    """Mean weights of the first and of the second objective, and the share of each gate. Bands: the middle 95% of seeds."""
    mean = banded(loci, "mean", "locus", "generation")
    panels, order = [], list(dict.fromkeys([*weights, *second]))  # a desire has one colour in both panels
    for names, title in ((weights, "mean weight, first objective"), ([f"second.{name}" for name in second], "mean weight, second objective")):
        if names:
            shown = mean.filter(pl.col("locus").is_in(names)).with_columns(pl.col("locus").str.strip_prefix("second."))
            panels.append(_panel(shown, order, title, swap))
    shares = banded(gates, "frequency", "allele", "generation").rename({"allele": "locus"})
    panels.append(_panel(shares, shares["locus"].unique(maintain_order=True).sort().to_list(), "share of gate alleles", swap, what="gate"))
    return alt.hconcat(*panels, spacing=36).resolve_scale(color="independent")


def reflex_loci(alleles: pl.DataFrame, swap: int) -> Any:
    """Frequency of each act in each observation class. One panel a class."""
    several = alleles.filter(pl.col("allele").n_unique().over("locus") > 1)
    mean = several.group_by("locus", "allele", "generation", maintain_order=True).agg(pl.col("frequency").mean())
    acts = mean["allele"].unique(maintain_order=True).sort().to_list()
    last = int(mean["generation"].max())  # type: ignore[arg-type]
    mean = mean.filter((pl.col("generation") % max(1, last // 150)) == 0)
    legend = alt.Legend(labelExpr="replace(datum.label, '_', ' ')")
    area = (
        alt.Chart(mean)
        .mark_area()
        .encode(
            alt.X("generation:Q", title="generation", axis=alt.Axis(grid=False, tickCount=4)),
            alt.Y("frequency:Q", title="share of alleles", stack="zero", scale=alt.Scale(domain=[0, 1])),
            alt.Color("allele:N", title="act", scale=alt.Scale(domain=acts, range=LOCUS_COLOURS[: len(acts)]), legend=legend),
        )
    )
    layers = [area]
    if swap <= last:
        layers.append(alt.Chart(mean).mark_rule(color="white", strokeWidth=1.5).encode(x=alt.datum(swap)))
    order = mean["locus"].unique(maintain_order=True).to_list()
    chart = alt.layer(*layers).properties(width=190, height=80)
    return chart.facet(alt.Facet("locus:N", title=None, sort=order), columns=3)


def _panel(frame: pl.DataFrame, order: list[str], title: str, swap: int, *, what: str = "desire for") -> Any:
    legend = alt.Legend(symbolType="stroke", symbolOpacity=1, symbolSize=300)
    colour = alt.Color("locus:N", title=what, scale=alt.Scale(domain=order, range=LOCUS_COLOURS[: len(order)]), legend=legend)
    if len(order) == 1:
        colour = colour.legend(None)
    x = alt.X("generation:Q", title="generation", axis=alt.Axis(grid=False, tickCount=6, tickMinStep=1))
    base = alt.Chart(frame)
    band = base.mark_area(opacity=0.15).encode(x, alt.Y("low:Q"), alt.Y2("high:Q"), colour)
    line = base.mark_line(strokeWidth=2).encode(x, alt.Y("mean:Q", title=title), colour)
    layers = [band, line]
    if swap < int(frame["generation"].max()):  # type: ignore[arg-type]
        layers.append(alt.Chart(pl.DataFrame({"generation": [swap]})).mark_rule(color="#333333").encode(x))
    return alt.layer(*layers).properties(width=WIDTH + 40, height=HEIGHT + 20)
