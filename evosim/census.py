"""Census: what a generation of genotypes expresses, carries and costs, by compiled kernels. The readable twins are the grid's.

Large populations are read by several threads; the bytes are the same for any number of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evosim.kernels import census as kernel
from evosim.kernels import options
from evosim.kernels.options import over
from genomes import Grid
from genomes.loci import Alleles, Ints

Floats = NDArray[np.float64]
HERMAPHRODITES = kernel.HERMAPHRODITES

# A table of the grid finds the classes that are there, unless it would be so many times as long as the population.
SPARSE = 8


@dataclass(frozen=True, eq=False)
class Counts:
    """What a generation carries and expresses.

    Attributes:
        alleles: of each locus, each allele's share of copies.
        adults: the same among survivors: individuals weighted by what drivers and modifiers leave of viability.
        mean, sd: `[L]` expressed values.
    """

    alleles: list[Floats]
    adults: list[Floats]
    mean: Floats
    sd: Floats


class Census:
    """Reads genotypes `[n, ploidy, L]` of one grid. What it gives is overwritten when it is asked again."""

    def __init__(self, grid: Grid) -> None:
        self.grid, self.reading = grid, reading_of(grid)
        self._classes: Ints = np.empty(0, dtype=np.int64)
        self._there = np.empty(0, dtype=np.int32)

    def classes(self, genotypes: Alleles) -> tuple[Ints, Ints]:
        """The distinct classes, ascending, and of each individual the place of its class among them."""
        n = len(genotypes)
        if len(self._classes) != n:
            self._classes = np.empty(n, dtype=np.int64)
        numbers = self._classes
        over(kernel.classes_chunk, kernel.classes, n, self.reading, strands_of(genotypes), self.grid.ploidy, numbers)
        if self.grid.size > SPARSE * n:
            return np.unique(numbers, return_inverse=True)
        if not self._there.size:
            self._there = np.empty(self.grid.size, dtype=np.int32)
        self._there[:] = 0
        kernel.mark(numbers, self._there)
        distinct = np.flatnonzero(self._there)
        self._there[distinct] = np.arange(len(distinct))
        over(kernel.translate_chunk, kernel.translate, n, self._there, numbers)
        return distinct, numbers

    def counts(self, genotypes: Alleles) -> Counts:
        """What the generation carries and expresses: integers divided, so that no order of summing can matter."""
        n, ploidy, _ = genotypes.shape
        r = self.reading
        pieces = kernel.PIECES if n >= options.THREADED else 1
        alleles = np.zeros((pieces, r.offsets[-1]), dtype=np.int64)
        adults = np.zeros((pieces, r.offsets[-1] if r.mortal else 0))
        digits = np.zeros((pieces, r.digits[-1]), dtype=np.int64)
        how = (r, strands_of(genotypes), ploidy)
        if pieces > 1:
            kernel.count(n, *how, alleles, adults, digits)
        else:
            kernel.count_piece(0, n, *how, alleles[0], adults[0], digits[0])
        mean, sd = np.array([locus.values[0] for locus in self.grid.loci]), np.zeros(len(self.grid.loci))
        shares = digits.sum(axis=0) / n
        for e, locus in enumerate(r.varying):
            values, share = self.grid.loci[locus].values, shares[r.digits[e] : r.digits[e + 1]]
            mean[locus] = (share * values).sum()
            sd[locus] = np.sqrt((share * (values - mean[locus]) ** 2).sum())
        everybody = np.split(alleles.sum(axis=0) / (ploidy * n), r.offsets[1:-1])
        if not r.mortal:
            return Counts(everybody, everybody, mean, sd)
        survivors = np.split(adults.sum(axis=0), r.offsets[1:-1])
        total = max(survivors[0].sum(), 1e-300)  # of nobody, none
        return Counts(everybody, [row / total for row in survivors], mean, sd)


def worth(table: Floats, places: Ints, kept: Floats, out: Floats) -> Floats:
    """What individuals are worth: by the table of distinct classes, times what drivers and modifiers leave of it."""
    over(kernel.worth_chunk, kernel.worth, len(places), table, places, kept, out)
    return out


def strands_of(genotypes: Alleles) -> Alleles:
    """The strands `[n ploidy, L]` of genotypes, as kernels read them."""
    return genotypes.reshape(-1, genotypes.shape[2])


def reading_of(grid: Grid) -> kernel.Reading:
    """How a grid's genotypes are read, as the kernels want it."""
    varying = [i for i, locus in enumerate(grid.loci) if locus.values.size > 1]
    longest = max((len(grid.loci[i].params.alleles) for i in varying), default=0)
    expression = np.zeros((len(varying), longest, longest), dtype=np.int64)
    for e, i in enumerate(varying):
        table = grid.loci[i].expression
        expression[e, : len(table), : len(table)] = table
    # A haploid's one copy is all it can have.
    by_copies = (0, 1, 2) if grid.ploidy == 2 else (0, 2, 2)
    left = np.array([[site.viability, site.egg, site.sperm] for site in grid.drive.sites]).reshape(-1, 3, 3)
    left = np.ascontiguousarray(left.transpose(1, 0, 2)[:, :, by_copies])
    return kernel.Reading(
        offsets=np.cumsum([0, *(len(locus.params.alleles) for locus in grid.loci)], dtype=np.int64),
        varying=np.array(varying, dtype=np.int64),
        strides=grid.strides[varying],
        expression=expression,
        digits=np.cumsum([0, *(grid.loci[i].values.size for i in varying)], dtype=np.int64),
        locus=np.array([site.locus for site in grid.drive.sites], dtype=np.int64),
        allele=np.array([site.allele for site in grid.drive.sites], dtype=np.uint8),
        left=left,
        mortal=bool((left[kernel.VIABILITY] != 1.0).any()),
    )
