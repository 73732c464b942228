"""The allele copies of a grid that can differ, as one flat vector for optimizers without
meiosis.
"""

from __future__ import annotations

import numpy as np

from evosim.genomes import Grid
from evosim.genomes.loci import Alleles, Ints
from evosim.optimizers.base import Floats


class Slots:
    """The allele copies of genotypes of a grid whose locus has more than one allele.

    Attributes:
        n_alleles: `[K]` how many alleles each slot's locus has.
        steps: `[K]` whether mutation goes to the next in the list.
    """

    def __init__(self, grid: Grid) -> None:
        varying = [i for i, locus in enumerate(grid.loci) if len(locus.params.alleles) > 1]
        self.shape = (grid.ploidy, len(grid.loci))
        self.places = np.array(
            [strand * len(grid.loci) + i for strand in range(grid.ploidy) for i in varying],
            dtype=np.int64,
        )
        loci = [grid.loci[i] for i in varying] * grid.ploidy
        self.n_alleles = np.array([len(locus.params.alleles) for locus in loci], dtype=np.int64)
        self.steps = np.array([locus.params.kernel == "step" for locus in loci], dtype=bool)
        self.begins = np.array(
            [(locus.initial_alleles() + 0.5).mean() for locus in loci], dtype=np.float64
        ) / np.maximum(self.n_alleles, 1)

    def __len__(self) -> int:
        return len(self.places)

    def read(self, genotypes: Alleles) -> Ints:
        """Alleles `[n, K]` of genotypes."""
        return genotypes.reshape(len(genotypes), -1)[:, self.places].astype(np.int64)

    def genotypes(self, alleles: Ints) -> Alleles:
        """Genotypes with such alleles `[n, K]`; new arrays each time."""
        out = np.zeros((len(alleles), self.shape[0] * self.shape[1]), dtype=np.uint8)
        out[:, self.places] = alleles
        return out.reshape(-1, *self.shape)

    def nearest(self, points: Floats) -> Ints:
        """Alleles `[n, K]` whose share of [0, 1] real numbers lie in."""
        return np.clip(np.floor(points * self.n_alleles), 0, self.n_alleles - 1).astype(np.int64)
