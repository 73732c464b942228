"""The search ledger of a run, summed over generations: what moved each trait
(`evosim.simulation.price_equation` keeps it by generation).
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from evosim.analysis.summary import PriceSummary, TraitChange
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
    """One row a seed and trait, of a ledger whose rows `rows` gives.

    Terms, change and order spread are summed over newborns of generations `first .. last`.

    A term that was never measured stays null.
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


def price_summary(rows: Rows | None, swap: int, generations: int) -> PriceSummary | None:
    """Means over seeds of the totals before the swap (`traits`) and after it (`after`).

    `traits` leads to the population at the swap, the last in the ancestral world. `after` leads
    from it to the last population. So the first selection in `after` is still by the ancestral
    world. It chose the parents of the first modern generation.

    Parameters
    ----------
    rows : callable or None
        Rows of the table `search` for a condition; None if the run has no such table.
    swap : int
        The first generation in the modern world.
    generations : int
        Of the run.

    Returns
    -------
    PriceSummary or None
        None without the table.
    """
    if rows is None:
        return None

    def mean(first: int, last: int) -> tuple[TraitChange, ...]:
        summed = totals(rows, first, last).drop("seed")
        means = summed.group_by("trait", maintain_order=True).mean()
        return tuple(
            TraitChange(
                trait=row["trait"],
                terms={term: row[term] for term in TERMS},
                change=row["change"],
                order_spread=row["order_spread"],
            )
            for row in means.iter_rows(named=True)
        )

    return PriceSummary(TERMS, mean(1, swap - 1), mean(swap, generations - 1))


def closure(table: pl.DataFrame) -> pl.Series:
    """`[rows]` what is left of each change when all terms are taken off: rounding, or a fault."""
    explained = sum((pl.col(term).fill_null(0.0) for term in TERMS), start=pl.lit(0.0))
    return table.select((pl.col("change") - explained).alias("left"))["left"]
