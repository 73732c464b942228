"""All three losses in A and M: shift (birth control), search (masturbation), hack (greedy genes).

Run: python scripts/analyze/three_losses.py RUN...
RUN is a folder that `evosim run` wrote. The default experiment has all three losses.

The losses are steps of one ladder, from the best genome for payoff to the evolved population. In M
they add up to the difference, unless selection saw a part of A only (step `sampling`). The shift
depends on worlds and grid alone and has no interval. A loss that was not measured has no bar, which
does not mean 0.
"""

from __future__ import annotations

import sys
from typing import Any

import altair as alt
import polars as pl
from accounts import bars, main_of

import evosim
from evosim.figures.theme import WORLD_COLOURS, themed


def rows(run: evosim.Run) -> pl.DataFrame:
    """The three losses in both worlds, and their sum."""
    losses = run.losses().drop("words")
    rungs = run.ladder().filter(pl.col("name").is_in(["best_for_payoff", "population"]))
    whole = [
        {"loss": "all", "style": "best genome to population", "world": world, "mean": top - bottom}
        for (world,), of_world in rungs.group_by("world", maintain_order=True)
        if (top := _of(of_world, "best_for_payoff")) is not None
        and (bottom := _of(of_world, "population")) is not None
    ]
    return pl.concat(
        [
            losses,
            pl.DataFrame(
                whole,
                schema={
                    "loss": pl.String,
                    "style": pl.String,
                    "world": pl.String,
                    "mean": pl.Float64,
                },
            ),
        ],
        how="diagonal_relaxed",
    )


def _of(rungs: pl.DataFrame, name: str) -> float | None:
    means = rungs.filter(pl.col("name") == name)["mean"]
    return means[0] if len(means) else None


def figure(table: pl.DataFrame, unit: str) -> Any:
    """The three losses, a bar for each world, a panel for every run."""
    shown = (
        table.filter(pl.col("loss") != "all")
        .drop_nulls("mean")
        .with_columns(pl.format("{}: {}", "loss", "style").alias("name"))
    )
    order = shown["name"].unique(maintain_order=True).to_list()
    colour = alt.Color("world:N", scale=WORLD_COLOURS, title=None)
    y = alt.Y("name:N", title=None, sort=order, axis=alt.Axis(labelLimit=300))
    chart = bars(shown, y, colour, unit, 120, yOffset=alt.YOffset("world:N"))
    return themed(
        chart,
        "Three losses",
        [
            (
                "loss by step of the ladder; means over seeds; whiskers: bootstrap"
                " interval, from five seeds on"
            ),
            (
                "the shift is exact, and 0 in A by construction; greedy genes without bars: not"
                " measured"
            ),
        ],
    )


def main(arguments: list[str] | None = None) -> int:
    """Print the table and write it with its figure."""
    return main_of(str(__doc__), "three-losses", rows, figure, arguments)


if __name__ == "__main__":
    sys.exit(main())
