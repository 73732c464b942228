"""A cross-section of the landscape: fitness of genomes in M, against their fitness in A.

Genomes with equal fitness in A may have any fitness in M: training data do not constrain it.
Fitness is payoff in A and intent in M, both net, as in the ladders. Every class of the table is
counted once.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim.analysis.ladder import breeding_true, near_best
from evosim.analysis.life_variation import ROUNDING
from evosim.reference.dynamic_programming import Span

Floats = NDArray[np.float64]
Edges = tuple[Floats, Floats]
BINS = (64, 48)
X, Y = "ancestral", "modern_intent"


def edges_of(landscape: pl.DataFrame, bins: tuple[int, int] = BINS) -> Edges:
    """Edges of bins in A and in M, over all that the table holds."""
    ends = []
    for column, n in zip((X, Y), bins, strict=True):
        low, high = float(landscape[column].min()), float(landscape[column].max())  # type: ignore[arg-type]
        room = ROUNDING * max(abs(low), abs(high), ROUNDING)
        if high - low <= room:  # all have the same fitness
            low, high = low - max(0.5 * abs(low), 0.5), high + max(0.5 * abs(high), 0.5)
        ends.append(np.linspace(low, high, n + 1))
    return ends[0], ends[1]


def density(landscape: pl.DataFrame, edges: Edges) -> pl.DataFrame:
    """Bins in which there are classes: ends `x`, `x2` in A and `y`, `y2` in M, and how many
    `classes`.
    """
    x, y = edges
    counts, _, _ = np.histogram2d(landscape[X].to_numpy(), landscape[Y].to_numpy(), bins=[x, y])
    i, j = np.nonzero(counts)
    return pl.DataFrame(
        {
            "x": x[i],
            "x2": x[i + 1],
            "y": y[j],
            "y2": y[j + 1],
            "classes": counts[i, j].astype(np.int64),
        }
    )


def distinct(landscape: pl.DataFrame, digits: int = 3) -> pl.DataFrame:
    """One row for all classes with the same fitness in both worlds.

    Columns are `ancestral`, `modern_intent`, the number of `classes`, and the lowest id of a
    `class`. Values are equal if they agree after rounding to `digits` of the largest value.
    """
    keys = []
    for column in (X, Y):
        largest = float(landscape[column].abs().max() or 0.0)  # type: ignore[arg-type]
        keys.append(
            (pl.col(column) / (10.0**-digits * largest if largest > 0.0 else 1.0))
            .round()
            .alias(f"at:{column}")
        )
    grouped = landscape.group_by(keys, maintain_order=True).agg(
        pl.col(X).mean(), pl.col(Y).mean(), pl.len().alias("classes"), pl.col("class").min()
    )
    return grouped.select(X, Y, "classes", "class").sort(X, Y)


def given_ancestral(landscape: pl.DataFrame, edges: Floats) -> pl.DataFrame:
    """Classes in each bin of fitness in A, with the distribution of their fitness in M.

    Columns are the bin's ends `x` and `x2`, and the number of `classes`. Columns `least`, `median`
    and `most` are of fitness in M.
    """
    last = len(edges) - 2
    where = np.clip(np.searchsorted(edges, landscape[X].to_numpy(), side="right") - 1, 0, last)
    modern = pl.col(Y)
    medians = (
        landscape.with_columns(pl.Series("bin", where))
        .group_by("bin", maintain_order=True)
        .agg(
            pl.len().alias("classes"),
            modern.min().alias("least"),
            modern.median().alias("median"),
            modern.max().alias("most"),
        )
        .sort("bin")
    )
    at = medians["bin"].to_numpy()
    return medians.select(
        pl.Series("x", edges[at]), pl.Series("x2", edges[at + 1]), pl.exclude("bin")
    )


def within_tolerances(landscape: pl.DataFrame, tolerances: list[float], span: Span) -> pl.DataFrame:
    """Classes that breed true near the best of A, each under its least tolerance.

    Columns: `tolerance`, and those of `distinct`.
    """
    landscape = breeding_true(landscape)
    out, done = [], pl.Series("class", [], dtype=landscape["class"].dtype)
    for tolerance in sorted(set(tolerances)):
        close = near_best(landscape, tolerance, span)
        fresh = close.filter(~pl.col("class").is_in(done.implode()))
        done = close["class"]
        out.append(distinct(fresh).select(pl.lit(tolerance).alias("tolerance"), pl.all()))
    return pl.concat(out)


def inhabitants(landscape: pl.DataFrame, populations: pl.DataFrame, moment: str) -> pl.DataFrame:
    """Where populations stand at a moment: `ancestral`, `modern_intent`, the mean `share` over
    seeds, and the commonest `class` there.

    Shares are of newborns by behaviour, without the cost of drivers. Classes with equal fitness in
    both worlds are one row, the largest first. Seeds that died out before the swap are left out of
    `swap`. At the `end` each stands where its last newborns did, as in the account. Shares sum to
    1.
    """
    at_moment = populations.filter(pl.col("moment") == moment)
    if at_moment.is_empty():
        return pl.DataFrame(
            schema={X: pl.Float64, Y: pl.Float64, "share": pl.Float64, "class": pl.Int64}
        )
    by_seed = at_moment.group_by("seed", "class", maintain_order=True).agg(pl.col("count").sum())
    shares = by_seed.with_columns(
        share=pl.col("count") / pl.col("count").sum().over("seed") / by_seed["seed"].n_unique()
    )
    by_class = (
        shares.group_by("class", maintain_order=True)
        .agg(pl.col("share").sum())
        .join(landscape.select("class", X, Y), on="class", how="left", maintain_order="left")
    )
    return (
        by_class.sort("share", "class", descending=[True, False])
        .group_by(X, Y, maintain_order=True)
        .agg(pl.col("share").sum().clip(0.0, 1.0), pl.col("class").first())
        .sort("share", "class", descending=[True, False])
    )
