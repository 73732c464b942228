"""Hacks of the search: what unfair meiosis cost, beside what chance alone does. For runs with drivers and their controls.

Run: python scripts/greedy_gene_hacks.py RUN...   (RUN is a folder that `evosim run greedy-genes` wrote, for instance)

The hack step is the fair control's worth minus the run's: the driver's own cost, and what it did through behaviour. The null is the same
difference between two fair controls. A hack that does not exceed its null is drift.
"""

from __future__ import annotations

import sys
from typing import Any

import altair as alt
import polars as pl
from accounts import main_of, over_seeds

from evosim.analysis.account import Account
from evosim.errors import UserError
from evosim.figures.theme import WORLD_COLOURS, themed
from evosim.record import Recorded

QUANTITIES = ("hack", "own_cost", "behaviour", "null", "presence", "instantaneous")


def rows(run: Recorded, account: Account) -> list[dict[str, Any]]:
    """The hack step in both worlds with its parts and its null, and how common drivers and modifiers are at the swap, by arm."""
    if not run.controls:
        raise UserError(f"{run.folder} must be a run with drivers and controls, but has none. Give a run of greedy-genes.")
    hack = account.tables["hack"]
    out: list[dict[str, Any]] = []
    for world in ("ancestral", "modern"):
        for quantity in QUANTITIES:
            values = hack.filter((pl.col("world") == world) & (pl.col("quantity") == quantity))["value"]
            if len(values):
                out.append({"world": world, "what": quantity, **over_seeds(values)})
    for site in account.summary["hack"]["frequencies"]:
        words = f"frequency of {site['allele']} ({site['locus']})"
        out += [{"world": "ancestral", "what": f"{words}, {arm}", "value": site[arm]} for arm in ("run", *run.controls)]
    return out


def figure(table: pl.DataFrame) -> Any:
    """The hack step, its parts and its null in both worlds, a panel for every run."""
    steps = table.filter(pl.col("what").is_in(QUANTITIES[:4]))
    base = alt.Chart(steps).encode(alt.Y("what:N", title=None, sort=list(QUANTITIES)), alt.YOffset("world:N"))
    bars = base.mark_bar().encode(alt.X("value:Q", title="offspring in a life"), alt.Color("world:N", scale=WORLD_COLOURS, title=None))
    whiskers = base.mark_rule(color="#000000").encode(alt.X("low:Q"), alt.X2("high:Q")) if "low" in steps.columns and steps["low"].is_not_null().any() else None
    chart = (bars + whiskers if whiskers else bars).properties(width=420, height=150)
    return themed(chart.facet(row=alt.Row("run:N", title=None, header=alt.Header(labelAngle=0, labelAlign="left", labelOrient="top"))), "What a driver cost, beside chance", ["means over seeds; whiskers: 95% bootstrap interval; null: fair meiosis against fair meiosis"])


def main(arguments: list[str] | None = None) -> int:
    """Print the table and write it with its figure."""
    return main_of(str(__doc__), "greedy-gene-hacks", rows, figure, arguments)


if __name__ == "__main__":
    sys.exit(main())
