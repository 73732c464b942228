"""Hack of the search: the cost of unfair meiosis, compared with chance.

The runs need drivers and their controls.

Run: python scripts/analyze/greedy_gene_hacks.py RUN...
RUN is a folder that a run with drivers wrote, such as that of `evosim run`.

The hack is the fitness of the fair control minus that of the run. Its parts are the driver's
own cost and its effect through behaviour. The null is the difference between two fair controls,
which is 0 in expectation. If the interval of a hack step contains 0, no effect is detected.
"""

from __future__ import annotations

import sys
from typing import Any

import altair as alt
import polars as pl
from accounts import bars, main_of

import evosim
from evosim.figures.theme import WORLD_COLOURS, themed

QUANTITIES = ["hack", "own_cost", "behaviour", "null", "presence", "instantaneous"]


def rows(run: evosim.Run) -> pl.DataFrame:
    """The hack step in both worlds with its parts and its null.

    Frequencies of drivers and modifiers at the switch are given by arm.
    """
    if not run.recorded.controls:
        raise evosim.UserError(
            f"{run.folder} must be a run with drivers and controls, but has none. Give a run of"
            " greedy-genes."
        )
    steps = run.hack().filter(pl.col("quantity").is_in(QUANTITIES)).rename({"quantity": "what"})
    sites = [
        {
            "world": "ancestral",
            "what": f"frequency of {site['allele']} ({site['locus']}), {arm}",
            "mean": site[arm],
        }
        for site in run.summary["hack"]["frequencies"]
        for arm in ("run", *run.recorded.controls)
        if arm in site
    ]
    return pl.concat([steps, pl.DataFrame(sites)], how="diagonal_relaxed")


def figure(table: pl.DataFrame, unit: str) -> Any:
    """The hack step, its parts and its null in both worlds, a panel for every run."""
    steps = table.filter(pl.col("what").is_in(QUANTITIES[:4])).with_columns(
        pl.col("what").str.replace_all("_", " ")
    )
    order = alt.Y("what:N", title=None, sort=[name.replace("_", " ") for name in QUANTITIES])
    chart = bars(
        steps,
        order,
        alt.Color("world:N", scale=WORLD_COLOURS, title=None),
        unit,
        150,
        yOffset=alt.YOffset("world:N"),
    )
    return themed(
        chart,
        "Cost of drivers, compared with chance",
        [
            "means over seeds; whiskers: bootstrap interval, from five seeds on; null: fair meiosis"
            " against fair meiosis"
        ],
    )


def main(arguments: list[str] | None = None) -> int:
    """Print the table and write it with its figure."""
    return main_of(str(__doc__), "greedy-gene-hacks", rows, figure, arguments)


if __name__ == "__main__":
    sys.exit(main())
