"""CMA-ES on a grid: real numbers that are rounded to alleles."""

from __future__ import annotations

import numpy as np

from evosim.genomes import Grid
from evosim.genomes.loci import Alleles
from evosim.optimizers.allele_vector import Slots
from evosim.optimizers.base import Floats, Searcher, check_fitness
from evosim.optimizers.cma_strategy import Strategy
from evosim.optimizers.params import CmaEs


class Rounded(Searcher):
    """A normal distribution over [0, 1] for each slot; what falls outside counts as its edge."""

    def __init__(self, params: CmaEs, grid: Grid, seed: int) -> None:
        self.params, self.slots = params, Slots(grid)
        self._strategy = (
            Strategy(self.slots.begins, params.step, params.population, seed)
            if len(self.slots)
            else None
        )
        self._points: Floats | None = None

    def ask(self) -> Alleles:
        """Samples, rounded."""
        if self._points is None:
            samples = (
                self._strategy.ask() if self._strategy else np.empty((self.params.population, 0))
            )
            self._points = np.clip(samples, 0.0, 1.0)
        return self.slots.genotypes(self.slots.nearest(self._points))

    def tell(self, fitness: Floats, whole: Floats | None = None) -> None:
        """Move and shape the distribution."""
        check_fitness(fitness, negative=True)
        assert self._points is not None, "tell follows ask"
        if self._strategy:
            self._strategy.tell(self._points, fitness)
        self._points = None
