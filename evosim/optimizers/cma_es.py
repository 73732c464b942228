"""CMA-ES on a grid: real numbers that are rounded to alleles."""

from __future__ import annotations

import numpy as np

from evosim.genomes import Grid
from evosim.genomes.loci import Alleles
from evosim.optimizers.allele_vector import AlleleVector
from evosim.optimizers.base import Floats, Searcher, State, array_of, check_fitness
from evosim.optimizers.cma_strategy import CmaStrategy
from evosim.optimizers.params import CmaEs


class CmaEsOnAlleles(Searcher):
    """A normal distribution over [0, 1] for each allele copy. Samples are clipped to [0, 1]."""

    def __init__(self, params: CmaEs, grid: Grid, seed: int) -> None:
        self.params, self.vector = params, AlleleVector(grid)
        self._strategy = (
            CmaStrategy(self.vector.begins, params.step, params.population, seed)
            if len(self.vector)
            else None
        )
        self._points: Floats | None = None  # [n, K] samples that wait for their fitness

    def ask(self) -> Alleles:
        """Return rounded samples."""
        return self.vector.genotypes(self.vector.nearest(self._sampled()))

    def tell(self, fitness: Floats, whole: Floats | None = None) -> None:
        """Move and shape the distribution."""
        check_fitness(fitness, negative=True)
        assert self._points is not None, "tell follows ask"
        if self._strategy:
            self._strategy.tell(self._points, fitness)
        self._points = None

    def state(self) -> State:
        """Return the samples and the distribution."""
        points = self._sampled()
        return {"points": points, **(self._strategy.state() if self._strategy else {})}

    def restore(self, state: State) -> None:
        """Continue from a state."""
        shape = (self.params.population, len(self.vector))
        self._points = array_of(state, "points", np.float64, shape)
        if self._strategy:
            self._strategy.restore(state)

    def _sampled(self) -> Floats:
        """Return the samples `[n, K]` of this generation, and draw them if necessary."""
        if self._points is None:
            samples = (
                self._strategy.ask() if self._strategy else np.empty((self.params.population, 0))
            )
            self._points = np.clip(samples, 0.0, 1.0)
        return self._points
