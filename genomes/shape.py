"""The little that a genome may know of a world: names, no numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from evosim.genomes.grid import Grid
from evosim.genomes.loci import Ints
from evosim.genomes.rules import Rules


@dataclass(frozen=True)
class WorldShape:
    """Names a genome is built over.

    Attributes:
        features: what can be felt.
        beliefs: transition tables on offer.
        options: for each observation class, the acts available throughout it in the ancestral
        world. lifespan: ages of a life, the longest horizon that makes sense. cue: whether agents
        are told which world they live in.
    """

    features: tuple[str, ...]
    beliefs: tuple[str, ...]
    options: Mapping[str, tuple[str, ...]]
    lifespan: int
    cue: bool = False


class Genome(Protocol):
    """A genome: a grid of classes and what each class decides by."""

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
