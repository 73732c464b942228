"""The JSON part of checkpoints, as typed models."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, Strict

from evosim.runtime.checksums import Strictly
from evosim.simulation.state import Arrays, Position, RecordState, RunState, Tables

PART_FILE = r"^runs-\d{5,}\.npz$"
OPTIMIZER = "optimizer:"  # prefix of the names of the optimizer's arrays


def _is_finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("must be finite")
    return value


Seconds = Annotated[float, Field(ge=0.0), AfterValidator(_is_finite)]


class RunFacts(Strictly):
    """The run that was under way: a `Position`, and the facts of a `RecordState`."""

    label: str
    seed: int
    control: str
    generations: int = Field(ge=1)
    generation: int = Field(ge=0)
    # Generation of the first row that is in the file. Earlier rows are in blocks on disk.
    first: int = Field(default=0, ge=0)
    blocks: int = Field(default=0, ge=0)
    seal: str = ""

    @classmethod
    def from_state(cls, state: RunState) -> RunFacts:
        """Return the facts of a state."""
        record = state.record
        return cls(
            **asdict(state.position), first=record.first, blocks=record.blocks, seal=record.seal
        )

    def state(self, arrays: Arrays, tables: Tables) -> RunState:
        """Return the state of a run, of these facts and the arrays and tables of a file."""
        position = Position(self.label, self.seed, self.control, self.generations, self.generation)
        optimizer = {
            name.removeprefix(OPTIMIZER): array
            for name, array in arrays.items()
            if name.startswith(OPTIMIZER)
        }
        rest = {name: array for name, array in arrays.items() if not name.startswith(OPTIMIZER)}
        record = RecordState(rest, tables, self.first, self.blocks, self.seal)
        return RunState(position, optimizer, record)


def arrays_of(state: RunState) -> Arrays:
    """Return all arrays of a state by their names in a file."""
    optimizer = {f"{OPTIMIZER}{name}": array for name, array in state.optimizer.items()}
    return optimizer | state.record.arrays


class Part(Strictly):
    """An interrupted part of a run: the cause, the time, the place, and seconds by stage."""

    by: str | None
    saved: str
    run: str | None
    generation: int | None
    finished: int = Field(ge=0)
    seconds: dict[str, Seconds]

    @property
    def total(self) -> float:
        """Seconds of all stages."""
        return float(sum(self.seconds.values()))


class ExperimentFacts(Strictly):
    """The facts in `state.npz` of an experiment."""

    parts: list[Annotated[str, Field(pattern=PART_FILE)]]
    finished: int = Field(ge=0)
    run: RunFacts | None
    interruptions: list[Part]
    part: Part


# Control, seed, status, generations
EndingFacts = tuple[str, int, Literal["complete", "extinct"], Annotated[int, Field(ge=1)]]
# Control, seed, folder, number of blocks, seal, tables
BlockFacts = tuple[str, int, str, Annotated[int, Field(ge=1)], str, list[str]]


class FinishedFacts(Strictly):
    """The facts in `runs-*.npz`: how replicates ended, and their blocks on disk."""

    endings: list[Annotated[EndingFacts, Strict(False)]]
    blocks: list[Annotated[BlockFacts, Strict(False)]] = Field(default_factory=list)
