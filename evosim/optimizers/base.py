"""What every base optimizer is to the loop: `begin`, `ask`, `tell`. It sees fitness and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from evosim.optimizers.catalogue import InvalidOptimizer
from genomes import Grid
from genomes.loci import Alleles

Floats = NDArray[np.float64]


class Extinction(Exception):
    """Nobody in the generation has any fitness, so nobody can be a parent. A result, not an error."""


class Optimizer(Protocol):
    """A base optimizer.

    Called once a generation in the order `ask`, `tell`. `begin_phase` is called when the world changes and before
    the first generation; most optimizers do nothing then, as natural selection gets no notice of a new world.
    """

    def begin_phase(self) -> None:
        """A new world begins."""
        ...

    def ask(self) -> Alleles:
        """Genotypes `[n, ploidy, L]` of this generation's newborns."""
        ...

    def tell(self, fitness: Floats) -> None:
        """Fitness `[n]` of what `ask` gave, in expected offspring; raises `Extinction` if all of it is 0."""
        ...


@dataclass(frozen=True, eq=False)
class Genetics:
    """What reproduction kernels need of a grid, as arrays over loci."""

    recombination: Floats
    rates: Floats
    kernels: NDArray[np.int64]
    n_alleles: NDArray[np.int64]

    @classmethod
    def of(cls, grid: Grid) -> Genetics:
        """The genetics of a grid's loci."""
        return cls(
            recombination=grid.recombination(),
            rates=np.array([locus.params.mutation for locus in grid.loci]),
            kernels=np.array([("step", "uniform").index(locus.params.kernel) for locus in grid.loci]),
            n_alleles=np.array([len(locus.params.alleles) for locus in grid.loci]),
        )


def check_fitness(fitness: Floats, *, negative: bool) -> None:
    """Raise `InvalidOptimizer` for a fitness that is not finite or, unless allowed, negative."""
    bad = ~np.isfinite(fitness)
    if not negative:
        bad |= fitness < 0
    if bad.any():
        rule = "finite" if negative else "finite and not negative for fitness-proportional parentage"
        raise InvalidOptimizer(f"fitness must be {rule}, but is {fitness[bad][0]}. Use another world or base optimizer.")


def cumulative_parentage(fitness: Floats) -> Floats:
    """Running sum of fitness, by which parents are drawn. Raises `Extinction` where it is all 0.

    Negative or non-finite fitness cannot be a share of parents: `InvalidOptimizer`.
    """
    check_fitness(fitness, negative=False)
    total = np.cumsum(fitness)
    if total[-1] <= 0.0:
        raise Extinction
    return total
