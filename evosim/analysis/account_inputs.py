"""Inputs of an account: the checked record of a run, its best genomes, and its seeds.

A module of an account has these functions, and a dataclass for its numbers:

* `tables(inputs)`: the tables of the account, by name;
* `summarize(inputs, tables)`: its numbers as a `Summary`, means over seeds; None if it does not
  apply to this run;
* `Summary`: a frozen dataclass, which `summary.json` holds under the name of the account.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim.accounts import ACCOUNTS
from evosim.analysis.checked_record import CheckedRecord
from evosim.analysis.fitness_ranges import FitnessRanges
from evosim.analysis.ladder import BestClasses
from evosim.analysis.population import PopulationSnapshot
from evosim.analysis.repaired_planners import MakeScorer
from evosim.analysis.seed_account import SeedAccount
from evosim.reference.dynamic_programming import Floats

# A population is represented by its most common classes, up to this share of its newborns
COVERED = 0.9


@dataclass(frozen=True, eq=False)
class Subject:
    """One genome, or the most common genomes of a population.

    Attributes
    ----------
    name : str
        A rung of the grid, or `population`.
    seed : int or None
        Of the population.
    classes, shares : ndarray
        `[n]` classes, and their shares of the population.
    covered : float
        Sum of the shares.
    """

    name: str
    seed: int | None
    classes: NDArray[np.int64]
    shares: Floats
    covered: float


@dataclass(frozen=True, eq=False)
class AccountInputs:
    """All that an account may use.

    Attributes
    ----------
    record : CheckedRecord
        Tables and controls of the run, worlds, genome, and values of classes.
    best_classes : BestClasses
        Classes of the rungs of the grid.
    ranges : FitnessRanges
        Fitness of the rungs of the grid, and the ranges to which intervals are cut.
    seeds : sequence of SeedAccount
        Ladders, ledgers and populations of all seeds.
    make_scorer : Callable or None
        Makes a compiled scorer of a world, if the caller has one. No number depends on it.
    """

    record: CheckedRecord
    best_classes: BestClasses
    ranges: FitnessRanges
    seeds: Sequence[SeedAccount]
    make_scorer: MakeScorer | None = None

    def subjects(self, most: int, rungs: Sequence[str] | None = None) -> list[Subject]:
        """The genomes of the rungs, and each population at the swap by at most `most` classes."""
        out = [
            Subject(name, None, np.array([class_id], dtype=np.int64), np.ones(1), 1.0)
            for name, class_id in self.best_classes.of_rungs().items()
            if rungs is None or name in rungs
        ]
        return out + [
            Subject("population", account.seed, *most_common(account.snapshot, most))
            for account in self.seeds
            if account.snapshot
        ]


class AccountModule(Protocol):
    """A module in `evosim/analysis/` that computes one account."""

    Summary: type[Any]

    def tables(self, inputs: AccountInputs) -> dict[str, pl.DataFrame]:
        """The tables of the account."""

    def summarize(self, inputs: AccountInputs, tables: Mapping[str, pl.DataFrame]) -> Any:
        """Its numbers; None if it does not apply."""


def account_modules(*, in_sweeps: bool = False) -> Iterator[tuple[str, AccountModule]]:
    """Names and modules of the accounts that compute themselves, in the order of reading.

    With `in_sweeps`, only those that each run of a sweep computes.
    """
    for name, account in ACCOUNTS.items():
        if account.analysis and (account.in_sweeps or not in_sweeps):
            module: Any = import_module(f"evosim.analysis.{account.analysis}")
            yield name, module


def most_common(snapshot: PopulationSnapshot, most: int) -> tuple[NDArray[np.int64], Floats, float]:
    """The most common classes of a population, their shares, and the sum of these."""
    classes, inverse = np.unique(snapshot.classes, return_inverse=True)
    share = np.bincount(inverse.ravel(), snapshot.share)
    order = np.argsort(-share, kind="stable")
    enough = int(np.searchsorted(np.cumsum(share[order]), COVERED - 1e-12)) + 1
    chosen = order[: min(enough, most)]
    return classes[chosen], share[chosen].astype(np.float64), float(share[chosen].sum())
