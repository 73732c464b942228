"""Exhaustive search: it enumerates every class and keeps all that tie for best.

In the first generation of a phase it proposes one genotype of every class of the grid. Later it
proposes those that were best. The mean fitness of its first generation is therefore the mean of the
grid.
"""

from __future__ import annotations

import numpy as np

from evosim.genomes import Grid
from evosim.genomes.loci import Alleles
from evosim.optimizers.base import Floats, Searcher, State, alleles_of, check_fitness
from evosim.optimizers.params import Exhaustive, InvalidOptimizer


class ExhaustiveSearch(Searcher):
    """The exhaustive optimizer of one grid."""

    TIE = 1e-12  # relative difference of fitness that counts as equal

    def __init__(self, params: Exhaustive, grid: Grid) -> None:
        if grid.size > params.max_classes:
            raise InvalidOptimizer(
                f"a grid must have at most {params.max_classes} classes to be enumerated"
                f" (optimizer.max_classes), but has {grid.size}. Coarsen the alleles, raise the"
                " limit, or use 'sexual'."
            )
        self._n_alleles = np.array([len(locus.params.alleles) for locus in grid.loci])
        self._all = grid.genotypes(np.arange(grid.size, dtype=np.int64))
        self._current = self._all

    def begin_phase(self) -> None:
        """Search the new world from the beginning."""
        self._current = self._all

    def ask(self) -> Alleles:
        """Return every class at first, then those that tied for best."""
        return self._current

    def tell(self, fitness: Floats, whole: Floats | None = None) -> None:
        """Keep the best. Their fitness may be 0 or less, because a search needs no parents."""
        check_fitness(fitness, negative=True)
        best = fitness.max()
        self._current = self._current[fitness >= best - self.TIE * abs(best)]

    def state(self) -> State:
        """Return the genotypes of this generation."""
        return {"genotypes": self._current}

    def restore(self, state: State) -> None:
        """Continue from a state."""
        shape = (None, *self._all.shape[1:])
        self._current = alleles_of(state, "genotypes", self._n_alleles, shape)
