"""Causes: what of a planner's loss is its objective, belief, horizon and so on."""

from __future__ import annotations

from typing import Any

import altair as alt
import polars as pl

from evosim.analysis.planner_causes import SWITCHES
from evosim.figures.inputs import UNDRIVEN, WHISKERS, Source
from evosim.figures.quantile_bands import banded
from evosim.figures.theme import WIDTH, themed

SUBJECTS = {
    "best_for_payoff": "best genome for payoff in M",
    "best_ancestral": "best genome for A",
    "population": "population at the swap",
}
COLOURS = {"best_for_payoff": "#E69F00", "best_ancestral": "#000000", "population": "#56B4E9"}
NOTHING, NEGLIGIBLE = 1e-9, 2e-3  # of the largest


def causes(table: pl.DataFrame, order: tuple[str, ...]) -> Any:
    """Shapley values by cause, a panel a world; bars of one cause are of several subjects.

    Whiskers hold the middle 95% of seeds.

    Causes that amount to nothing for anybody in either world are left out.
    """
    means = banded(table, "value", "subject", "world", "cause")
    sizes = (
        means.group_by("cause", maintain_order=True)
        .agg(pl.col("mean", "low", "high").abs().max())
        .select("cause", size=pl.max_horizontal("mean", "low", "high"))
    )
    least = max(NOTHING, NEGLIGIBLE * float(sizes["size"].max()))  # type: ignore[arg-type]
    there = [
        cause for cause in order if cause in set(sizes.filter(pl.col("size") > least)["cause"])
    ]
    who = [name for name in SUBJECTS if name in set(means["subject"])]
    several = table.filter(pl.col("subject") == "population")["seed"].n_unique() > 1
    frame = means.filter(pl.col("cause").is_in(there or list(order[:1]))).with_columns(
        pl.col("subject").replace_strict(SUBJECTS).alias("who")
    )
    return alt.hconcat(
        *[
            _panel(frame.filter(pl.col("world") == w), w, there, who, several)
            for w in ("ancestral", "modern")
        ],
        spacing=30,
    )


def _panel(frame: pl.DataFrame, world: str, there: list[str], who: list[str], several: bool) -> Any:
    names = [SUBJECTS[name] for name in who]
    y = alt.Y(
        "cause:N",
        sort=there,
        title=None,
        axis=alt.Axis(grid=False, ticks=False),
        scale=alt.Scale(paddingInner=0.25),
    )
    offset = alt.YOffset("who:N", sort=names)
    unit = "payoff" if world == "ancestral" else "intent"
    x = alt.X(
        "mean:Q", title=f"of the loss of {unit} (negative: it helps)", axis=alt.Axis(tickCount=6)
    )
    colour = alt.Color(
        "who:N",
        title=None,
        sort=names,
        scale=alt.Scale(domain=names, range=[COLOURS[n] for n in who]),
        legend=alt.Legend(
            orient="bottom", symbolType="square", symbolStrokeWidth=0, labelLimit=240
        ),
    )
    tips = [
        alt.Tooltip("cause:N"),
        alt.Tooltip("who:N", title="of"),
        alt.Tooltip("mean:Q", title="Shapley value", format=".4f"),
        alt.Tooltip("low:Q", title="95% of seeds from", format=".4f"),
        alt.Tooltip("high:Q", title="to", format=".4f"),
    ]
    base = alt.Chart(frame)
    layers = [
        base.mark_bar(stroke="#333333", strokeWidth=0.5).encode(x, y, offset, colour, tooltip=tips)
    ]
    if several:
        of_population = alt.Chart(frame.filter(pl.col("subject") == "population"))
        layers.append(
            of_population.mark_rule(strokeWidth=1.8, color="#111111").encode(
                alt.X("low:Q"), alt.X2("high:Q"), y, offset, tooltip=tips
            )
        )
    layers.append(
        alt.Chart(pl.DataFrame({"zero": [0.0]})).mark_rule(color="#333333").encode(alt.X("zero:Q"))
    )
    return alt.layer(*layers).properties(
        width=WIDTH, height=max(2, len(there)) * 16 * len(who), title=f"{world} world"
    )


def draw(s: Source) -> Any:
    """Shapley causes of loss."""
    table = s.analysis["causes"]
    if table.is_empty():
        return None
    covered = table.filter(pl.col("subject") == "population")["covered"]
    share = (
        f"of populations their commonest genomes, {float(covered.mean()):.0%} of them"  # type: ignore[arg-type]
        if covered.len()
        else "no population was there at the swap"
    )
    notes = [
        s.subtitle(WHISKERS),
        (
            "gain from correcting each part of the planner: Shapley values, which sum to"
            f" the loss; {share}{UNDRIVEN if s.summary.account.drivers else ''}"
        ),
    ]
    means = table.group_by("subject", "world", "cause", maintain_order=True).agg(
        pl.col("value").mean()
    )
    largest = (
        means.sort(pl.col("value").abs(), descending=True)
        .group_by("subject", "world", maintain_order=True)
        .first()
    )
    most = [
        (
            f"most by {r['cause']} ({r['value']:.3g})"
            if abs(r["value"]) > NOTHING
            else "nothing by any"
        )
        for r in largest.iter_rows(named=True)
    ]
    finding = "; ".join(
        f"{r['subject'].replace('_', ' ')} in the {r['world']} world: {words}"
        for r, words in zip(largest.iter_rows(named=True), most, strict=True)
    )
    return themed(
        causes(table, SWITCHES),
        "Causes: what of the loss is desire, belief and planning",
        notes,
        f"Causes of loss. {'. '.join(notes)}. {finding}.",
    )
