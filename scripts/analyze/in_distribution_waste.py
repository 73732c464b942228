"""Waste in distribution (inner): the loss of imperfect search in A by act, and by desire.

Run: python scripts/analyze/in_distribution_waste.py RUN...
RUN is a folder that `evosim run` wrote.

The search step in A is the best fitness minus that of the populations. With drivers it is minus
that of the fair control. Its parts are the fitness that was not found and the mutation load. By act
it is the waste beyond that of the best genome. Upkeep is outside the acts.
"""

from __future__ import annotations

import sys
from typing import Any

import altair as alt
import polars as pl
from accounts import bars, main_of

import evosim
from evosim.figures.theme import ANCESTRAL, themed

PARTS = ["search", "unfound", "load"]
MEASURED = ["mean", "low", "high", "seeds"]


def rows(run: evosim.Run) -> pl.DataFrame:
    """The search step, its two parts, the step by act, and the gain without each desire."""
    step = run.ladder().filter((pl.col("world") == "ancestral") & pl.col("name").is_in(PARTS))
    acts = run.steps().filter((pl.col("world") == "ancestral") & (pl.col("step") == "search"))
    gains = run.desires().filter(pl.col("quantity") == "gain_ancestral")
    return pl.concat(
        [
            step.select(pl.lit("step").alias("what"), "name", *MEASURED),
            acts.select(
                pl.lit("step by act").alias("what"),
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
    """Waste of each act in A beyond the best genome's, a panel for every run."""
    acts = table.filter(pl.col("what") == "step by act").with_columns(
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
    return themed(chart, "Waste in distribution, by act", notes)


def main(arguments: list[str] | None = None) -> int:
    """Print the table and write it with its figure."""
    return main_of(str(__doc__), "in-distribution-waste", rows, figure, arguments)


if __name__ == "__main__":
    sys.exit(main())
