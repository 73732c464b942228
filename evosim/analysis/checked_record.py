"""The recorded tables of a run, checked against the reference code where they are used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from evosim.analysis import ladder
from evosim.analysis.population import PopulationSnapshot
from evosim.analysis.shared_cache import SharedCache
from evosim.config.resolve import Problem
from evosim.errors import UserError
from evosim.reference.dynamic_programming import Floats
from evosim.reference.selection import MEASURES, case_weights, selection_fitness

TOLERANCE = 1e-9  # relative and absolute, between recorded and recomputed fitness
Tables = Mapping[str, pl.DataFrame]


@dataclass(frozen=True)
class BestOnSample:
    """The class that is best for what selection used; of a tie, the worst in each world."""

    ancestral: int
    modern: int


class CheckedRecord:
    """Tables of a run and its controls.

    The fitness of each class is compared with the reference code when the class is used.
    """

    def __init__(
        self, problem: Problem, tables: Tables, controls: Mapping[str, Tables], cache: SharedCache
    ) -> None:
        self.experiment, self.pair = problem.experiment, problem.pair
        self.tables, self.controls, self.cache = tables, controls, cache
        self.selection = self.experiment.selection
        self._best_on_sample: dict[bytes, BestOnSample] = {}
        self._recorded = {
            row["class"]: row
            for row in tables["landscape"].select("class", *MEASURES).iter_rows(named=True)
        }

    @property
    def drive_controls(self) -> dict[str, Tables]:
        """By name, the controls that differ from the run in drivers only."""
        return {name: tables for name, tables in self.controls.items() if name != "all_cases"}

    @property
    def selects_by_fitness(self) -> bool:
        """Whether no fixed sample of start cases replaced ancestral fitness in selection."""
        return self.selection.plain or self.selection.varies

    def check_class(self, class_id: int) -> None:
        """Compare the recorded fitness of a class with the reference code.

        Raises
        ------
        UserError
            If they differ.
        """
        a = self.cache.evaluator.amounts(class_id, "ancestral")
        m = self.cache.evaluator.amounts(class_id, "modern")
        computed = (a.fitness, a.net_intent, m.fitness, m.net_intent)
        row = self._recorded[class_id]
        recorded = (row["ancestral"], row["ancestral_intent"], row["modern"], row["modern_intent"])
        if not np.allclose(computed, recorded, rtol=TOLERANCE, atol=TOLERANCE):
            raise UserError(
                f"the recorded fitness of class {class_id} is {recorded}, but the reference code"
                f" finds {computed}. The record is damaged or from other code: run it again."
            )

    def _check_cases(self, class_id: int, recorded: Floats) -> None:
        computed = self.cache.evaluator.fitness_by_case(class_id)
        if not np.allclose(computed, recorded, rtol=TOLERANCE, atol=TOLERANCE):
            raise UserError(
                f"the recorded fitness of class {class_id} by case is {recorded.tolist()}, but the"
                f" reference code finds {computed.tolist()}. The record is damaged or from other"
                " code: run it again."
            )

    def snapshot(
        self, tables: Tables, seed: int, moment: str, *, with_ledgers: bool = False
    ) -> PopulationSnapshot | None:
        """The population of a seed at a moment, with its classes checked.

        Parameters
        ----------
        tables : Tables
            Of the run or of a control.
        seed : int
            Of the replicate.
        moment : str
            `swap` or `end`.
        with_ledgers : bool
            Compute the behaviour ledgers too, while the behaviour of each class is in memory.

        Returns
        -------
        PopulationSnapshot or None
            None if the population died out before.
        """
        rows = tables["populations"].filter((pl.col("seed") == seed) & (pl.col("moment") == moment))
        if rows.is_empty():
            return None
        snapshot = PopulationSnapshot.from_table(rows)
        for class_id in snapshot.members:
            self.check_class(class_id)
            if with_ledgers:
                self.cache.ledger(class_id)
        return snapshot

    def best_on_sample(self, seed: int) -> BestOnSample | None:
        """The best class for what selection used in the run with a seed.

        None if selection used all start cases, or other ones in each generation.
        """
        if self.selects_by_fitness:
            return None
        weights = self._weights(seed)
        key = weights.tobytes()
        if key not in self._best_on_sample:
            table = self.tables["landscape"]
            cases = table.select(self._case_columns).to_numpy()
            fitness = pl.Series("seen", selection_fitness(self.selection, cases, weights))
            span = self.cache.evaluator.spans["ancestral"]
            seen = ladder.breeding_true(table.with_columns(fitness))
            tied = ladder.near_best(seen, 0.0, span, "seen")
            best = BestOnSample(
                ancestral=int(tied.sort("ancestral", "class")["class"][0]),
                modern=int(tied.sort("modern_intent", "class")["class"][0]),
            )
            for class_id in (best.ancestral, best.modern):
                self.check_class(class_id)
                self._check_cases(class_id, cases[table["class"].index_of(class_id)])
            self._best_on_sample[key] = best
        return self._best_on_sample[key]

    def selection_fitness(self, snapshot: PopulationSnapshot, seed: int) -> Floats | None:
        """`[n]`: the fitness of a population's classes that selection used, net of drivers.

        None if that is ancestral fitness, or if each generation used other start cases.
        """
        if self.selects_by_fitness:
            return None
        rows = pl.DataFrame({"class": snapshot.classes}).join(
            self.tables["landscape"], on="class", how="left", maintain_order="left"
        )
        cases = rows.select(self._case_columns).to_numpy()
        return (
            selection_fitness(self.selection, cases, self._weights(seed))
            * snapshot.fitness_retained
        )

    @property
    def _case_columns(self) -> list[str]:
        return [f"case:{name}" for name in self.pair.ancestral.case_names]

    def _weights(self, seed: int) -> Floats:
        return case_weights(self.selection, self.pair.ancestral.case_shares(), seed, 0)
