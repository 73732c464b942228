"""Drivers through time, and what the population is worth with them, with fair meiosis, and without them."""

from __future__ import annotations

from typing import Any

import altair as alt
import polars as pl

from evosim.figures.bands import banded
from evosim.figures.theme import ARM_COLOURS, ARM_DASHES, HEIGHT, LOCUS_COLOURS, WIDTH

ARMS = {"run": "as it was", "fair": "fair meiosis", "absent": "no driver"}


def drive(alleles: dict[str, pl.DataFrame], generations: dict[str, pl.DataFrame], sites: list[tuple[str, str]], swap: int) -> Any:
    """Left: frequency of drivers and modifiers among newborns; right: mean fitness in A of the run and its controls.

    Frames by arm, as recorded; arms are those of `ARMS` that are there. Bands hold the middle 95% of seeds.
    """
    x = alt.X("generation:Q", title="generation", axis=alt.Axis(grid=False, tickCount=6, tickMinStep=1))
    left = _frequencies(alleles["run"], sites, x)
    worth = pl.concat(
        [frame.select("seed", "generation", "ancestral_mean").with_columns(pl.lit(ARMS[arm]).alias("arm")) for arm, frame in generations.items()]
    )
    lines = banded(worth, "ancestral_mean", "arm", "generation")
    domain = [ARMS[arm] for arm in generations]
    legend = alt.Legend(symbolType="stroke", symbolOpacity=1, symbolSize=300)
    colour = alt.Color("arm:N", title="meiosis", scale=alt.Scale(domain=domain, range=ARM_COLOURS), legend=legend, sort=domain)
    dash = alt.StrokeDash("arm:N", title="meiosis", scale=alt.Scale(domain=domain, range=ARM_DASHES), legend=legend, sort=domain)
    y = alt.Y("mean:Q", title="mean fitness in A (expected offspring)", scale=alt.Scale(zero=True))
    base = alt.Chart(lines)
    layers = [
        base.mark_area(opacity=0.13).encode(x, alt.Y("low:Q"), alt.Y2("high:Q"), colour),
        base.mark_line(strokeWidth=2).encode(x, y, colour, dash),
    ]
    right = alt.layer(*layers).properties(width=WIDTH, height=HEIGHT + 20)
    if swap <= int(worth["generation"].max()):  # type: ignore[arg-type]
        rule = alt.Chart(pl.DataFrame({"generation": [swap]})).mark_rule(color="#333333").encode(x)
        left, right = left + rule, right + rule
    return alt.hconcat(left, right, spacing=36).resolve_scale(color="independent", strokeDash="independent")


def _frequencies(alleles: pl.DataFrame, sites: list[tuple[str, str]], x: Any) -> Any:
    names = [f"{allele} at {locus}" for locus, allele in sites]
    wanted = pl.DataFrame({"locus": [s[0] for s in sites], "allele": [s[1] for s in sites], "site": names})
    lines = banded(alleles.join(wanted, on=["locus", "allele"]), "frequency", "site", "generation")
    legend = alt.Legend(symbolType="stroke", symbolOpacity=1, symbolSize=300)
    colour = alt.Color("site:N", title="allele", scale=alt.Scale(domain=names, range=LOCUS_COLOURS[: len(names)]), legend=legend)
    y = alt.Y("mean:Q", title="frequency among newborns", scale=alt.Scale(domain=[0, 1]))
    base = alt.Chart(lines)
    band = base.mark_area(opacity=0.15).encode(x, alt.Y("low:Q"), alt.Y2("high:Q"), colour)
    return alt.layer(band, base.mark_line(strokeWidth=2).encode(x, y, colour)).properties(width=WIDTH, height=HEIGHT + 20)
