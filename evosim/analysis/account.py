"""The account of a run: ladders, ledgers, tie sets, desires and more, as tables and a summary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from evosim.analysis import account_summary, behaviour, drive_cost, ladder, losses, steps
from evosim.analysis.account_inputs import AccountInputs, account_modules
from evosim.analysis.checked_record import CheckedRecord, Tables
from evosim.analysis.fitness_ranges import FitnessRanges
from evosim.analysis.repaired_planners import MakeScorer
from evosim.analysis.seed_account import SeedAccount, SeedAccountant, recovery_table
from evosim.analysis.shared_cache import SharedCache
from evosim.analysis.summary import AccountSummary, ShiftSummary
from evosim.analysis.values import ByWorld
from evosim.config.resolve import Problem


@dataclass(frozen=True, eq=False)
class Account:
    """The account of a run.

    Attributes
    ----------
    tables : dict of pl.DataFrame
        All tables of `evosim.accounts.TABLES`; `docs/schema.md` documents the columns.
    summary : AccountSummary
        The same in numbers, means over seeds.
    """

    tables: dict[str, pl.DataFrame]
    summary: AccountSummary


class Accountant:
    """Computes the account of one recorded run.

    Parameters
    ----------
    problem : Problem
        Experiment, worlds and genome.
    tables : Mapping[str, pl.DataFrame]
        Tables of the run, with `landscape`.
    controls : Mapping, optional
        By name, the tables of each control.
    exact : bool
        Whether the landscape is the whole grid.
    cache : SharedCache, optional
        Shared with other runs of the same worlds and genome.
    make_scorer : Callable, optional
        Makes a compiled scorer of a world (`evosim.fitness.scorer.Scorer`), for accounts that plan
        many genomes. No number depends on it.
    """

    def __init__(
        self,
        problem: Problem,
        tables: Tables,
        controls: Mapping[str, Tables] | None = None,
        *,
        exact: bool,
        cache: SharedCache | None = None,
        make_scorer: MakeScorer | None = None,
    ) -> None:
        self.make_scorer = make_scorer
        self.experiment, self.pair = problem.experiment, problem.pair
        self.cache = cache or SharedCache(problem.genome, problem.pair)
        self.record = CheckedRecord(problem, tables, controls or {}, self.cache)
        evaluator, gaps = self.cache.evaluator, self.cache.gaps
        self.best_classes = ladder.BestClasses.from_landscape(
            tables["landscape"], evaluator.spans, exact=exact
        )
        differs = not np.array_equal(self.pair.modern.intent, self.pair.modern.payoff)
        self.fixed_rungs = ByWorld(
            ladder.fixed_ancestral_rungs(gaps, self.best_classes, evaluator),
            ladder.fixed_modern_rungs(gaps, self.best_classes, evaluator, intent_differs=differs),
        )
        self.ranges = FitnessRanges(self.record, self.fixed_rungs, exact=exact)
        self.seeds = SeedAccountant(self.record, self.fixed_rungs)

    @property
    def tables(self) -> Tables:
        """Recorded tables of the run."""
        return self.record.tables

    def account(self) -> Account:
        """All tables and the summary. Raises `UserError` if the record is damaged."""
        accounts = self.seed_accounts()
        inputs = self._inputs(accounts)
        tables = self._tables(accounts) | losses.tables(inputs)
        for _, module in account_modules():
            tables |= module.tables(inputs)
        return Account(tables, account_summary.summarize(inputs, tables))

    def tables_of_sweep(self) -> dict[str, pl.DataFrame]:
        """The tables of the accounts that sweeps compute; the others would double the time."""
        accounts = self.seed_accounts()
        inputs = self._inputs(accounts)
        tables = self._tables(accounts) | losses.tables(inputs)
        for _, module in account_modules(in_sweeps=True):
            tables |= module.tables(inputs)
        return tables

    def shift(self) -> ShiftSummary:
        """How the ancestral optima differ in the modern world."""
        return account_summary.shift_summary(self.ranges)

    def seed_accounts(self) -> list[SeedAccount]:
        """The accounts of all replicates."""
        seeds = self.record.tables["populations"]["seed"].unique(maintain_order=True)
        return [self.seeds.account(seed) for seed in seeds]

    def _inputs(self, accounts: list[SeedAccount]) -> AccountInputs:
        return AccountInputs(
            self.record, self.best_classes, self.ranges, accounts, self.make_scorer
        )

    def _tables(self, accounts: list[SeedAccount]) -> dict[str, pl.DataFrame]:
        rungs, ties = self._rung_ledgers(), self._ties()
        ladder_rows = [
            row
            for account in accounts
            for world, rungs_and_steps in account.ladders.items()
            for row in ladder.ladder_rows(account.seed, world, rungs_and_steps)
        ]
        drive_rows = [row for account in accounts for row in account.drive_rows]
        return {
            "ladder": pl.DataFrame(ladder_rows, schema=ladder.LADDER_SCHEMA, orient="row"),
            "ties": ties,
            "behaviour": pl.concat(
                [*rungs, *(frame for account in accounts for frame in account.ledgers)]
            ),
            "steps": steps.steps_table(self.record, self.best_classes, accounts),
            "desires": pl.concat([account.desires for account in accounts]),
            "recovery": recovery_table(accounts),
            "hack": pl.DataFrame(drive_rows, schema=drive_cost.SCHEMA, orient="row"),
        }

    def _rung_ledgers(self) -> list[pl.DataFrame]:
        """Rows of the table `behaviour` for the rungs of the grid."""
        for class_id in self.best_classes.members():
            self.record.check_class(class_id)
        acts = self.pair.ancestral.acts
        return [
            behaviour.ledger_frame(self.cache.ledger(class_id).as_reported(), acts, rung, None)
            for rung, class_id in self.best_classes.of_rungs().items()
        ]

    def _ties(self) -> pl.DataFrame:
        """The table `ties`, with one tolerance that drift in the population gives."""
        tolerances = {0.0, *self.experiment.analysis.near_ties}
        if size := self.experiment.optimizer.get("population"):
            tolerances.add(1.0 / (2.0 * size))
        landscape = self.record.tables["landscape"]
        ties = ladder.tie_sets(landscape, self.cache.evaluator, sorted(tolerances))
        for class_id in {*ties["class_modern_min"], *ties["class_modern_max"]}:
            self.record.check_class(class_id)
        return ties
