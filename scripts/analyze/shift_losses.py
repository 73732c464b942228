"""Shift by kind: loss in M of the best ancestral genome and of populations.

Run: python scripts/analyze/shift_losses.py RUN...
RUN is a folder that `evosim run` wrote, such as results/runs/three-losses-...

The shift is the best genome for the modern world minus the ancestral optimum there. Without ties it
depends on worlds and grid alone, and has no interval. The kinds of regret by the shift are novel,
missed, stale and amplified; inherited regret was there in A already. The kinds are counted against
the best policy, not the best genome. So they need not add up to the shift.
"""

from __future__ import annotations

import sys
from typing import Any

import altair as alt
import polars as pl
from accounts import RUN, main_of

import evosim
from evosim.figures.theme import KIND_COLOURS, themed

WHO = {"best_ancestral": "best ancestral genome", "population": "populations"}


def rows(run: evosim.Run) -> pl.DataFrame:
    """The shift with the two rungs that define it, and regret in M by kind."""
    rungs = run.ladder().filter(
        (pl.col("world") == "modern") & pl.col("name").is_in(["best_for_intent", "best_ancestral"])
    )
    shift = run.losses().filter((pl.col("world") == "modern") & (pl.col("loss") == "shift"))
    kinds = run.behaviour(by=["kind"]).filter(
        (pl.col("world") == "modern") & pl.col("subject").is_in(list(WHO))
    )
    measured = ["mean", "low", "high", "n"]
    return pl.concat(
        [
            rungs.select(pl.lit("design").alias("who"), pl.col("name").alias("what"), *measured),
            shift.select(pl.lit("design").alias("who"), pl.col("loss").alias("what"), *measured),
            kinds.select(
                pl.col("subject").replace(WHO).alias("who"), pl.col("kind").alias("what"), *measured
            ),
        ]
    )


def figure(table: pl.DataFrame, unit: str) -> Any:
    """Regret in M by kind, one bar for R3 and one for the populations of each run."""
    kinds = [kind for kind in KIND_COLOURS if kind not in ("waste", "upkeep")]
    shown = table.filter((pl.col("who") != "design") & pl.col("what").is_in(kinds))
    colour = alt.Color(
        "what:N",
        title="kind",
        sort=kinds,
        scale=alt.Scale(domain=kinds, range=[KIND_COLOURS[kind] for kind in kinds]),
    )
    base = alt.Chart(shown).mark_bar(height=18)
    bars = base.encode(
        alt.X("sum(mean):Q", title=f"regret in M ({unit} in a life)"),
        alt.Y("who:N", title=None),
        colour,
    )
    chart = bars.properties(width=420, height=60).facet(row=RUN)
    return themed(chart, "Cost of the shift by kind", ["means over seeds; upkeep is left out"])


def main(arguments: list[str] | None = None) -> int:
    """Print the table and write it with its figure."""
    return main_of(str(__doc__), "shift-losses", rows, figure, arguments)


if __name__ == "__main__":
    sys.exit(main())
