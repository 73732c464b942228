"""Means over seeds, with intervals: from the tables of an account to the parts of its summary."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import polars as pl

from evosim.analysis.behaviour import KINDS, NO_OVERLAP, SPLIT
from evosim.analysis.intervals import Ends, cut, interval
from evosim.analysis.summary import (
    DesireSummary,
    FitnessAtMoment,
    LadderSummary,
    LedgerSummary,
    RecoverySummary,
)
from evosim.analysis.values import ByWorld, Estimate

# Rungs and steps that depend on the seed; the others depend on worlds and grid alone
SEED_DEPENDENT = (
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


class IntervalSettings(Protocol):
    """How intervals are computed; `analysis` of an experiment has these fields."""

    @property
    def bootstrap(self) -> int:
        """Number of resamples of the seeds."""
        ...

    @property
    def confidence(self) -> float:
        """Level of the intervals, such as 0.95."""
        ...


def mean(values: Sequence[float]) -> float | None:
    """The mean; None if there are no values."""
    return float(np.mean(values)) if len(values) else None


def estimate(
    values: Sequence[float], settings: IntervalSettings, range_of_mean: Ends | None = None
) -> Estimate:
    """Mean over seeds, with its interval if there is one, cut to the range of the mean."""
    ends = interval(values, settings.bootstrap, settings.confidence)
    low, high = cut(ends, range_of_mean) if ends else (None, None)
    return Estimate(mean(values), low, high, len(values))


def complete_seeds(ladder: pl.DataFrame) -> pl.Series:
    """Seeds in which every rung and step was measured that any seed has; `ladder` of one world."""
    measured = ladder.filter(pl.col("name").is_in(SEED_DEPENDENT)).drop_nulls("value")
    names = measured["name"].n_unique()
    return (
        measured.group_by("seed", maintain_order=True)
        .agg(pl.col("name").n_unique())
        .filter(pl.col("name") == names)["seed"]
    )


def ladder_summary(
    table: pl.DataFrame, world: str, settings: IntervalSettings, ranges: Mapping[str, Ends]
) -> LadderSummary:
    """Mean rungs and steps of one world's ladder.

    Parameters
    ----------
    table : pl.DataFrame
        The table `ladder`.
    world : str
        `ancestral` or `modern`.
    settings : IntervalSettings
        Of the intervals.
    ranges : Mapping[str, Ends]
        By rung or step, its least and largest possible value. Intervals are cut to it.

    Returns
    -------
    LadderSummary
        Means over the seeds in which everything was measured, so that a step is the difference of
        its rungs.
    """
    rows_of_world = table.filter(pl.col("world") == world)
    seeds = complete_seeds(rows_of_world)
    rungs: dict[str, float | None] = {}
    steps: dict[str, float | None] = {}
    intervals: dict[str, Estimate] = {}
    for (part, key), rows in rows_of_world.group_by("part", "name", maintain_order=True):
        name, varies = str(key), key in SEED_DEPENDENT
        if varies:
            rows = rows.filter(pl.col("seed").is_in(seeds.implode()))
        values = rows["value"].drop_nulls().to_list()
        if part == "step":
            steps[name] = mean(values)
        elif values:
            rungs[name] = mean(values)
        estimate_of_mean = estimate(values, settings, ranges.get(name)) if varies else None
        if estimate_of_mean and estimate_of_mean.interval:
            intervals[name] = estimate_of_mean
    return LadderSummary(rungs, steps, intervals, seeds.len())


def ledger_summary(table: pl.DataFrame, subject: str, world: str) -> LedgerSummary | None:
    """Loss by kind and by act of one subject in one world.

    Parameters
    ----------
    table : pl.DataFrame
        The table `behaviour`.
    subject : str
        Such as `population`.
    world : str
        `ancestral` or `modern`.

    Returns
    -------
    LedgerSummary or None
        Means over all seeds of the subject, also those that the ladder leaves out. None if the
        table does not have the subject. If the modern loss is split by kind in some seeds only,
        the kinds of both forms are listed. Each counts as 0 in seeds without it, so the kinds sum
        to the whole loss.
    """
    rows = table.filter((pl.col("subject") == subject) & (pl.col("world") == world))
    if rows.is_empty():
        return None
    seeds = rows["seed"].n_unique()

    def total(*by: str) -> list[tuple[Any, ...]]:
        groups = rows.filter(pl.col(by[0]).is_not_null()).group_by(*by, maintain_order=True)
        return groups.agg(pl.col("value").sum() / seeds).rows()

    kinds = dict(total("kind"))
    names: tuple[str, ...] = ("waste", "upkeep") if world == "ancestral" else (*KINDS, "upkeep")
    if NO_OVERLAP in kinds:
        names = (
            *(KINDS if any(kind in kinds for kind in SPLIT) else ("misspecified",)),
            NO_OVERLAP,
            "upkeep",
        )
    by_act: dict[str, dict[str, float]] = {}
    for act, kind, value in total("act", "kind"):
        by_act.setdefault(act, {})[kind] = value
    return LedgerSummary(
        kinds={name: kinds.get(name, 0.0) for name in names},
        acts=dict(total("act")),
        acts_by_kind=by_act,
        seeds=seeds,
    )


def steps_of_complete_seeds(table: pl.DataFrame, ladder: pl.DataFrame) -> pl.DataFrame:
    """The table `steps` without the seeds that `complete_seeds` leaves out.

    The means of the rest sum to the steps of the ladder.
    """
    parts = []
    for world in table["world"].unique(maintain_order=True):
        seeds = complete_seeds(ladder.filter(pl.col("world") == world))
        complete = pl.col("seed").is_null() | pl.col("seed").is_in(seeds.implode())
        parts.append(table.filter((pl.col("world") == world) & complete))
    return pl.concat(parts) if parts else table


def steps_by_act(
    table: pl.DataFrame, ladder: pl.DataFrame
) -> ByWorld[Mapping[str, Mapping[str, float]]]:
    """By world and step: mean loss by each act and by `upkeep`, which sum to the step."""
    means = (
        steps_of_complete_seeds(table, ladder)
        .group_by("world", "step", "act", maintain_order=True)
        .agg(pl.col("value").mean())
    )
    losses: dict[str, dict[str, dict[str, float]]] = {"ancestral": {}, "modern": {}}
    for world, step, act, value in means.iter_rows():
        losses[world].setdefault(step, {})[act or "upkeep"] = value
    return ByWorld(losses["ancestral"], losses["modern"])


def desire_summaries(table: pl.DataFrame) -> tuple[DesireSummary, ...]:
    """Means of the table `desires`, one entry per desire."""
    means = table.drop("seed").group_by("feature", "acts", maintain_order=True).mean()
    return tuple(DesireSummary(**row) for row in means.iter_rows(named=True))


def recovery_summary(
    table: pl.DataFrame,
    share_of_best: Callable[[str, float], float | None],
    settings: IntervalSettings,
    ranges: ByWorld[Ends | None],
) -> RecoverySummary:
    """Fitness at the swap and at the end, over the seeds that lived to the swap.

    Parameters
    ----------
    table : pl.DataFrame
        The table `recovery`.
    share_of_best : callable
        Gives the share of the best genome's fitness in a world; None where it is not defined.
    settings : IntervalSettings
        Of the intervals.
    ranges : ByWorld
        The least and largest possible share. Intervals are cut to it.

    Returns
    -------
    RecoverySummary
        Without `modern_at_end_fair` if the run has no control.
    """
    lived = table.drop_nulls("modern_at_swap")

    def at_moment(column: str) -> FitnessAtMoment:
        world = column.split("_")[0]
        values = lived[column].drop_nulls().to_list()
        shares = [x for value in values if (x := share_of_best(world, value)) is not None]
        share = estimate(shares, settings, ranges.of(world))
        return FitnessAtMoment(mean(values), share.mean, share if share.interval else None)

    fair = lived["modern_at_end_fair"]
    return RecoverySummary(
        seeds=lived.height,
        ancestral_at_swap=at_moment("ancestral_at_swap"),
        modern_at_swap=at_moment("modern_at_swap"),
        ancestral_at_end=at_moment("ancestral_at_end"),
        modern_at_end=at_moment("modern_at_end"),
        modern_at_end_fair=(
            None if fair.null_count() == lived.height else at_moment("modern_at_end_fair")
        ),
    )
