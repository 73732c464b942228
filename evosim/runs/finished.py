"""Replicates of an experiment that are complete, as a run collects and stores them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim.runs.checkpoint_facts import FinishedFacts
from evosim.runtime.atomic_files import inside
from evosim.runtime.blocks import Blocks
from evosim.simulation.state import Arrays, Run, Tables

Ending = dict[str, str | int]  # status, generations


@dataclass(frozen=True, eq=False)
class _Batch:
    """Replicates that were completed between two checkpoints.

    Attributes
    ----------
    endings : list of tuple
        Control, seed, status and generations of each.
    tables : dict
        Tables by control.
    lived : NDArray
        Ids of the classes that lived.
    until : int
        Number of replicates in this batch and all batches before.
    blocks : dict
        Tables by generation on disk, by control and seed.
    """

    endings: list[tuple[str, int, Literal["complete", "extinct"], int]]
    tables: dict[str, Tables]
    lived: NDArray[np.int64]
    until: int
    blocks: dict[tuple[str, int], Blocks]


class Finished:
    """Complete replicates, in the order of their completion."""

    def __init__(self) -> None:
        self._batches: list[_Batch] = []

    def __len__(self) -> int:
        return self._batches[-1].until if self._batches else 0

    @property
    def batches(self) -> int:
        """Number of batches."""
        return len(self._batches)

    def add(self, control: str, run: Run) -> None:
        """Add a replicate of the run (`control` is empty) or of a control."""
        blocks = {} if run.blocks is None else {(control, run.seed): run.blocks}
        ending = (control, run.seed, run.status, run.generations)
        # One statement, because a signal may interrupt between two
        self._batches.append(
            _Batch([ending], {control: run.tables}, run.lived, len(self) + 1, blocks)
        )

    def endings(self, control: str = "") -> dict[str, Ending]:
        """Return how the replicates of a control ended, by seed."""
        endings = {
            seed: Ending(status=status, generations=generations)
            for batch in self._batches
            for name, seed, status, generations in batch.endings
            if name == control
        }
        return {str(seed): endings[seed] for seed in sorted(endings)}

    def tables(self, control: str = "", first: int = 0) -> Tables:
        """Return the tables of a control, of the batches from `first` on, by seed.

        Replicates may be complete in any order, because several processes simulate them.
        """
        parts = [
            batch.tables[control] for batch in self._batches[first:] if control in batch.tables
        ]
        return {
            name: pl.concat([tables[name] for tables in parts])
            .sort("seed", maintain_order=True)
            .rechunk()
            for name in (parts[0] if parts else ())
        }

    def blocks(self, control: str = "") -> dict[int, Blocks]:
        """Return the tables by generation on disk of a control, in the order of seeds."""
        found = {
            seed: blocks
            for batch in self._batches
            for (name, seed), blocks in batch.blocks.items()
            if name == control
        }
        return dict(sorted(found.items()))

    def lived(self, first: int = 0) -> NDArray[np.int64]:
        """Return the ids of all classes that lived, as far as they were recorded."""
        none = np.empty(0, dtype=np.int64)
        return np.unique(np.concatenate([none, *(b.lived for b in self._batches[first:])]))

    def state(self, first: int) -> tuple[FinishedFacts, Arrays, Tables]:
        """Return the batches from `first` on, as the contents of a file."""
        endings = [ending for batch in self._batches[first:] for ending in batch.endings]
        tables = {
            f"{control}/{name}": table
            for control in dict.fromkeys(control for control, *_ in endings)
            for name, table in self.tables(control, first).items()
        }
        on_disk = []
        for batch in self._batches[first:]:
            for (control, seed), blocks in batch.blocks.items():
                blocks.settle()
                names = list(blocks.names)
                on_disk.append(
                    (control, seed, blocks.folder.name, blocks.written, blocks.seals[-1], names)
                )
        facts = FinishedFacts(endings=endings, blocks=on_disk)
        return facts, {"lived": self.lived(first)}, tables

    def restore(self, facts: FinishedFacts, arrays: Arrays, tables: Tables, folder: Path) -> None:
        """Add a batch from the contents of a file.

        Parameters
        ----------
        facts, arrays, tables
            The contents.
        folder : Path
            It has the folders of blocks.

        Raises
        ------
        UserError
            If blocks on disk are missing or damaged.
        """
        on_disk: dict[tuple[str, int], Blocks] = {}
        for control, seed, name, written, seal, names in facts.blocks:
            path = inside(folder, name, "a folder of blocks that a checkpoint names")
            on_disk[control, seed] = Blocks(path)
            on_disk[control, seed].reopen(written, seal, tuple(names))
        by_control: dict[str, Tables] = {}
        for place, table in tables.items():
            control, _, name = place.partition("/")
            by_control.setdefault(control, {})[name] = table
        until = len(self) + len(facts.endings)
        self._batches.append(
            _Batch(list(facts.endings), by_control, arrays["lived"], until, on_disk)
        )
