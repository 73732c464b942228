"""Hill climbers on a grid: each goes to a neighbour unless it is worse, and begins again when it
gets nowhere.

A generation's population is, of every climber, the best genotype it has found in this world so far,
and then what all of them try. Whoever began again tries at random alleles, and climbs from there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from evosim.genomes import Grid
from evosim.genomes.loci import Alleles, Ints
from evosim.optimizers.allele_vector import Slots
from evosim.optimizers.base import Floats, Searcher, check_fitness
from evosim.optimizers.params import HillClimb
from evosim.optimizers.wright_fisher import founders

STREAM = 102  # beside the seed and the generation


class Climbers(Searcher):
    """Climbers over one grid. Arrays `[C, K]` are alleles of climbers; none is changed in place."""

    def __init__(self, params: HillClimb, grid: Grid, seed: int) -> None:
        self.params, self.seed, self.slots = params, seed, Slots(grid)
        self.generation = 0
        self._best = self._here = self.slots.read(founders(params.climbers, grid, seed))
        # Of where they are; of the best, before it is known
        self._worth = np.full(params.climbers, np.nan)
        self._idle = np.zeros(params.climbers, dtype=np.int64)
        self._afresh = np.zeros(params.climbers, dtype=bool)
        self._tried: Ints | None = None

    def begin_phase(self) -> None:
        """What was found is judged again in the new world, and climbers go on from it."""
        self._here, self._worth, self._tried = self._best, np.full(len(self._best), np.nan), None
        self._idle, self._afresh = np.zeros_like(self._idle), np.zeros_like(self._afresh)

    def ask(self) -> Alleles:
        """The best of each climber, and what they try."""
        if self._tried is None:
            self._tried = self._tries()
        return self.slots.genotypes(
            np.concatenate(
                [
                    self._best,
                    self._tried.reshape(self.params.climbers * self.params.tries, len(self.slots)),
                ]
            )
        )

    def tell(self, fitness: Floats, whole: Floats | None = None) -> None:
        """Go where it is better, or as good where ties are taken."""
        check_fitness(fitness, negative=True)
        assert self._tried is not None, "tell follows ask"
        p, every = self.params, np.arange(self.params.climbers)
        best, tried = fitness[: p.climbers], fitness[p.climbers :].reshape(p.climbers, p.tries)
        worth = np.where(np.isnan(self._worth), best, self._worth)
        first, most = tried.argmax(axis=1), tried.max(axis=1)
        better = (most > worth) | self._afresh
        goes = better | ((most == worth) & p.ties)
        self._here = np.where(goes[:, None], self._tried[every, first], self._here)
        self._worth = np.where(goes, most, worth)
        self._best = np.where((self._worth > best)[:, None], self._here, self._best)
        self._idle = np.where(better, 0, self._idle + 1)
        self._afresh = (self._idle >= p.patience) & (p.patience > 0)
        self.generation += 1
        self._tried = None

    def _tries(self) -> Ints:
        """What climbers try `[C, tries, K]`: neighbours of where they are, or random alleles."""
        p, k = self.params, len(self.slots)
        rng: Any = np.random.default_rng([self.seed, self.generation, STREAM])
        out = np.repeat(self._here[:, None, :], p.tries, axis=1)
        if k == 0:
            return out
        if p.neighbours == "step":
            chosen = np.zeros(out.shape, dtype=bool)
            np.put_along_axis(chosen, rng.integers(k, size=(*out.shape[:2], 1)), True, axis=2)
        else:
            chances = rng.random(out.shape)
            chosen = (chances < p.rate) | (chances == chances.min(axis=2, keepdims=True))
        other = (
            out + rng.integers(1, np.broadcast_to(self.slots.n_alleles, out.shape))
        ) % self.slots.n_alleles
        if p.neighbours == "step":
            up = (rng.random(out.shape) < 0.5) | (out == 0)
            nearby = out + np.where(up & (out < self.slots.n_alleles - 1), 1, -1)
            other = np.where(self.slots.steps, nearby, other)
        anywhere = rng.integers(0, np.broadcast_to(self.slots.n_alleles, out.shape))
        return np.where(self._afresh[:, None, None], anywhere, np.where(chosen, other, out))
