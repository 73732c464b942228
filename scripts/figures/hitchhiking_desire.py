"""Share of the wasteful desire and the hack step against map distance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import altair as alt
import polars as pl

from evosim.figures.theme import HEIGHT, WIDTH, themed
from figures import experiment


def draw(folder: Path) -> dict[str, Any]:
    """Share of the wasteful allele and the hack step against distance."""
    table, known = pl.read_csv(folder / "hitchhiking.csv"), experiment(folder)
    n, k, comes = (
        known["optimizer"]["population"],
        known["genome"]["drivers"][0]["ratio"],
        known["optimizer"]["introductions"][0],
    )
    first, last = (
        int(name.removeprefix("theory_at_"))
        for name in table.columns
        if name.startswith("theory_at_")
    )
    soon = f"after {first - comes['generation']} generations"
    frame = table.with_columns(pl.max_horizontal("centimorgan", pl.lit(0.03)).alias("x"))
    x = alt.X(
        "x:Q",
        title="map distance (centimorgan; leftmost: none)",
        scale=alt.Scale(type="log", domain=[0.02, 120]),
        axis=alt.Axis(grid=False, values=[0.1, 1, 10, 100]),
    )
    words = {
        soon: (f"run_share_at_{first}", "#D55E00", [1, 0]),
        "at the end": (f"run_share_at_{last}", "#0072B2", [1, 0]),
    }
    theory = {
        f"theory {soon}": (f"theory_at_{first}", "#D55E00", [4, 3]),
        "theory, a rider without cost": ("theory_neutral", "#000000", [2, 3]),
    }
    names = [*words, *theory]
    colours, dashes = ([entry[i] for entry in (words | theory).values()] for i in (1, 2))
    legend = alt.Legend(symbolType="stroke", symbolOpacity=1, symbolSize=300)
    colour = alt.Color(
        "when:N",
        title=None,
        sort=names,
        scale=alt.Scale(domain=names, range=colours),
        legend=legend,
    )
    dash = alt.StrokeDash(
        "when:N", title=None, sort=names, scale=alt.Scale(domain=names, range=dashes), legend=legend
    )
    layers = []
    for word, (column, _, _) in (words | theory).items():
        base = alt.Chart(frame.with_columns(pl.lit(word).alias("when")))
        y = alt.Y(
            f"{column}:Q", title="share of the wasteful allele", scale=alt.Scale(domain=[0, 1])
        )
        layers.append(base.mark_line(strokeWidth=2).encode(x, y, colour, dash))
        if word in words:
            layers.append(base.mark_point(filled=True, size=45, opacity=1).encode(x, y, colour))
            layers.append(
                base.mark_rule(strokeWidth=2).encode(
                    x, alt.Y(f"{column}_low:Q"), alt.Y2(f"{column}_high:Q"), colour
                )
            )
    left = alt.layer(*layers).properties(width=WIDTH, height=HEIGHT + 20)
    base = alt.Chart(frame)
    zero = alt.Chart(pl.DataFrame({"y": [0.0]})).mark_rule(color="#999999").encode(alt.Y("y:Q"))
    y = alt.Y("hack:Q", title="hack step in A (expected offspring)")
    dots = base.mark_point(filled=True, size=45, opacity=1, color="#333333").encode(x, y)
    bars = base.mark_rule(strokeWidth=2, color="#333333").encode(
        x, alt.Y("hack_low:Q"), alt.Y2("hack_high:Q")
    )
    right = (
        zero + base.mark_line(strokeWidth=2, color="#333333").encode(x, y) + dots + bars
    ).properties(width=WIDTH, height=HEIGHT + 20)
    notes = [
        (
            f"hitchhiking-desire; {known['replicates']} seeds of N = {n}; driver k = {k} without"
            f" cost, {comes['copies']} copies in generation {comes['generation']} with solo = 1"
        ),
        (
            "whiskers: 95% bootstrap interval of the mean; theory: recursion of two loci, the rider"
            " at its cost before the driver came"
        ),
    ]
    return {
        "hitchhiking": themed(
            alt.hconcat(left, right, spacing=36),
            "A costly desire rides along only if it cannot be left behind",
            notes,
        )
    }
