"""Names of a small world, and loci, for tests of genomes."""

from __future__ import annotations

from evosim.genomes import Locus, LocusParams, WorldShape
from evosim.genomes.loci import make_locus

SHAPE = WorldShape(
    ("warm", "sweet"),
    ("true", "old"),
    {"day": ("eat", "rest"), "night": ("rest",)},
    lifespan=10,
    cue=True,
)


def locus(params: LocusParams, ploidy: int = 2, whole: bool = False, name: str = "x") -> Locus:
    """A checked locus."""
    return make_locus(name, params, where=name, ploidy=ploidy, whole=whole)
