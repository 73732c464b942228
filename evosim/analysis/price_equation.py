"""The search ledger of a run, summed over generations: what moved each trait
(`evosim.simulation.price_equation` keeps it by generation).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl

from evosim.runtime import blocks

Rows = Callable[[pl.Expr], pl.DataFrame]

TERMS = (
    "selection",
    "drift",
    "sampling",
    "segregation",
    "recombination",
    "drive",
    "mutation",
    "introduction",
)


def totals(rows: Rows, first: int, last: int) -> pl.DataFrame:
    """One row a seed and trait, of a ledger whose rows `rows` gives: terms, change and order spread
    summed over newborns of generations `first .. last`.

    What was never measured stays null.
    """
    summed = [
        pl.when(pl.col(c).is_null().all()).then(None).otherwise(pl.col(c).sum()).alias(c)
        for c in (*TERMS, "change", "order_spread")
    ]
    # A block of generations at a time, so that memory does not grow with their number.
    starts = range(first, max(first, last) + 1, blocks.BLOCK)
    parts = [
        rows(pl.col("generation").is_between(start, min(start + blocks.BLOCK - 1, last)))
        for start in starts
    ]
    sums = [part.group_by("seed", "trait", maintain_order=True).agg(summed) for part in parts]
    return (
        sums[0]
        if len(sums) == 1
        else pl.concat(sums).group_by("seed", "trait", maintain_order=True).agg(summed)
    )


def summary_of(rows: Rows | None, swap: int, generations: int) -> dict[str, Any] | None:
    """Means over seeds of the totals before the swap (`traits`) and after it (`after`); nothing
    without a ledger.

    `traits` leads to the population at the swap, the last that lived in the ancestral world, and
    `after` from it to the last population. So the first selection in `after` is still by the
    ancestral world: it chose the parents of the first modern generation.
    """
    if rows is None:
        return None

    def mean(first: int, last: int) -> list[dict[str, Any]]:
        summed = totals(rows, first, last).drop("seed")
        return summed.group_by("trait", maintain_order=True).mean().to_dicts()

    return {"terms": list(TERMS), "traits": mean(1, swap - 1), "after": mean(swap, generations - 1)}


def closure(table: pl.DataFrame) -> pl.Series:
    """`[rows]` what is left of each change when all terms are taken off: rounding, or a fault."""
    told = sum((pl.col(term).fill_null(0.0) for term in TERMS), start=pl.lit(0.0))
    return table.select((pl.col("change") - told).alias("left"))["left"]
