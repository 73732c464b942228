"""Causes: losses of rungs and populations by part of the planner (`planner_causes`).

Reflexes have no parts; for them this account does not exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import polars as pl

from evosim.analysis.account_inputs import AccountInputs
from evosim.analysis.planner_causes import SWITCHES, Causes
from evosim.analysis.summary import CauseSummary
from evosim.analysis.values import ByWorld
from evosim.reference.dynamic_programming import Floats
from evosim.runtime.dataclass_json import Key

WORLDS = ("ancestral", "modern")
# A planning to the end of life is needed for each set of switches
MOST_CLASSES = 4
RUNGS = ("best_for_payoff", "best_ancestral")
SCHEMA = {
    "subject": pl.String,
    "seed": pl.Int64,
    "world": pl.String,
    "classes": pl.Int64,
    "covered": pl.Float64,
    "cause": pl.String,
    "value": pl.Float64,
}


@dataclass(frozen=True)
class Summary:
    """Losses by cause, by subject and world."""

    subjects: Annotated[Mapping[str, ByWorld[CauseSummary]], Key(inline=True)]


def rows(
    subject: str, seed: int | None, world: str, causes: list[Causes], share: Floats, covered: float
) -> list[dict[str, object]]:
    """Rows of the table: the weighted mean over classes, by cause."""
    w = share / share.sum()
    head = {
        "subject": subject,
        "seed": seed,
        "world": world,
        "classes": len(causes),
        "covered": covered,
    }
    return [
        {**head, "cause": cause, "value": float(w @ [x.parts[cause] for x in causes])}
        for cause in SWITCHES
    ]


def tables(inputs: AccountInputs) -> dict[str, pl.DataFrame]:
    """The table `causes`: two rungs and the populations at the swap, by their common classes."""
    subjects = inputs.subjects(MOST_CLASSES, RUNGS)
    out: list[dict[str, object]] = []
    for world in WORLDS:
        # Side by side: they share plans
        classes = np.concatenate([subject.classes for subject in subjects])
        causes = inputs.record.cache.genotypes.causes(classes, world)
        if causes is None:
            break
        rest = iter(causes)
        for subject in subjects:
            own = [next(rest) for _ in subject.classes]
            out += rows(subject.name, subject.seed, world, own, subject.shares, subject.covered)
    return {"causes": pl.DataFrame(out, schema=SCHEMA)}


def summarize(inputs: AccountInputs, tables: Mapping[str, pl.DataFrame]) -> Summary | None:
    """Means of the table `causes` by subject; None for rules that do not plan (no rows)."""
    table = tables["causes"]
    if table.is_empty():
        return None
    means = table.group_by("subject", "world", "cause", maintain_order=True).agg(
        pl.col("value").mean(), pl.col("covered").mean()
    )
    values: dict[tuple[str, str], dict[str, float]] = {}
    covered: dict[tuple[str, str], float] = {}
    for subject, world, cause, value, share in means.iter_rows():
        covered.setdefault((subject, world), share)
        values.setdefault((subject, world), {})[cause] = value
    return Summary(
        {
            subject: ByWorld(
                *(CauseSummary(covered[subject, world], values[subject, world]) for world in WORLDS)
            )
            for subject in means["subject"].unique(maintain_order=True)
        }
    )
