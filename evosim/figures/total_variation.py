"""Payoff difference between A and M, and the bound on it from total variation."""

from __future__ import annotations

from typing import Any

import altair as alt
import polars as pl

from evosim.analysis.genotype_accounts import GenotypeAccounts
from evosim.figures.inputs import COMMON, Source, payoff_words
from evosim.figures.theme import HEIGHT, WIDTH, themed

SUBJECTS = {
    "best_for_intent": "best genome for intent in M",
    "best_for_payoff": "best genome for payoff in M",
    "best_ancestral": "best genome for A",
    "population": "population at the swap",
    "class": "its common classes",
}
COLOURS = {
    "best_for_intent": "#009E73",
    "best_for_payoff": "#E69F00",
    "best_ancestral": "#000000",
    "population": "#0072B2",
    "class": "#8FC7EA",
}
SHAPES = {
    "best_for_intent": "square",
    "best_for_payoff": "cross",
    "best_ancestral": "triangle-up",
    "population": "circle",
    "class": "circle",
}
WIDE = 20.0  # ratio of the largest to the least from which axes are logarithmic


def variation(table: pl.DataFrame, unit: str) -> Any:
    """Bound against difference, with the line of equality.

    Rows are those of the account's table; `subject` is one of `SUBJECTS`.
    """
    of = "" if unit == "payoff" else f" ({unit})"
    present = [name for name in SUBJECTS if name in set(table["subject"])]
    both = pl.concat([table["bound"], table["difference"]])
    low, high = float(both.min()), float(both.max())  # type: ignore[arg-type]
    log = low > 0.0 and high / low > WIDE
    if log:
        domain = [low / 1.5, high * 1.5]
        scale = alt.Scale(type="log", domain=domain, nice=False)
    else:
        domain = [0.0, max(high, 1e-9) * 1.06]
        scale = alt.Scale(domain=domain, nice=False)
    # Rungs above populations above classes
    order = {name: i for i, name in enumerate(reversed(SUBJECTS))}
    frame = table.sort(pl.col("subject").replace_strict(order), maintain_order=True).with_columns(
        pl.col("subject").replace_strict(SUBJECTS).alias("who"),
        (pl.col("range") * pl.coalesce("exact", "most")).alias("by_variation"),
        pl.coalesce("exact", "most").alias("tv"),
    )
    colour, shape = _marks(present)
    tips = [
        alt.Tooltip("who:N", title="whose lives"),
        alt.Tooltip("seed:Q"),
        alt.Tooltip("difference:Q", title=f"difference{of}", format=".4g"),
        alt.Tooltip("bound:Q", title="bound", format=".4g"),
        alt.Tooltip("tv:Q", title="total variation, at most", format=".3f"),
        alt.Tooltip("least:Q", title="total variation, at least", format=".3f"),
        alt.Tooltip("range:Q", title="range of returns", format=".4g"),
        alt.Tooltip("payoff_change:Q", title="change of payoff itself", format=".4g"),
    ]
    x = alt.X(
        "bound:Q",
        title=f"bound: range of returns times total variation, plus change of payoff{of}",
        scale=scale,
        axis=alt.Axis(tickCount=5, grid=False),
    )
    y = alt.Y(
        "difference:Q",
        title=f"difference of A and M{of}",
        scale=scale,
        axis=alt.Axis(tickCount=5, grid=False),
    )
    line = (
        alt.Chart(pl.DataFrame({"x": domain, "y": domain}))
        .mark_line(color="#555555", strokeDash=[5, 3])
        .encode(alt.X("x:Q", scale=scale), alt.Y("y:Q", scale=scale))
    )
    words = pl.DataFrame({"x": [domain[1]], "y": [domain[1]], "text": ["as large as it can be"]})
    label = (
        alt.Chart(words)
        .mark_text(align="right", dx=-14, dy=4, fontSize=10.5, fontStyle="italic")
        .encode(alt.X("x:Q", scale=scale), alt.Y("y:Q", scale=scale), alt.Text("text:N"))
    )
    dots = (
        alt.Chart(frame)
        .mark_point(filled=True, size=60, opacity=0.85, stroke="#222222", strokeWidth=0.6)
        .encode(x, y, colour, shape, tooltip=tips)
    )
    return alt.layer(line, label, dots).properties(width=WIDTH + 120, height=HEIGHT + 110)


def _marks(present: list[str]) -> tuple[Any, Any]:
    """Colour and shape of each subject."""
    names = [SUBJECTS[name] for name in present]
    colour = alt.Color(
        "who:N",
        title=None,
        sort=names,
        scale=alt.Scale(domain=names, range=[COLOURS[n] for n in present]),
        legend=alt.Legend(labelLimit=240, symbolStrokeWidth=0.6, symbolOpacity=1),
    )
    shape = alt.Shape(
        "who:N",
        title=None,
        sort=names,
        scale=alt.Scale(domain=names, range=[SHAPES[n] for n in present]),
        legend=alt.Legend(labelLimit=240, symbolStrokeWidth=0.6, symbolOpacity=1),
    )
    return colour, shape


def _with_common_classes(s: Source, table: pl.DataFrame) -> pl.DataFrame:
    """The account's table, and a row for each of the most common classes at the swap."""
    accounts = GenotypeAccounts(s.evaluator)
    swap = s.run.tables["populations"].filter(pl.col("moment") == "swap")
    common = (
        swap.group_by("class")
        .agg(pl.col("count").sum())
        .sort("count", "class", descending=[True, False])
        .head(COMMON)["class"]
        .to_list()
    )
    single = [
        {
            "subject": "class",
            "class": int(c),
            **{
                k: getattr(v, k)
                for k in (
                    "least",
                    "most",
                    "exact",
                    "range",
                    "payoff_change",
                    "bound",
                    "difference",
                    "slack",
                )
            },
        }
        for c in common
        for v in [accounts.variation(int(c))]
    ]
    columns = [
        "subject",
        "seed",
        "least",
        "most",
        "exact",
        "range",
        "payoff_change",
        "bound",
        "difference",
        "slack",
    ]
    return (
        pl.concat(
            [
                table.select(columns),
                pl.DataFrame(single, schema_overrides={"exact": pl.Float64}).select(
                    "subject", pl.lit(None, dtype=pl.Int64).alias("seed"), *columns[2:]
                ),
            ]
        )
        if single
        else table.select(columns)
    )


def draw(s: Source) -> Any:
    """The total variation bound, of rungs, populations, and their common classes."""
    table = s.analysis["variation"]
    if table.is_empty():
        return None
    rows = _with_common_classes(s, table)
    notes = [
        s.subtitle("a circle each"),
        (
            "no point can lie above the line (a theorem); gross of upkeep, which takes the same"
            " share in both worlds"
        ),
    ]
    used = rows.filter(pl.col("bound") > 0.0)
    most = float((used["difference"] / used["bound"]).max()) if used.height else 0.0  # type: ignore[arg-type]
    finding = f"Of {rows.height} subjects the difference is at most {most:.0%} of its bound"
    return themed(
        variation(rows, payoff_words(s)),
        "How differently it lives, and what that can cost",
        notes,
        f"Total variation bound. {'. '.join(notes)}. {finding}.",
    )
