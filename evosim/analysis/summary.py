"""Summary: the tables of an account boiled down to numbers for a screen, a script, a figure.

Means over seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import polars as pl

from evosim.analysis.behaviour import KINDS, NO_OVERLAP, SPLIT
from evosim.analysis.intervals import Ends, cut, interval

VARYING = (
    "best_on_sample",
    "all_cases",
    "control",
    "population",
    "sampling",
    "search",
    "unfound",
    "load",
    "hack",
)


class Spread(Protocol):
    """How intervals are made."""

    @property
    def bootstrap(self) -> int:
        """Resamples of seeds."""
        ...

    @property
    def confidence(self) -> float:
        """Of the intervals."""
        ...


def mean(values: Sequence[float]) -> float | None:
    """The mean, or nothing of nothing."""
    return float(np.mean(values)) if len(values) else None


def with_interval(values: Sequence[float], spread: Spread) -> dict[str, Any]:
    """Mean, number of seeds, and the interval over them where there is one."""
    out: dict[str, Any] = {"mean": mean(values), "seeds": len(values)}
    if found := interval(values, spread.bootstrap, spread.confidence):
        out["interval"] = list(found)
    return out


def whole_seeds(ladder: pl.DataFrame) -> pl.Series:
    """The seeds in which everything in one world's ladder was measured that was measured in any."""
    varying = ladder.filter(pl.col("name").is_in(VARYING)).drop_nulls("value")
    wanted = varying["name"].n_unique()
    return (
        varying.group_by("seed", maintain_order=True)
        .agg(pl.col("name").n_unique())
        .filter(pl.col("name") == wanted)["seed"]
    )


def ladder(
    table: pl.DataFrame, which: str, spread: Spread, ranges: Mapping[str, Ends]
) -> dict[str, Any]:
    """Rungs and steps of one world's ladder by name, with intervals for those that runs can change.

    Means are over the seeds in which everything was measured that was measured in any (`seeds` of
    them), so that a step is the difference of its rungs. `ranges` are what rungs and steps can be
    at least and at most: intervals end there.
    """
    out: dict[str, Any] = {"rungs": {}, "steps": {}, "intervals": {}}
    mine = table.filter(pl.col("world") == which)
    whole = whole_seeds(mine)
    out["seeds"] = whole.len()
    for (part, name), rows in mine.group_by("part", "name", maintain_order=True):
        if name in VARYING:
            rows = rows.filter(pl.col("seed").is_in(whole.implode()))
        values = rows["value"].drop_nulls().to_list()
        if values or part == "step":
            out[f"{part}s"][str(name)] = mean(values)
        if name in VARYING and (found := interval(values, spread.bootstrap, spread.confidence)):
            out["intervals"][str(name)] = list(cut(found, ranges.get(str(name))))
    return out


def ledger(table: pl.DataFrame, subject: str, which: str) -> dict[str, Any] | None:
    """Totals by kind and by act of one subject's ledger; nothing where there is no such subject.

    Means are over all of its seeds (`seeds` of them), also those that the ladder's means leave out.
    Where the loss in M is split in some seeds and in others not (`no overlap`), there are the kinds
    of both: each is 0 in the seeds that do not have it, so that they sum to the whole.
    """
    mine = table.filter((pl.col("subject") == subject) & (pl.col("world") == which))
    if mine.is_empty():
        return None
    seeds = mine["seed"].n_unique()

    def total(*by: str) -> list[tuple[Any, ...]]:
        rows = mine.filter(pl.col(by[0]).is_not_null()).group_by(*by, maintain_order=True)
        return rows.agg(pl.col("value").sum() / seeds).rows()

    kinds = dict(total("kind"))
    names: tuple[str, ...] = ("waste", "upkeep") if which == "ancestral" else (*KINDS, "upkeep")
    if NO_OVERLAP in kinds:
        names = (
            *(KINDS if any(kind in kinds for kind in SPLIT) else ("misspecified",)),
            NO_OVERLAP,
            "upkeep",
        )
    by_act: dict[str, dict[str, float]] = {}
    for act, kind, value in total("act", "kind"):
        by_act.setdefault(act, {})[kind] = value
    return {
        "kinds": {name: kinds.get(name, 0.0) for name in names},
        "acts": dict(total("act")),
        "acts_by_kind": by_act,
        "seeds": seeds,
    }


def steps_of_whole(table: pl.DataFrame, ladder: pl.DataFrame) -> pl.DataFrame:
    """The table of steps by act without seeds that the means of the ladder leave out: what is left
    sums to the ladder's steps.
    """
    kept = [
        table.filter(
            (pl.col("world") == which)
            & (
                pl.col("seed").is_null()
                | pl.col("seed").is_in(
                    whole_seeds(ladder.filter(pl.col("world") == which)).implode()
                )
            )
        )
        for which in table["world"].unique(maintain_order=True)
    ]
    return pl.concat(kept) if kept else table


def steps(table: pl.DataFrame, ladder: pl.DataFrame) -> dict[str, dict[str, dict[str, float]]]:
    """By world and step: what it loses by each act and by `upkeep`.

    Of the seeds that the ladder's means are of, so that acts sum to its step.
    """
    means = (
        steps_of_whole(table, ladder)
        .group_by("world", "step", "act", maintain_order=True)
        .agg(pl.col("value").mean())
    )
    out: dict[str, dict[str, dict[str, float]]] = {}
    for world, step, act, value in means.iter_rows():
        out.setdefault(world, {}).setdefault(step, {})[act or "upkeep"] = value
    return out


def desires(table: pl.DataFrame) -> list[dict[str, Any]]:
    """One row a desire."""
    return table.drop("seed").group_by("feature", "acts", maintain_order=True).mean().to_dicts()


def recovery(
    table: pl.DataFrame,
    share_of_best: Callable[[str, float], float | None],
    spread: Spread,
    ranges: Mapping[str, Ends | None],
) -> dict[str, Any]:
    """Worth at the swap and at the end, over the seeds that lived to see the swap (`seeds` of
    them).

    `share_of_best` gives the share of a fitness in a world, or None where it is not defined.
    `ranges` are, by world, the least and the most that it can be: intervals end there.
    """
    lived = table.drop_nulls("modern_at_swap")
    out: dict[str, Any] = {"seeds": lived.height}
    for column in table.columns[1:]:
        if column == "modern_at_end_fair" and lived[column].null_count() == lived.height:
            continue  # there is no control
        values = lived[column].drop_nulls().to_list()
        share = [
            x for value in values if (x := share_of_best(column.split("_")[0], value)) is not None
        ]
        out[column] = {"mean": mean(values), "share_of_best": mean(share)}
        if found := interval(share, spread.bootstrap, spread.confidence):
            out[column]["interval_of_share"] = list(cut(found, ranges[column.split("_")[0]]))
    return out
