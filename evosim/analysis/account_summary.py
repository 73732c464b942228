"""The summary of an account from its tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import polars as pl

from evosim.analysis import (
    drive_cost,
    ladder,
    losses,
    means_over_seeds,
    price_equation,
    terminology,
)
from evosim.analysis.account_inputs import AccountInputs, account_modules
from evosim.analysis.behaviour import Ledger
from evosim.analysis.checked_record import CheckedRecord
from evosim.analysis.fitness_ranges import FitnessRanges
from evosim.analysis.summary import (
    AccountSummary,
    DriveSummary,
    LadderSummary,
    LedgerSummary,
    ShiftSummary,
    TieSet,
)
from evosim.analysis.values import ByWorld, MeasuredByWorld
from evosim.reference.dynamic_programming import Floats
from evosim.runtime.blocks import some_rows

WORLDS = ("ancestral", "modern")
Tables = Mapping[str, pl.DataFrame]


def summarize(inputs: AccountInputs, tables: Tables) -> AccountSummary:
    """Means over seeds of the tables of an account, with intervals.

    Parameters
    ----------
    inputs : AccountInputs
        Of the run.
    tables : Mapping[str, pl.DataFrame]
        All tables of the account.
    """
    record, ranges, accounts = inputs.record, inputs.ranges, inputs.seeds
    experiment, evaluator = record.experiment, record.cache.evaluator
    at_swap = [
        account.ledger_by_rung["population"]
        for account in accounts
        if "population" in account.ledger_by_rung
    ]
    ladders, shift = _ladders(record, ranges, tables["ladder"]), shift_summary(ranges)
    return AccountSummary(
        losses=losses.summarize(inputs, tables),
        exact=ranges.exact,
        drivers=bool(evaluator.genome.grid.drive),
        goes_on_in_modern=experiment.swap < experiment.generations,
        classes=evaluator.genome.grid.size if ranges.exact else record.tables["landscape"].height,
        ladder=ladders,
        left_open=_left_open(ranges.fixed_rungs.modern),
        worst_policy=ByWorld(*(ranges.worst_policy(world) for world in WORLDS)),
        shift=shift,
        ties=tuple(TieSet(**row) for row in tables["ties"].iter_rows(named=True)),
        behaviour=ledgers_by_world(tables["behaviour"], "population"),
        behaviour_of_best_ancestral=ledgers_by_world(tables["behaviour"], "best_ancestral"),
        steps_by_act=means_over_seeds.steps_by_act(tables["steps"], tables["ladder"]),
        overlap=means_over_seeds.mean([ledger.overlap for ledger in at_swap]),
        hack=_drive_summary(record, tables["hack"]),
        search=price_equation.price_summary(
            partial(some_rows, record.tables, "search") if "search" in record.tables else None,
            experiment.swap,
            experiment.generations,
        ),
        desires=means_over_seeds.desire_summaries(tables["desires"]),
        recovery=means_over_seeds.recovery_summary(
            tables["recovery"],
            ranges.share_of_best,
            experiment.analysis,
            ByWorld(*(ranges.of_shares(world) for world in WORLDS)),
        ),
        times_per_life=_times_per_life(record.pair.ancestral.acts, at_swap),
        labels=terminology.labels_of_steps(
            {
                **ladders.modern.steps,
                "shift, shared by all ancestral optima": shift.shared_by_all_ancestral_optima,
                "shift, left open by the data": shift.left_open_by_the_data,
            }
        ),
        parts={name: module.summarize(inputs, tables) for name, module in account_modules()},
    )


def shift_summary(ranges: FitnessRanges) -> ShiftSummary:
    """How the ancestral optima differ in the modern world."""
    modern = ranges.fixed_rungs.modern
    worst, best = modern.rungs["best_ancestral"], modern.best_of["best_ancestral"]
    return ShiftSummary(
        shared_by_all_ancestral_optima=modern.rungs["best_for_payoff"] - best,
        left_open_by_the_data=best - worst,
        ancestral_optima_good_in_modern=terminology.ancestral_optima(
            ranges.share_of_optimum(worst), ranges.share_of_optimum(best)
        ),
        path_by_intent_in_ancestral=modern.by_intent_in_a,
    )


def ledgers_by_world(table: pl.DataFrame, subject: str) -> ByWorld[LedgerSummary | None]:
    """Losses of one subject of the table `behaviour` in both worlds."""
    return ByWorld(
        means_over_seeds.ledger_summary(table, subject, "ancestral"),
        means_over_seeds.ledger_summary(table, subject, "modern"),
    )


def _ladders(
    record: CheckedRecord, ranges: FitnessRanges, table: pl.DataFrame
) -> ByWorld[LadderSummary]:
    settings = record.experiment.analysis
    return ByWorld(
        *(
            means_over_seeds.ladder_summary(table, world, settings, ranges.of_ladder(world))
            for world in WORLDS
        )
    )


def _left_open(modern: ladder.FixedRungs) -> dict[str, float]:
    """By how much genomes that tie for a rung, or on the other path to R3, differ in M."""
    out = {rung: modern.best_of[rung] - modern.rungs[rung] for rung in ladder.GRID_RUNGS}
    if modern.by_intent_in_a is not None and modern.best_by_intent_in_a is not None:
        out["path_by_intent_in_ancestral"] = modern.best_by_intent_in_a - modern.by_intent_in_a
    return out


def _drive_summary(record: CheckedRecord, table: pl.DataFrame) -> DriveSummary | None:
    """The hack step with its parts and frequencies of drivers; None without controls."""
    if not record.drive_controls:
        return None
    grid = record.cache.evaluator.genome.grid
    sites = [
        (grid.loci[locus].name, str(grid.loci[locus].params.alleles[allele]))
        for locus, allele in grid.drive.alleles
    ]
    generation = record.experiment.swap - 1
    arms = {"run": record.tables, **record.drive_controls}
    alleles = {
        name: some_rows(tables, "alleles", pl.col("generation") == generation)
        for name, tables in arms.items()
    }
    quantities = drive_cost.estimates(table, record.experiment.analysis)
    return DriveSummary(
        quantities=quantities,
        verdicts=drive_cost.verdicts(quantities),
        frequencies=drive_cost.frequencies(sites, alleles, generation),
        died_before_the_swap=drive_cost.died(arms),
    )


def _times_per_life(acts: Sequence[str], ledgers: Sequence[Ledger]) -> MeasuredByWorld[float]:
    """How often each act is done in a life, by the mean population at the swap."""

    def mean_times(times: list[Floats]) -> dict[str, float]:
        return dict(zip(acts, np.mean(times, axis=0).tolist(), strict=True)) if times else {}

    return MeasuredByWorld(
        mean_times([ledger.times_ancestral for ledger in ledgers]),
        mean_times([ledger.times_modern for ledger in ledgers]),
    )
