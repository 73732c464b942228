"""The whole record of one run: generations, snapshots, search ledger, and blocks on disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from evosim.config.resolve import Problem
from evosim.fitness.landscape import Landscape
from evosim.optimizers import Optimizer
from evosim.runtime.blocks import BY_GENERATION, Blocks
from evosim.simulation.generation import Evaluation
from evosim.simulation.price_equation import SearchLedger, Traits
from evosim.simulation.recorder import Recorder
from evosim.simulation.state import RecordState, Tables


class RunRecord:
    """Records every generation of a run.

    Parameters
    ----------
    problem, landscape, optimizer, evaluation, seed
        Of the run.
    observed : set of int
        Ids of the classes that lived so far. The landscape adds to it.
    on_disk : Blocks, optional
        The place for the tables by generation of a long run.
    """

    def __init__(
        self,
        problem: Problem,
        landscape: Landscape,
        optimizer: Optimizer,
        evaluation: Evaluation,
        seed: int,
        observed: set[int],
        on_disk: Blocks | None = None,
    ) -> None:
        grid, experiment = problem.genome.grid, problem.experiment
        self._landscape, self._optimizer, self._evaluation = landscape, optimizer, evaluation
        self._observed, self.on_disk = observed, on_disk
        self._swap, self._snapshots = experiment.swap, experiment.snapshots
        self.recorder = Recorder(seed, grid)
        self.ledger = (
            SearchLedger(Traits(grid, evaluation.net_in_both_worlds), seed)
            if experiment.search_ledger
            else None
        )

    def add(self, g: int) -> None:
        """Record the current generation, whose number is `g`."""
        generation, worlds = self._evaluation.current, self._evaluation.worlds
        self.recorder.add(g, worlds[g], generation)
        if self.ledger:
            parentage = self._optimizer.parentage()
            self.ledger.add(g, worlds[max(g - 1, 0)], generation.genotypes, parentage)
        moments = {"first": g == 0, "swap": g == self._swap - 1, "snapshot": g in self._snapshots}
        for moment in (name for name, is_now in moments.items() if is_now):
            self._add_snapshot(moment, g)
        if self.recorder.full:
            self._close_block()

    def snapshotter(self) -> Callable[[], RecordState]:
        """Return a function that gives the record as it is now, until the next generation."""
        mark = self.recorder.mark()
        ledger_mark = self.ledger.mark() if self.ledger else None
        n_blocks = 0 if self.on_disk is None else len(self.on_disk)

        def state() -> RecordState:
            record = self.recorder.state(mark)
            record.arrays["lived"] = np.array(sorted(self._observed), dtype=np.int64)
            if self.ledger and ledger_mark:
                record.arrays.update(self.ledger.state(ledger_mark))
            if self.on_disk is None:
                return record
            self.on_disk.settle()
            return replace(record, blocks=n_blocks, seal=self.on_disk.seals[n_blocks])

        return state

    def restore(self, state: RecordState) -> None:
        """Continue from a state."""
        self._landscape.record_observed(state.arrays["lived"])
        self.recorder.restore(state)
        if self.ledger:
            self.ledger.restore(state.arrays)
        if self.on_disk is not None:
            names = BY_GENERATION if self.ledger else BY_GENERATION[:-1]
            self.on_disk.reopen(state.blocks, state.seal, names)

    def finish(self, g: int) -> Tables:
        """Record the last generation as a snapshot, and return the tables that are in memory.

        Parameters
        ----------
        g : int
            The number of the last generation.
        """
        self._add_snapshot("end", g)
        if self.on_disk is not None:
            self._close_block()
            return {"populations": self.recorder.populations()}
        return self.recorder.tables() | ({"search": self.ledger.table()} if self.ledger else {})

    def observed(self) -> np.ndarray:
        """Return the ids of all classes that lived, sorted."""
        return np.array(sorted(self._observed), dtype=np.int64)

    def _add_snapshot(self, moment: str, g: int) -> None:
        genotypes = self._evaluation.current.genotypes
        retained = self._optimizer.fitness_retained
        self.recorder.add_snapshot(moment, g, genotypes, self._landscape, retained)

    def _close_block(self) -> None:
        """Put the rows since the last block into one: on disk if possible, else in memory."""
        rows = self.recorder.take_rows()
        accounts = self.ledger.take_rows() if self.ledger else []
        if self.on_disk is None:
            self.recorder.blocks.append(rows)
            if self.ledger:
                self.ledger.blocks.append(accounts)
        elif rows.generations.height:
            search = {"search": self.ledger.table_of(accounts)} if self.ledger else {}
            self.on_disk.add(self.recorder.tables_of(rows) | search)
