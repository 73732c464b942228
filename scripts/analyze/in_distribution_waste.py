"""Waste in the ancestral world: the loss by imperfect search, by act and by desire.

Run: python scripts/analyze/in_distribution_waste.py RUN...
RUN is a folder that `evosim run` wrote.

Waste is the ancestral optimum minus the population at the switch with the hack channel closed. Its
parts are the fitness that was not found and the load. By act it is the regret beyond that of the
optimum. Upkeep is outside the acts. Only the part that desires carry is masturbation style:
`evosim analyze RUN --details` shows it.
"""

from __future__ import annotations

import sys
from typing import Any

import altair as alt
import polars as pl
from accounts import bars, main_of

import evosim
from evosim.figures.theme import ANCESTRAL, themed

PARTS = ["unfound", "load"]
MEASURED = ["mean", "low", "high", "n"]


def rows(run: evosim.Run) -> pl.DataFrame:
    """The waste, its two parts, the waste by act, and the gain without each desire."""
    waste = run.losses().filter((pl.col("world") == "ancestral") & (pl.col("loss") == "waste"))
    parts = run.ladder().filter((pl.col("world") == "ancestral") & pl.col("name").is_in(PARTS))
    acts = run.steps().filter((pl.col("world") == "ancestral") & (pl.col("step") == "search"))
    gains = run.desires().filter(pl.col("quantity") == "gain_ancestral")
    return pl.concat(
        [
            waste.select(pl.lit("waste").alias("what"), pl.col("loss").alias("name"), *MEASURED),
            parts.select(pl.lit("part of it").alias("what"), "name", *MEASURED),
            acts.select(
                pl.lit("waste by act").alias("what"),
                pl.col("act").fill_null("upkeep").alias("name"),
                *MEASURED,
            ),
            gains.select(
                pl.lit("gain without the desire").alias("what"),
                pl.col("feature").alias("name"),
                *MEASURED,
            ),
        ]
    )


def figure(table: pl.DataFrame, unit: str) -> Any:
    """Waste of each act in A beyond the optimum's, a panel for every run."""
    acts = table.filter(pl.col("what") == "waste by act").with_columns(
        pl.col("name").str.replace_all("_", " ")
    )
    chart = bars(acts, alt.Y("name:N", title=None, sort="-x"), alt.value(ANCESTRAL), unit, 150)
    notes = [
        (
            "regret in A beyond the best genome's; means over seeds; whiskers: bootstrap interval,"
            " from five seeds on"
        ),
        "below 0: the best genome loses more by that act",
    ]
    return themed(chart, "Waste in the ancestral world, by act", notes)


def main(arguments: list[str] | None = None) -> int:
    """Print the table and write it with its figure."""
    return main_of(str(__doc__), "in-distribution-waste", rows, figure, arguments)


if __name__ == "__main__":
    sys.exit(main())
