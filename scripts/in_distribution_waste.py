"""Waste in distribution (inner): what imperfect search leaves on the table in A, by act, beside what desires cost.

Run: python scripts/in_distribution_waste.py RUN...   (RUN is a folder that `evosim run` wrote)

The search step in A is the best genome's fitness minus the populations' (with drivers: minus the fair control's). It is split into what
nobody has found and the load of mutation. An act's entry is its regret minus the best genome's own: what representation wastes is not search's, nor (with drivers) what the run's rider wastes.
"""

from __future__ import annotations

import sys
from typing import Any

import altair as alt
import polars as pl
from accounts import main_of, over_seeds

from evosim.analysis.account import Account
from evosim.figures.theme import ANCESTRAL, themed
from evosim.record import Recorded


def rows(run: Recorded, account: Account) -> list[dict[str, Any]]:
    """The search step and its two parts, the waste of each act, and what is gained if a desire alone is switched off."""
    steps = account.tables["ladder"].filter((pl.col("world") == "ancestral") & (pl.col("part") == "step"))
    out: list[dict[str, Any]] = []
    for name in ("search", "unfound", "load"):
        values = steps.filter(pl.col("name") == name)["value"].drop_nulls()
        if len(values):
            out.append({"what": "step", "name": name, **over_seeds(values)})
    waste = account.tables["behaviour"].filter((pl.col("world") == "ancestral") & (pl.col("kind") == "waste"))
    summed = waste.group_by("subject", "seed", "act").agg(pl.col("value").sum())
    own = dict(summed.filter(pl.col("subject") == "best_ancestral").select("act", "value").iter_rows())
    populations = summed.filter(pl.col("subject") == ("control" if run.controls else "population"))  # with drivers the rest is the hack's
    seeds = populations["seed"].unique()
    for act in sorted({*populations["act"], *own}):
        found = dict(populations.filter(pl.col("act") == act).select("seed", "value").iter_rows())
        out.append({"what": "waste by act", "name": act, **over_seeds(found.get(seed, 0.0) - own.get(act, 0.0) for seed in seeds)})
    for feature, desire in account.tables["desires"].group_by("feature", maintain_order=True):
        out.append({"what": "gain without the desire", "name": feature[0], **over_seeds(desire["gain_ancestral"])})
    return out


def figure(table: pl.DataFrame) -> Any:
    """Waste of each act in A beyond the best genome's, a panel for every run."""
    acts = table.filter(pl.col("what") == "waste by act")
    base = alt.Chart(acts).encode(alt.Y("name:N", title=None, sort="-x"))
    bars = base.mark_bar(color=ANCESTRAL).encode(alt.X("value:Q", title="regret in A beyond the best genome's (offspring in a life)"))
    whiskers = base.mark_rule(color="#000000").encode(alt.X("low:Q"), alt.X2("high:Q")) if acts["low"].is_not_null().any() else None
    chart = (bars + whiskers if whiskers else bars).properties(width=420, height=140)
    return themed(chart.facet(row=alt.Row("run:N", title=None, header=alt.Header(labelAngle=0, labelAlign="left", labelOrient="top"))), "Waste in distribution, by act", ["means over seeds; whiskers: 95% bootstrap interval; an entry below 0: the best genome wastes more by that act"])


def main(arguments: list[str] | None = None) -> int:
    """Print the table and write it with its figure."""
    return main_of(str(__doc__), "in-distribution-waste", rows, figure, arguments)


if __name__ == "__main__":
    sys.exit(main())
