"""The part of a world that a genome may know: names, no numbers. And the genome protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from evosim.genomes.grid import Grid
from evosim.genomes.loci import Ints
from evosim.genomes.rules import Rules


@dataclass(frozen=True)
class WorldShape:
    """Names of a world, from which a genome is built.

    Attributes
    ----------
    features : tuple of str
        Features that agents can feel.
    beliefs : tuple of str
        Names of transition tables that an agent may believe in.
    options : mapping of str to tuple of str
        For each observation class, the acts available in all of its states in the ancestral world.
    lifespan : int
        Number of ages of a life, and the longest useful horizon.
    cue : bool
        Whether agents receive a cue of the world they live in.
    """

    features: tuple[str, ...]
    beliefs: tuple[str, ...]
    options: Mapping[str, tuple[str, ...]]
    lifespan: int
    cue: bool = False


class Genome(Protocol):
    """A genome: a grid of classes, and the decision rule of each class."""

    @property
    def name(self) -> str:
        """Its name in the catalogue."""
        ...

    @property
    def grid(self) -> Grid:
        """Its loci and classes."""
        ...

    def decode(self, classes: Ints) -> Rules:
        """The decision rules of classes `[n]`."""
        ...
