"""Read a generation of genotypes with compiled kernels: classes, counts and costs.

`evosim.genomes.grid` has the twins.

Large populations are read by several threads; the bytes are the same for any number of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evosim.genomes import Grid
from evosim.genomes.loci import Alleles, Ints
from evosim.kernels import compilation
from evosim.kernels import genotypes as kernel
from evosim.kernels.compilation import read

Floats = NDArray[np.float64]
HERMAPHRODITES = kernel.HERMAPHRODITES


@dataclass(frozen=True, eq=False)
class Counts:
    """What a generation carries and expresses.

    Attributes:
        alleles: each allele's share of its locus' copies, locus after locus.
        adults: the same among survivors: individuals weighted by what drivers and modifiers leave
        of viability. mean, sd: `[L]` expressed values.
    """

    alleles: Floats
    adults: Floats
    mean: Floats
    sd: Floats


class Census:
    """Reads genotypes `[n, ploidy, L]` of one grid.

    What it gives is overwritten when it is asked again.
    """

    def __init__(self, grid: Grid) -> None:
        self.grid, self.reading = grid, reading_of(grid)
        self._values = np.concatenate(
            [np.empty(0), *(grid.loci[locus].values for locus in self.reading.varying)]
        )
        self._fixed = np.array([locus.values[0] for locus in grid.loci])
        self._places = self._distinct = np.empty(0, dtype=np.int64)
        self._table = np.empty(0, dtype=np.int32)

    def classes(self, genotypes: Alleles) -> tuple[Ints, Ints]:
        """The distinct classes, and of each individual the place of its class among them."""
        n = len(genotypes)
        if len(self._places) != n:
            most = min(n, self.grid.size)
            self._places, self._distinct = (
                np.empty(n, dtype=np.int64),
                np.empty(most, dtype=np.int64),
            )
            self._table = np.empty(2 ** (2 * most).bit_length(), dtype=np.int32)
        how = (self.reading, strands_of(genotypes), self.grid.ploidy, self._places)
        read(kernel.classes_chunk, kernel.classes, n, *how)
        return (
            self._distinct[: kernel.enlist(self._places, self._table, self._distinct)],
            self._places,
        )

    def counts(self, genotypes: Alleles) -> Counts:
        """What the generation carries and expresses, from counts: the order in which integers are
        summed cannot matter.
        """
        n, ploidy, _ = genotypes.shape
        r = self.reading
        pieces = kernel.PIECES if n >= compilation.THREADED_READING else 1
        alleles = np.zeros((pieces, r.offsets[-1]), dtype=np.int64)
        lost = np.zeros((pieces, r.offsets[-1] if r.mortal else 0))
        digits = np.zeros((pieces, r.digits[-1]), dtype=np.int64)
        how = (r, strands_of(genotypes), ploidy)
        if pieces > 1:
            kernel.count(n, *how, alleles, lost, digits)
        else:
            kernel.count_piece(0, n, *how, alleles[0], lost[0], digits[0])
        newborns = alleles.sum(axis=0)
        share = newborns / (ploidy * n)
        if not r.mortal:
            return Counts(share, share, *self._moments(digits.sum(axis=0) / n))
        survivors = newborns - lost.sum(axis=0)
        total = max(survivors[: r.offsets[1]].sum(), 1e-300)  # of nobody, none
        return Counts(share, survivors / total, *self._moments(digits.sum(axis=0) / n))

    def _moments(self, share: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation `[L]` of expressed values, from each value's share."""
        r, mean, sd = self.reading, self._fixed.copy(), np.zeros(len(self._fixed))
        if r.varying.size:
            begin = r.digits[:-1]
            mean[r.varying] = np.add.reduceat(share * self._values, begin)
            away = self._values - np.repeat(mean[r.varying], np.diff(r.digits))
            sd[r.varying] = np.sqrt(np.add.reduceat(share * away**2, begin))
        return mean, sd


def worth(table: Floats, places: Ints, kept: Floats, out: Floats) -> Floats:
    """What individuals are worth: by the table of distinct classes, times what drivers and
    modifiers leave of it.
    """
    read(kernel.worth_chunk, kernel.worth, len(places), table, places, kept, out)
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
    left = np.array([[site.viability, site.egg, site.sperm] for site in grid.drive.sites]).reshape(
        -1, 3, 3
    )
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
