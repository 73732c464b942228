"""Loss of each step of the ladders by act: the table `steps`.

A step is the ledger of the lower rung minus the ledger of the upper one, act by act.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from evosim.analysis import ladder
from evosim.analysis.behaviour import Ledger
from evosim.analysis.checked_record import CheckedRecord
from evosim.analysis.seed_account import SeedAccount

SCHEMA = {
    "seed": pl.Int64,
    "world": pl.String,
    "step": pl.String,
    "act": pl.String,
    "value": pl.Float64,
}
GRID_STEPS = ("representation", "specification", "shift")
Losses = Mapping[str | None, float]  # by act; None is upkeep
Row = tuple[int | None, str, str, str | None, float]


def steps_table(
    record: CheckedRecord, best_classes: ladder.BestClasses, accounts: Sequence[SeedAccount]
) -> pl.DataFrame:
    """The table `steps`; rows of grid steps have no seed.

    Parameters
    ----------
    record : CheckedRecord
        Of the run.
    best_classes : BestClasses
        Classes of R1 to R3, and of R1h.
    accounts : sequence of SeedAccount
        Of all seeds.
    """
    rung_classes = best_classes.of_rungs()
    # In the ancestral world R1 = R2 = R3
    classes = {
        "ancestral": [rung_classes["best_ancestral"]] * len(ladder.GRID_RUNGS),
        "modern": [rung_classes[rung] for rung in ladder.GRID_RUNGS],
    }
    steps = list(GRID_STEPS)
    if best_classes.heterozygotes:
        steps.insert(1, "dominance")
        for world, class_id in zip(classes, best_classes.heterozygotes, strict=True):
            classes[world].insert(0, class_id)
    rows: list[Row] = []
    for world, of_world in classes.items():
        losses = [loss_by_act(record, record.cache.ledger(x), world) for x in of_world]
        above: Losses = dict.fromkeys(losses[0], 0.0)
        for step, below in zip(steps, losses, strict=True):
            rows += _rows(None, world, step, above, below)
            above = below
        for account in accounts:
            rows += _rows_of_seed(record, account, world, above)
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _rows_of_seed(
    record: CheckedRecord, account: SeedAccount, world: str, above: Losses
) -> list[Row]:
    """Steps below R3, down to the first rung that the seed did not reach."""
    rows: list[Row] = []
    for step, rung in steps_below_grid(record):
        ledger = account.ledger_by_rung.get(rung)
        if rung == "best_on_sample" and (best := record.best_on_sample(account.seed)):
            ledger = record.cache.ledger(getattr(best, world))
        if ledger is None:
            break
        below = loss_by_act(record, ledger, world)
        rows += _rows(account.seed, world, step, above, below)
        above = below
    return rows


def steps_below_grid(record: CheckedRecord) -> tuple[tuple[str, str], ...]:
    """The steps below R3, each with the rung that it leads to."""
    selection = record.selection
    rungs = ["control", "population"] if record.drive_controls else ["population"]
    if selection.plain:
        return tuple(zip(("search", "hack"), rungs, strict=False))
    if not selection.varies:
        steps = ("sampling", "search", "hack")
        return tuple(zip(steps, ("best_on_sample", *rungs), strict=False))
    if "all_cases" not in record.controls:
        return ()  # search and sampling cannot be separated
    return tuple(zip(("search", "sampling", "hack"), ("all_cases", *rungs), strict=False))


def loss_by_act(record: CheckedRecord, ledger: Ledger, world: str) -> Losses:
    """Loss of a ledger by act in a world; the key None holds upkeep."""
    tables = [ledger.waste] if world == "ancestral" else list(ledger.modern.values())
    by_act = np.sum(tables, axis=(0, 1))
    upkeep = ledger.upkeep_ancestral if world == "ancestral" else ledger.upkeep_modern
    return {**dict(zip(record.pair.ancestral.acts, by_act.tolist(), strict=True)), None: upkeep}


def _rows(seed: int | None, world: str, step: str, above: Losses, below: Losses) -> list[Row]:
    return [(seed, world, step, act, below[act] - above[act]) for act in above]
