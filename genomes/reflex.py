"""Reflex: behaviour without optimization. One locus per observation class; alleles are acts.

The alleles of a class are the acts available in all of its states in the ancestral world. Where
such an act is unavailable in the modern world, the agent does the world's default act. A reflex
cannot use an act that its ancestors did not have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from evosim.genomes.errors import InvalidGenome
from evosim.genomes.figure import LocusFigure
from evosim.genomes.germline import GermLine, build_grid
from evosim.genomes.grid import Grid
from evosim.genomes.loci import Ints, LocusParams, make_locus
from evosim.genomes.rules import ReflexRules
from evosim.genomes.shape import WorldShape

FIGURE = LocusFigure(
    "Reflexes through time", "share of alleles in each observation class", areas=True
)


@dataclass(frozen=True)
class Reflex(GermLine):
    """Parameters of the reflex genome, in addition to those of the germ line.

    Attributes
    ----------
    ploidy : int
        1 haploid, 2 diploid. Of two acts the first in the world's order is expressed.
    mutation : float
        Mutation probability per allele copy and generation.
    kernel : str
        `uniform`: to any other act. `step`: to a neighbour in the order of acts.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012

    ploidy: int = 1
    mutation: float = 0.005
    kernel: Literal["step", "uniform"] = "uniform"


@dataclass(frozen=True, eq=False)
class ReflexGenome:
    """The reflex genome for one world's observation classes."""

    params: Reflex
    shape: WorldShape
    grid: Grid
    name: str = "reflex"

    def decode(self, classes: Ints) -> ReflexRules:
        """The reflexes `[n]` of the classes `[n]`."""
        values = self.grid.values(np.asarray(classes, dtype=np.int64)).astype(np.int64)
        names = tuple(sorted({act for acts in self.shape.options.values() for act in acts}))
        column = {locus.name: values[:, i] for i, locus in enumerate(self.grid.loci)}
        acts = np.empty((len(values), len(self.shape.options)), dtype=np.int64)
        for i, (observation, options) in enumerate(self.shape.options.items()):
            acts[:, i] = np.array([names.index(act) for act in options])[column[observation]]
        return ReflexRules(acts=acts, names=names)


def build(params: Reflex, shape: WorldShape) -> ReflexGenome:
    """Build the reflex genome for a world's observation classes. Raises `InvalidGenome`."""
    for observation, acts in shape.options.items():
        if not acts:
            raise InvalidGenome(
                f"observation class '{observation}' must have an act that is available in all of"
                " its states, but has none. Split the class."
            )
    loci = tuple(
        make_locus(
            observation,
            LocusParams(tuple(acts), mutation=params.mutation, kernel=params.kernel),
            where=f"genome ({observation})",
            ploidy=params.ploidy,
        )
        for observation, acts in shape.options.items()
    )
    return ReflexGenome(params, shape, build_grid(loci, params, params.ploidy))
