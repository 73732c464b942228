"""Genomes: loci, alleles, and the decision rules that they decode to.

A genome needs only NumPy. It knows the names of a world, but not its numbers.

`GENOMES` is the catalogue. A genome is one file: a docstring, a parameter dataclass, and
`build(params, shape)`.
"""

from __future__ import annotations

if __name__ != "evosim.genomes":  # imported by its old name, from a checkout
    raise ImportError("write 'evosim.genomes' instead of 'genomes'", name="genomes")

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from evosim.genomes import gated, planner, reflex
from evosim.genomes.drive import Drive, Driver, Modifier
from evosim.genomes.errors import InvalidGenome
from evosim.genomes.figure import LocusFigure, LocusPanel
from evosim.genomes.grid import Grid
from evosim.genomes.loci import Locus, LocusParams
from evosim.genomes.rules import (
    GATES,
    DecisionRules,
    GatedRules,
    PlannerRules,
    ReflexRules,
    Rules,
    TableRules,
    second_objective_active,
)
from evosim.genomes.shape import Genome, WorldShape


@dataclass(frozen=True)
class Entry:
    """One genome, as catalogues and figures see it.

    Attributes
    ----------
    params : type
        Parameter class, a dataclass.
    build : callable
        Builds the genome over a world's names: `build(params, shape)`.
    description : str
        The genome in one line.
    figure : LocusFigure
        How its loci are shown through time.
    """

    params: type[Any]
    build: Callable[[Any, WorldShape], Genome]
    description: str
    figure: LocusFigure = field(default_factory=LocusFigure)


GENOMES: dict[str, Entry] = {
    "planner": Entry(
        planner.Planner,
        planner.build,
        "objective weights, horizon, belief, temperature: a mesa-optimizer",
        planner.FIGURE,
    ),
    "gated": Entry(
        gated.Gated,
        gated.build,
        "a planner with a second objective, and a gate on the world's cue: the deceptive candidate",
        gated.FIGURE,
    ),
    "reflex": Entry(
        reflex.Reflex,
        reflex.build,
        "an act for each observation class: no objective, no search",
        reflex.FIGURE,
    ),
}

__all__ = [
    "GATES",
    "GENOMES",
    "DecisionRules",
    "Drive",
    "Driver",
    "Entry",
    "GatedRules",
    "Genome",
    "Grid",
    "InvalidGenome",
    "Locus",
    "LocusFigure",
    "LocusPanel",
    "LocusParams",
    "Modifier",
    "PlannerRules",
    "ReflexRules",
    "Rules",
    "TableRules",
    "WorldShape",
    "second_objective_active",
]
