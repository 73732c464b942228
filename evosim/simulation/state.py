"""The state of a running simulation: what a checkpoint stores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import polars as pl
from numpy.typing import NDArray

from evosim.genomes.loci import Ints
from evosim.optimizers import State
from evosim.runtime.blocks import Blocks

Arrays = dict[str, NDArray[Any]]
Tables = dict[str, pl.DataFrame]


@dataclass(frozen=True)
class Position:
    """A generation of a run.

    Attributes
    ----------
    label : str
        Name of the run for people, such as `seed 3`.
    seed : int
        Seed of the replicate. The seed of a control run can differ from it.
    control : str
        Name of the control; empty for the run itself.
    generations : int
        Length of the run.
    generation : int
        Number of the generation, from 0.
    """

    label: str
    seed: int
    control: str
    generations: int
    generation: int


@dataclass(frozen=True, eq=False)
class RecordState:
    """All that was recorded up to a generation.

    Attributes
    ----------
    arrays, tables : dict
        Rows in memory, by name.
    first : int
        Generation of the first row in memory. Earlier rows are in blocks on disk.
    blocks : int
        Number of blocks on disk.
    seal : str
        Hash of these blocks; empty without blocks.
    """

    arrays: Arrays
    tables: Tables
    first: int = 0
    blocks: int = 0
    seal: str = ""


@dataclass(frozen=True, eq=False)
class RunState:
    """A run between two steps: generation recorded, fitness not yet reported to the optimizer.

    Attributes
    ----------
    position : Position
        The generation.
    optimizer : State
        The state of the optimizer.
    record : RecordState
        All that was recorded, with this generation.
    """

    position: Position
    optimizer: State
    record: RecordState


@dataclass(frozen=True, eq=False)
class Run:
    """One replicate.

    Attributes
    ----------
    seed : int
        The seed that the replicate stands for.
    status : str
        `complete`, or `extinct` if some generation had no parents.
    generations : int
        Number of generations that lived.
    tables : Tables
        Tables by name. The tables by generation are missing where they are in `blocks`.
    lived : Ints
        Ids of the classes that lived, where the landscape records them.
    blocks : Blocks or None
        The tables by generation of a long run, on disk.
    """

    seed: int
    status: Literal["complete", "extinct"]
    generations: int
    tables: Tables
    lived: Ints
    blocks: Blocks | None = None
