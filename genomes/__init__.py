"""Genomes: loci, alleles, and what they decode to. NumPy only; a genome sees a world's names, never its numbers.

`GENOMES` is the catalogue. A genome is one file: a docstring, a parameter dataclass, `build(params, shape)`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from genomes import planner, reflex
from genomes.drive import Drive, Driver, Modifier
from genomes.errors import InvalidGenome
from genomes.grid import Grid
from genomes.loci import Locus, LocusParams
from genomes.rules import PlannerRules, ReflexRules, Rules, TableRules
from genomes.shape import Genome, WorldShape


@dataclass(frozen=True)
class Entry:
    """One genome: its parameter class, how to build it over a world's names, and what it is in a line."""

    params: type[Any]
    build: Callable[[Any, WorldShape], Genome]
    what: str


GENOMES: dict[str, Entry] = {
    "planner": Entry(planner.Planner, planner.build, "objective weights, horizon, belief, temperature: a mesa-optimizer"),
    "reflex": Entry(reflex.Reflex, reflex.build, "an act for each observation class: no objective, no search"),
}

__all__ = [
    "GENOMES",
    "Drive",
    "Driver",
    "Entry",
    "Genome",
    "Grid",
    "InvalidGenome",
    "Locus",
    "LocusParams",
    "Modifier",
    "PlannerRules",
    "ReflexRules",
    "Rules",
    "TableRules",
    "WorldShape",
]
