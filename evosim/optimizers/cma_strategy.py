"""CMA-ES over real vectors: DEAP's strategy (Hansen and Ostermeier 2001), with addressed random
numbers and an end to shrinking.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from evosim.optimizers.base import Floats
from evosim.optimizers.global_rng import seeded

NARROWEST, WORST_CONDITION = 1e-10, 1e14
STREAM = 101  # beside the seed and the generation


class _Point(list[float]):
    """A sample, as the strategy wants it."""

    fitness: float = 0.0


class Strategy:
    """Asks for samples of a normal distribution, which it moves and shapes by what it is told of
    them.

    When the distribution has become as narrow as rounding lets it, or too flat, it begins again
    around its centre, as wide as at first.
    """

    def __init__(self, centre: Floats, width: float, population: int, seed: int) -> None:
        self.width, self.population, self.seed = width, population, seed
        self.generation = self.begun = 0
        self._begin(centre)

    def _begin(self, centre: Floats) -> None:
        from deap.cma import Strategy as Deap

        self._strategy: Any = Deap(centroid=centre, sigma=self.width, lambda_=self.population)

    def ask(self) -> Floats:
        """Samples `[population, d]`."""
        with seeded(self.seed, self.generation, STREAM):
            return np.array(self._strategy.generate(_Point))

    def tell(self, samples: Floats, fitness: Floats) -> None:
        """Fitness `[population]` of the samples, or of those that stand for them: the more the
        better.
        """
        points = []
        for sample, value in zip(samples.tolist(), fitness.tolist(), strict=True):
            point = _Point(sample)
            point.fitness = value
            points.append(point)
        centre = self._strategy.centroid
        with np.errstate(all="ignore"):
            try:
                self._strategy.update(points)
                s = self._strategy
                sound = (
                    np.isfinite(s.BD).all()
                    and NARROWEST < s.sigma * s.diagD[-1] < 1.0 / NARROWEST
                    and s.cond < WORST_CONDITION
                )
            except np.linalg.LinAlgError:
                sound = False
        self.generation += 1
        if not sound:
            self.begun += 1
            self._begin(
                self._strategy.centroid if np.isfinite(self._strategy.centroid).all() else centre
            )
