"""Allele copies of a grid that can differ, as flat vectors for optimizers without meiosis."""

from __future__ import annotations

import numpy as np

from evosim.genomes import Grid
from evosim.genomes.loci import Alleles, Ints
from evosim.optimizers.base import Floats


class AlleleVector:
    """Maps genotypes of a grid to vectors of the `K` allele copies that can differ.

    A copy can differ if its locus has more than one allele.

    Attributes
    ----------
    n_alleles : Ints
        `[K]` number of alleles of the locus of each copy.
    steps : NDArray
        `[K]` whether mutation moves to the next allele in the list.
    begins : Floats
        `[K]` mean of the initial alleles as a real number in [0, 1].
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
        """Return the alleles `[n, K]` of genotypes `[n, ploidy, L]`."""
        return genotypes.reshape(len(genotypes), -1)[:, self.places].astype(np.int64)

    def genotypes(self, alleles: Ints) -> Alleles:
        """Return new genotypes `[n, ploidy, L]` with the alleles `[n, K]`."""
        out = np.zeros((len(alleles), self.shape[0] * self.shape[1]), dtype=np.uint8)
        out[:, self.places] = alleles
        return out.reshape(-1, *self.shape)

    def nearest(self, points: Floats) -> Ints:
        """Return the alleles `[n, K]` of real numbers `[n, K]`; each allele has an equal share."""
        return np.clip(np.floor(points * self.n_alleles), 0, self.n_alleles - 1).astype(np.int64)
