"""Search paths in a landscape, the direction of the gradient, and the slope that hills add."""

from __future__ import annotations

from typing import Any

import altair as alt
import polars as pl

from evosim.figures.inputs import Searched
from evosim.figures.theme import HEIGHT, WIDTH, themed

MOST_SEEDS, MOST_STEPS = 10, 70
SHARE = alt.Scale(domain=[0, 1], scheme="cividis")


def legs(table: pl.DataFrame, seeds: int = MOST_SEEDS, steps: int = MOST_STEPS) -> pl.DataFrame:
    """Legs of the search paths of the first seeds, one row per leg.

    `x_0`, `x_0_to`, `aside` and `aside_to` are its ends. `height` and `height_to` are the slope
    that hills add there.
    A path of many rows is thinned to about `steps` legs. `share` is the share of side directions in
    the squared gradient, as the mean over the rows of a leg.
    """
    shown = table["seed"].unique(maintain_order=True).to_list()[:seeds]
    out = []
    for seed in shown:
        path = (
            table.filter(pl.col("seed") == seed)
            .sort("evaluation")
            .with_columns((pl.col("loss") + pl.col("x_0")).alias("height"))
        )
        every = max(1, -(-(path.height - 1) // steps))
        # The start is a leg of its own
        leg = ((pl.int_range(pl.len()) + every - 1) // every).alias("leg")
        ends = (
            path.with_columns(leg)
            .group_by("leg", maintain_order=True)
            .agg(
                pl.col("seed", "evaluation", "x_0", "aside", "height").last(),
                pl.col("share").mean(),
            )
        )
        columns = ["x_0", "aside", "height"]
        moved = ends.with_columns(
            *[pl.col(c).alias(f"{c}_to") for c in columns],
            *[pl.col(c).shift(1).alias(c) for c in columns],
        )
        out.append(moved.drop_nulls("x_0"))
    return pl.concat(out)


def draw(s: Searched) -> Any:
    """Left: distance aside against progress; right: the slope that hills add.

    Colour: the share of the gradient (or of the steps) that points aside.
    """
    table, e = s.table, s.experiment
    pointing = "gradient" if e.optimizer["name"] == "gradient" else "steps"
    frame = legs(table)
    if frame.is_empty():
        return None
    ends = frame.group_by("seed", maintain_order=True).last()
    titles = (
        ("aside", "distance from the x_0 axis"),
        ("height", "contribution of hills (loss + x_0)"),
    )
    panels = [_panel(frame, ends, column, title, pointing) for column, title in titles]
    seeds, every = frame["seed"].n_unique(), table["seed"].n_unique()
    which_seeds = (
        f"the first {seeds} of {every} seeds"
        if seeds < every
        else f"{seeds} seeds"
        if seeds > 1
        else f"seed {e.seed}"
    )
    last = table.group_by("seed", maintain_order=True).agg(
        pl.col("aside", "x_0", "share").sort_by("evaluation").last()
    )
    first = (
        table.filter(pl.col("evaluation") > 0)
        .group_by("seed", maintain_order=True)
        .agg(pl.col("share").sort_by("evaluation").first())
    )
    of = f"On average over all {every} seeds the search ends" if every > 1 else "The search ends"
    words = (
        f"{of} {_mean(last, 'aside'):.3g} off the x_0 axis at progress {_mean(last, 'x_0'):.4g}."
        f" Side directions have {_mean(first, 'share'):.1%} of the square of the {pointing} at the"
        f" beginning and {_mean(last, 'share'):.1%} at the end"
    )
    notes = [
        f"{e.name}; {e.optimizer['name']} on {e.world.name}; {which_seeds}",
        (
            f"a circle where a path ends; dark: the {pointing}"
            f" point{'s' if pointing == 'gradient' else ''} along x_0, bright: aside"
        ),
    ]
    return themed(
        alt.hconcat(*panels, spacing=36),
        "The demon's path",
        notes,
        f"The demon's path. {'. '.join(notes)}. {words}.",
    )


def _mean(frame: pl.DataFrame, column: str) -> float:
    return float(frame[column].mean())  # type: ignore[arg-type]


def _panel(frame: pl.DataFrame, ends: pl.DataFrame, column: str, title: str, pointing: str) -> Any:
    x, y = (
        alt.X("x_0:Q", title="progress x_0", axis=alt.Axis(tickCount=5)),
        alt.Y(f"{column}:Q", title=title),
    )
    tips = [
        alt.Tooltip("seed:Q"),
        alt.Tooltip("evaluation:Q"),
        alt.Tooltip("x_0_to:Q", title="progress x_0", format=".4g"),
        alt.Tooltip("aside_to:Q", title="aside", format=".4g"),
        alt.Tooltip("height_to:Q", title="hills add", format=".4g"),
        alt.Tooltip("share:Q", title=f"share of the {pointing} aside", format=".1%"),
    ]
    colour = alt.Color(
        "share:Q",
        title=f"{pointing} aside",
        scale=SHARE,
        legend=alt.Legend(format="%", tickCount=3),
    )
    legs_drawn = (
        alt.Chart(frame)
        .mark_rule(strokeWidth=2)
        .encode(x, alt.X2("x_0_to:Q"), y, alt.Y2(f"{column}_to:Q"), colour, tooltip=tips)
    )
    dots = (
        alt.Chart(ends)
        .mark_point(size=36, strokeWidth=1.2, color="#111111", fill="white", opacity=1)
        .encode(alt.X("x_0_to:Q"), alt.Y(f"{column}_to:Q"), tooltip=tips)
    )
    return alt.layer(legs_drawn, dots).properties(width=WIDTH, height=HEIGHT + 40)
