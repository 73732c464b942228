"""The shift's losses (outer): what the best ancestral genome and populations lose in M, by the kind of each loss.

Run: python scripts/shift_losses.py RUN...   (RUN is a folder that `evosim run` wrote; results/runs/birth-control-... for instance)

The shift step belongs to worlds and grid: no run changes it, so it has no interval. Kinds of the shift are novel, missed, stale and
amplified; inherited waste came along from A. In M the populations' kinds need not add up to the ladder's step.
"""

from __future__ import annotations

import sys
from typing import Any

import altair as alt
import polars as pl
from accounts import main_of, over_seeds

from evosim.analysis.account import Account
from evosim.analysis.behaviour import KINDS
from evosim.figures.theme import KIND_COLOURS, themed
from evosim.record import Recorded


def rows(run: Recorded, account: Account) -> list[dict[str, Any]]:
    """The shift step, and regret in M by kind, of R3 and of the populations at the swap."""
    ladder = account.summary["ladder"]["modern"]
    out: list[dict[str, Any]] = [{"who": "design", "what": name, "value": ladder["rungs"][name]} for name in ("best_for_payoff", "best_ancestral")]
    out.append({"who": "design", "what": "shift step", "value": ladder["steps"]["shift"]})
    modern = account.tables["behaviour"].filter(pl.col("world") == "modern")
    summed = modern.group_by("subject", "seed", "kind").agg(pl.col("value").sum())
    seeds = summed.filter(pl.col("subject") == "population")["seed"].unique()
    for kind in (*KINDS, "no overlap"):
        mine = summed.filter(pl.col("kind") == kind)
        if mine.is_empty():
            continue
        own = mine.filter(pl.col("subject") == "best_ancestral")["value"]
        out.append({"who": "best ancestral genome", "what": kind, "value": own.sum()})
        found = dict(mine.filter(pl.col("subject") == "population").select("seed", "value").iter_rows())
        out.append({"who": "populations", "what": kind, **over_seeds(found.get(seed, 0.0) for seed in seeds)})
    return out


def figure(table: pl.DataFrame) -> Any:
    """Regret in M by kind, a bar each for R3 and for the populations of every run."""
    kinds = [*KINDS, "no overlap"]
    colour = alt.Color("what:N", title="kind", sort=kinds, scale=alt.Scale(domain=kinds, range=[KIND_COLOURS[kind] for kind in kinds]))
    bars = alt.Chart(table.filter(pl.col("who") != "design")).mark_bar(height=18).encode(alt.X("sum(value):Q", title="regret in M (offspring in a life)"), alt.Y("who:N", title=None), colour)
    return themed(bars.properties(width=420, height=60).facet(row=alt.Row("run:N", title=None, header=alt.Header(labelAngle=0, labelAlign="left", labelOrient="top"))), "What the shift costs, by kind", ["means over seeds; upkeep is left out"])


def main(arguments: list[str] | None = None) -> int:
    """Print the table and write it with its figure."""
    return main_of(str(__doc__), "shift-losses", rows, figure, arguments)


if __name__ == "__main__":
    sys.exit(main())
