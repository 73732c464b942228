"""Exhaustive: the perfect outer optimizer of the argument.

It enumerates every class and keeps all that tie for best.

In the first generation of a phase it proposes one genotype of every class of the grid, in later
ones those that were best. Mean fitness of its first generation is therefore the mean of the grid.
"""

from __future__ import annotations

import numpy as np

from evosim.genomes import Grid
from evosim.genomes.loci import Alleles
from evosim.optimizers.base import Floats, Searcher, check_fitness
from evosim.optimizers.params import Exhaustive, InvalidOptimizer


class Enumeration(Searcher):
    """The exhaustive optimizer over one grid."""

    TIE = 1e-12

    def __init__(self, params: Exhaustive, grid: Grid) -> None:
        if grid.size > params.max_classes:
            raise InvalidOptimizer(
                f"a grid must have at most {params.max_classes} classes to be enumerated"
                f" (optimizer.max_classes), but has {grid.size}. Coarsen the alleles, raise the"
                " limit, or use 'sexual'."
            )
        self._all = grid.genotypes(np.arange(grid.size, dtype=np.int64))
        self._current = self._all

    def begin_phase(self) -> None:
        """A new world is searched from nothing."""
        self._current = self._all

    def ask(self) -> Alleles:
        """Every class at first, then those that tied for best."""
        return self._current

    def tell(self, fitness: Floats, whole: Floats | None = None) -> None:
        """Keep the best of what was asked.

        Its fitness may be 0 or less: a search has no parents, so it cannot die out.
        """
        check_fitness(fitness, negative=True)
        best = fitness.max()
        self._current = self._current[fitness >= best - self.TIE * abs(best)]

    def resume(self, genotypes: Alleles, generation: int) -> bool:
        """Go on with those that were kept."""
        self._current = genotypes
        return True
