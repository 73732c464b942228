"""CMA-ES over real vectors: DEAP's strategy (Hansen and Ostermeier 2001), with addressed random
numbers and restarts.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from evosim.optimizers.base import Floats, State, array_of, count_of
from evosim.optimizers.global_rng import seeded

NARROWEST, WORST_CONDITION = 1e-10, 1e14
STREAM = 101  # of random numbers; the address is seed, generation, stream
# The attributes of DEAP's strategy that change from generation to generation
NUMBERS, VECTORS, MATRICES = ("sigma", "cond"), ("centroid", "pc", "ps", "diagD"), ("C", "B", "BD")


class _Point(list[float]):
    """A sample in the form that DEAP's strategy expects."""

    fitness: float = 0.0


class CmaStrategy:
    """Samples of a normal distribution that adapts to the fitness of its samples.

    A distribution that is as narrow as rounding allows, or too flat, restarts around its centre
    with its initial width.
    """

    def __init__(self, centre: Floats, width: float, population: int, seed: int) -> None:
        self.width, self.population, self.seed = width, population, seed
        self.generation = self.restarts = 0
        self._begin(centre)

    def _begin(self, centre: Floats) -> None:
        from deap.cma import Strategy

        self._strategy: Any = Strategy(centroid=centre, sigma=self.width, lambda_=self.population)

    def ask(self) -> Floats:
        """Return samples `[population, d]`."""
        with seeded(self.seed, self.generation, STREAM):
            return np.array(self._strategy.generate(_Point))

    def tell(self, samples: Floats, fitness: Floats) -> None:
        """Take the fitness `[population]` of samples `[population, d]`; higher is better."""
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
            self.restarts += 1
            self._begin(
                self._strategy.centroid if np.isfinite(self._strategy.centroid).all() else centre
            )

    def state(self) -> State:
        """Return the distribution and its history. DEAP replaces these arrays, it changes none."""
        state: State = {
            "generation": np.array(self.generation, dtype=np.int64),
            "restarts": np.array(self.restarts, dtype=np.int64),
            "updates": np.array(self._strategy.update_count, dtype=np.int64),
        }
        for name in NUMBERS:
            state[name] = np.array(getattr(self._strategy, name), dtype=np.float64)
        return state | {name: getattr(self._strategy, name) for name in (*VECTORS, *MATRICES)}

    def restore(self, state: State) -> None:
        """Continue from a state. Raises `InvalidState`."""
        d = self._strategy.dim
        shapes: dict[str, tuple[int, ...]] = dict.fromkeys(NUMBERS, ())
        shapes |= dict.fromkeys(VECTORS, (d,))
        shapes |= dict.fromkeys(MATRICES, (d, d))
        arrays = {name: array_of(state, name, np.float64, shape) for name, shape in shapes.items()}
        self.generation, self.restarts = count_of(state, "generation"), count_of(state, "restarts")
        self._strategy.update_count = count_of(state, "updates")
        for name, array in arrays.items():
            setattr(self._strategy, name, float(array) if name in NUMBERS else array)
