"""Read a generation of genotypes with compiled kernels: classes, counts and costs.

`evosim.genomes.grid` has the NumPy twins. Several threads read large populations; the bytes are
the same for any number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evosim.genomes import Grid
from evosim.genomes.loci import Alleles, Ints
from evosim.kernels import compilation
from evosim.kernels import genotypes as kernel
from evosim.kernels.compilation import run_reader

Floats = NDArray[np.float64]
HERMAPHRODITES = kernel.HERMAPHRODITES


@dataclass(frozen=True, eq=False)
class Counts:
    """Allele frequencies and expressed values of one generation.

    Attributes
    ----------
    alleles : Floats
        Frequency of each allele of each locus, locus after locus.
    adults : Floats
        The same after viability: individuals have the weight that drivers and modifiers leave.
    mean, sd : Floats
        `[L]` mean and standard deviation of the expressed values of each locus.
    """

    alleles: Floats
    adults: Floats
    mean: Floats
    sd: Floats


class GenotypeReader:
    """Reads genotypes `[n, ploidy, L]` of one grid. The next call reuses the arrays it returns."""

    def __init__(self, grid: Grid) -> None:
        self.grid, self.layout = grid, kernel_layout(grid)
        self._values = np.concatenate(
            [np.empty(0), *(grid.loci[locus].values for locus in self.layout.varying)]
        )
        self._fixed = np.array([locus.values[0] for locus in grid.loci])
        self._index = self._distinct = np.empty(0, dtype=np.int64)
        self._table = np.empty(0, dtype=np.int32)

    def classes(self, genotypes: Alleles) -> tuple[Ints, Ints]:
        """Return the distinct class ids, and for each individual the index of its class in them."""
        index = self.class_ids(genotypes)
        found = kernel.index_distinct(index, self._table, self._distinct)
        return self._distinct[:found], index

    def _allocate(self, n: int) -> None:
        most = min(n, self.grid.size)
        self._index = np.empty(n, dtype=np.int64)
        self._distinct = np.empty(most, dtype=np.int64)
        self._table = np.empty(2 ** (2 * most).bit_length(), dtype=np.int32)

    def class_ids(self, genotypes: Alleles) -> Ints:
        """Return the class id of each individual `[n]`. The next call of `classes` reuses it."""
        n = len(genotypes)
        if len(self._index) != n:
            self._allocate(n)
        run_reader(
            kernel.classes_chunk, kernel.classes, n, self.layout, strands_of(genotypes), self._index
        )
        return self._index

    def counts(self, genotypes: Alleles) -> Counts:
        """Return frequencies and expressed values.

        They are computed from integer counts, so the order of summation does not matter.
        """
        n, ploidy, _ = genotypes.shape
        r = self.layout
        pieces = kernel.PIECES if n >= compilation.MIN_PARALLEL_READING else 1
        alleles = np.zeros((pieces, r.offsets[-1]), dtype=np.int64)
        lost = np.zeros((pieces, r.offsets[-1] if r.mortal else 0))
        digits = np.zeros((pieces, r.digits[-1]), dtype=np.int64)
        strands = strands_of(genotypes)
        if pieces > 1:
            kernel.count(n, r, strands, alleles, lost, digits)
        else:
            kernel.count_piece(0, n, r, strands, alleles[0], lost[0], digits[0])
        newborns = alleles.sum(axis=0)
        share = newborns / (ploidy * n)
        if not r.mortal:
            return Counts(share, share, *self._moments(digits.sum(axis=0) / n))
        survivors = newborns - lost.sum(axis=0)
        total = max(survivors[: r.offsets[1]].sum(), 1e-300)  # 0 if all die
        return Counts(share, survivors / total, *self._moments(digits.sum(axis=0) / n))

    def _moments(self, share: Floats) -> tuple[Floats, Floats]:
        """Return mean and standard deviation `[L]` of expressed values from their frequencies."""
        r, mean, sd = self.layout, self._fixed.copy(), np.zeros(len(self._fixed))
        if r.varying.size:
            begin = r.digits[:-1]
            mean[r.varying] = np.add.reduceat(share * self._values, begin)
            away = self._values - np.repeat(mean[r.varying], np.diff(r.digits))
            sd[r.varying] = np.sqrt(np.add.reduceat(share * away**2, begin))
        return mean, sd


def net_fitness(by_class: Floats, index: Ints, retained: Floats, out: Floats) -> Floats:
    """Compute the fitness of individuals after the costs of drivers and modifiers.

    Parameters
    ----------
    by_class : Floats
        Fitness of distinct classes.
    index : Ints
        `[n]` index of each individual's class.
    retained : Floats
        `[n]` share of fitness that drivers and modifiers leave.
    out : Floats
        `[n]` array for the result.

    Returns
    -------
    Floats
        `out`.
    """
    arrays = (by_class, index, retained, out)
    run_reader(kernel.net_fitness_chunk, kernel.net_fitness, len(index), *arrays)
    return out


def strands_of(genotypes: Alleles) -> Alleles:
    """Return the strands `[n ploidy, L]` of genotypes `[n, ploidy, L]`, without a copy."""
    return genotypes.reshape(-1, genotypes.shape[2])


def kernel_layout(grid: Grid) -> kernel.GenotypeLayout:
    """Return the arrays by which the kernels read genotypes of a grid."""
    varying = [i for i, locus in enumerate(grid.loci) if locus.values.size > 1]
    longest = max((len(grid.loci[i].params.alleles) for i in varying), default=0)
    expression = np.zeros((len(varying), longest, longest), dtype=np.int64)
    for e, i in enumerate(varying):
        table = grid.loci[i].expression
        expression[e, : len(table), : len(table)] = table
    # A haploid with one copy has all copies that it can have.
    by_copies = (0, 1, 2) if grid.ploidy == 2 else (0, 2, 2)
    factors = np.array(
        [[site.viability, site.egg, site.sperm] for site in grid.drive.sites]
    ).reshape(-1, 3, 3)
    factors = np.ascontiguousarray(factors.transpose(1, 0, 2)[:, :, by_copies])
    return kernel.GenotypeLayout(
        ploidy=grid.ploidy,
        offsets=np.cumsum([0, *(len(locus.params.alleles) for locus in grid.loci)], dtype=np.int64),
        varying=np.array(varying, dtype=np.int64),
        strides=grid.strides[varying],
        expression=expression,
        digits=np.cumsum([0, *(grid.loci[i].values.size for i in varying)], dtype=np.int64),
        locus=np.array([site.locus for site in grid.drive.sites], dtype=np.int64),
        allele=np.array([site.allele for site in grid.drive.sites], dtype=np.uint8),
        factors=factors,
        mortal=bool((factors[kernel.VIABILITY] != 1.0).any()),
    )
