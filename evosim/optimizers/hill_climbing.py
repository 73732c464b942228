"""Stochastic hill climbing on a grid, with restarts; ties are accepted if the parameters say so.

The population of a generation has two parts. They are the best genotype of each climber in this
world so far, and the candidates of all climbers. A climber that found nothing better for a while
restarts from random alleles.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from evosim.genomes import Grid
from evosim.genomes.loci import Alleles, Ints
from evosim.optimizers.allele_vector import AlleleVector
from evosim.optimizers.base import (
    Floats,
    Searcher,
    State,
    alleles_of,
    array_of,
    check_fitness,
    count_of,
)
from evosim.optimizers.params import HillClimb
from evosim.optimizers.wright_fisher import founders

STREAM = 102  # of random numbers; the address is seed, generation, stream


class HillClimbers(Searcher):
    """`C` climbers over one grid of `K` allele copies. No array is changed in place."""

    def __init__(self, params: HillClimb, grid: Grid, seed: int) -> None:
        self.params, self.seed, self.vector = params, seed, AlleleVector(grid)
        self.generation = 0
        # Alleles [C, K]
        self._best = self._current = self.vector.read(founders(params.climbers, grid, seed))
        # Fitness [C] of `_current`; NaN before the first evaluation in a world
        self._fitness = np.full(params.climbers, np.nan)
        self._idle = np.zeros(params.climbers, dtype=np.int64)  # generations without progress
        self._restarts = np.zeros(params.climbers, dtype=bool)
        self._candidates: Ints | None = None  # alleles [C, tries, K] that wait for their fitness

    def begin_phase(self) -> None:
        """Continue from the best genotypes, whose fitness in the new world is unknown."""
        self._current, self._fitness = self._best, np.full(len(self._best), np.nan)
        self._idle, self._restarts = np.zeros_like(self._idle), np.zeros_like(self._restarts)
        self._candidates = None

    def ask(self) -> Alleles:
        """Return the best of each climber, then all candidates."""
        p = self.params
        candidates = self._drawn().reshape(p.climbers * p.tries, len(self.vector))
        return self.vector.genotypes(np.concatenate([self._best, candidates]))

    def tell(self, fitness: Floats, whole: Floats | None = None) -> None:
        """Move to candidates that are better, or as good where ties are accepted."""
        check_fitness(fitness, negative=True)
        assert self._candidates is not None, "tell follows ask"
        p, climbers = self.params, np.arange(self.params.climbers)
        best, tried = fitness[: p.climbers], fitness[p.climbers :].reshape(p.climbers, p.tries)
        current = np.where(np.isnan(self._fitness), best, self._fitness)
        first, most = tried.argmax(axis=1), tried.max(axis=1)
        better = (most > current) | self._restarts
        moves = better | ((most == current) & p.ties)
        self._current = np.where(moves[:, None], self._candidates[climbers, first], self._current)
        self._fitness = np.where(moves, most, current)
        self._best = np.where((self._fitness > best)[:, None], self._current, self._best)
        self._idle = np.where(better, 0, self._idle + 1)
        self._restarts = (self._idle >= p.patience) & (p.patience > 0)
        self.generation += 1
        self._candidates = None

    def state(self) -> State:
        """Return all arrays of the climbers."""
        return {
            "generation": np.array(self.generation, dtype=np.int64),
            "best": self._best,
            "current": self._current,
            "fitness": self._fitness,
            "idle": self._idle,
            "restarts": self._restarts,
            "candidates": self._drawn(),
        }

    def restore(self, state: State) -> None:
        """Continue from a state."""
        c, k, n = self.params.climbers, len(self.vector), self.vector.n_alleles
        self.generation = count_of(state, "generation")
        self._best = alleles_of(state, "best", n, (c, k))
        self._current = alleles_of(state, "current", n, (c, k))
        self._fitness = array_of(state, "fitness", np.float64, (c,))
        self._idle = array_of(state, "idle", np.int64, (c,))
        self._restarts = array_of(state, "restarts", np.bool_, (c,))
        self._candidates = alleles_of(state, "candidates", n, (c, self.params.tries, k))

    def _drawn(self) -> Ints:
        """Return the candidates `[C, tries, K]` of this generation, and draw them if necessary."""
        if self._candidates is None:
            self._candidates = self._draw()
        return self._candidates

    def _draw(self) -> Ints:
        """Draw candidates `[C, tries, K]`: neighbours of `_current`, or random alleles."""
        p, k = self.params, len(self.vector)
        rng: Any = np.random.default_rng([self.seed, self.generation, STREAM])
        out = np.repeat(self._current[:, None, :], p.tries, axis=1)
        if k == 0:
            return out
        if p.neighbours == "step":
            chosen = np.zeros(out.shape, dtype=bool)
            np.put_along_axis(chosen, rng.integers(k, size=(*out.shape[:2], 1)), True, axis=2)
        else:
            chances = rng.random(out.shape)
            chosen = (chances < p.rate) | (chances == chances.min(axis=2, keepdims=True))
        n_alleles = self.vector.n_alleles
        other = (out + rng.integers(1, np.broadcast_to(n_alleles, out.shape))) % n_alleles
        if p.neighbours == "step":
            up = (rng.random(out.shape) < 0.5) | (out == 0)
            nearby = out + np.where(up & (out < n_alleles - 1), 1, -1)
            other = np.where(self.vector.steps, nearby, other)
        anywhere = rng.integers(0, np.broadcast_to(n_alleles, out.shape))
        return np.where(self._restarts[:, None, None], anywhere, np.where(chosen, other, out))
