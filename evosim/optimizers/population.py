"""Sexual and asexual Wright-Fisher populations: the base optimizers that nature uses.

Life cycle of one generation: newborns are censused (`ask`); each lives and has expected fitness; parents are drawn
from all of them with chance proportional to fitness, with replacement, two for each newborn of the next generation
(the same one twice is allowed: selfing); meiosis recombines, then alleles mutate. Population size is constant.
"""

from __future__ import annotations

import numpy as np

from evosim.kernels import reproduce
from evosim.optimizers.base import Floats, Genetics, cumulative_parentage
from evosim.optimizers.catalogue import Population
from evosim.streams import key_of
from genomes import Grid
from genomes.loci import Alleles

THREADED = 4096


class WrightFisher:
    """A population of constant size; `sexual` says how newborns are made."""

    def __init__(self, params: Population, grid: Grid, seed: int, *, sexual: bool) -> None:
        self.genetics = Genetics.of(grid)
        self.seed = seed
        self.sexual = sexual
        self.generation = 0
        self.newborns = founders(params.population, grid, seed)
        self.parents = np.full((params.population, 2), -1, dtype=np.int64)
        self._spare = np.empty_like(self.newborns)

    def begin_phase(self) -> None:
        """Selection is not told that the world has changed."""

    def ask(self) -> Alleles:
        """The newborns of this generation."""
        return self.newborns

    def tell(self, fitness: Floats) -> None:
        """Draw parents by fitness and make the next newborns."""
        cumulative = cumulative_parentage(fitness)
        g = self.genetics
        key0, key1 = key_of(self.seed)
        self.generation += 1
        where = (self.newborns, cumulative, self.generation, key0, key1)
        map_ = (g.recombination,) if self.sexual else ()
        how = (*map_, g.rates, g.kernels, g.n_alleles, self._spare, self.parents)
        # Waking a second thread costs more than a small population does; either way gives the same bytes.
        if len(self.newborns) < THREADED:
            (reproduce.sexual_chunk if self.sexual else reproduce.asexual_chunk)(0, len(self.newborns), *where, *how)
        else:
            (reproduce.sexual if self.sexual else reproduce.asexual)(*where, *how)
        self.newborns, self._spare = self._spare, self.newborns


def founders(n: int, grid: Grid, seed: int) -> Alleles:
    """The first generation: each allele copy drawn evenly from its locus' initial alleles."""
    choices = [locus.initial_alleles() for locus in grid.loci]
    offsets = np.cumsum([0, *(len(c) for c in choices)])
    out = np.empty((n, grid.ploidy, len(grid.loci)), dtype=np.uint8)
    reproduce.founders(*key_of(seed), offsets, np.concatenate(choices), out)
    return out
