"""The grid: all phenotypes that genotypes can express, and the genetic map.

A *class* is a phenotype that some genotype can express: one expressed value per locus. Classes are
numbered `0 .. size - 1`, the last locus fastest. The grid is the set of all classes, with all
dosage levels. So no population can exceed the best class.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from evosim.genomes.drive import Drive
from evosim.genomes.errors import InvalidGenome
from evosim.genomes.loci import Alleles, Ints, Locus

MAX_LOCI = 256


@dataclass(frozen=True, eq=False)
class Grid:
    """Loci, ploidy and drivers of a genome, and conversions between classes and genotypes.

    Attributes
    ----------
    loci : tuple of Locus
        `L` loci in map order.
    ploidy : int
        1 (haploid) or 2 (diploid).
    drive : Drive
        Drivers and modifiers.

    Raises
    ------
    InvalidGenome
        For no or more than 256 loci, loci out of map order, another ploidy, or more than 2^62
        classes.
    """

    loci: tuple[Locus, ...]
    ploidy: int
    drive: Drive = field(default_factory=Drive)

    def __post_init__(self) -> None:
        if self.ploidy not in (1, 2):
            raise InvalidGenome(
                f"genome.ploidy must be 1 (haploid) or 2 (diploid), but is {self.ploidy}. Choose"
                " one."
            )
        if not self.loci:
            raise InvalidGenome("the genome must have at least one locus, but has none. Add one.")
        if self.size > 2**62:
            raise InvalidGenome(
                f"the grid must have at most 2^62 classes to be numbered, but has {self.size}."
                " Use fewer loci or alleles."
            )
        if len(self.loci) > MAX_LOCI:
            raise InvalidGenome(
                f"the genome must have at most {MAX_LOCI} loci, but has {len(self.loci)}. Remove"
                " some."
            )
        names = [locus.name for locus in self.loci]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise InvalidGenome(f"names of loci must differ, but two are '{twice}'. Rename one.")
        if in_map_order(self.loci) != self.loci:
            places = [
                f"{x.name} at {x.params.position:g} cM of '{x.params.chromosome}'"
                for x in self.loci
                if x.params.chromosome
            ]
            raise InvalidGenome(
                "the loci of a chromosome must stand together, in ascending position, but the"
                f" order is {', '.join(places)}. Sort them with in_map_order."
            )

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """`L` numbers of classes, one for each locus."""
        return tuple(locus.values.size for locus in self.loci)

    @cached_property
    def size(self) -> int:
        """Number of classes of the grid (a Python integer, as it may be larger than 2^63)."""
        out = 1
        for count in self.counts:
            out *= count
        return out

    @cached_property
    def strides(self) -> Ints:
        """`[L]`: change of a class number by one step at each locus."""
        return np.array(
            [int(np.prod(self.counts[i + 1 :], dtype=object)) for i in range(len(self.loci))],
            dtype=np.int64,
        )

    def classes(self, genotypes: Alleles) -> Ints:
        """Classes `[n]` that genotypes `[n, ploidy, L]` express."""
        other = genotypes[:, -1, :]
        out = np.zeros(len(genotypes), dtype=np.int64)
        for i, locus in enumerate(self.loci):
            if locus.values.size > 1:
                out += self.strides[i] * locus.expression[genotypes[:, 0, i], other[:, i]]
        return out

    def digits(self, classes: Ints) -> Ints:
        """`[n, L]`: for classes `[n]` of the grid, the class of each locus."""
        return classes[:, None] // self.strides % np.array(self.counts, dtype=np.int64)

    def from_digits(self, digits: Ints) -> Ints:
        """The inverse of `digits`."""
        return (np.asarray(digits, dtype=np.int64) * self.strides).sum(axis=-1)

    def values(self, classes: Ints) -> NDArray[np.float64]:
        """`[n, L]`: expressed values of classes `[n]`; indices for loci of named alleles."""
        digits = self.digits(classes)
        return np.stack([locus.values[digits[:, i]] for i, locus in enumerate(self.loci)], axis=1)

    def genotypes(self, classes: Ints) -> Alleles:
        """`[n, ploidy, L]`: a genotype for each of classes `[n]`, homozygous if possible."""
        digits = self.digits(classes)
        out = np.empty((len(classes), self.ploidy, len(self.loci)), dtype=np.uint8)
        for i, locus in enumerate(self.loci):
            pairs = np.array(
                [_allele_pair(locus, c) for c in range(locus.values.size)], dtype=np.uint8
            )
            out[:, :, i] = pairs[digits[:, i], : self.ploidy]
        return out

    def breeds_true(self, classes: Ints) -> NDArray[np.bool_]:
        """`[n]`: whether a genotype that is homozygous at every locus expresses the class."""
        digits = self.digits(classes)
        out = np.ones(len(classes), dtype=bool)
        for i, locus in enumerate(self.loci):
            out &= np.isin(digits[:, i], locus.homozygous)
        return out

    @cached_property
    def homozygous_digits(self) -> tuple[Ints, ...]:
        """For each locus, the classes that a homozygote expresses, in order."""
        return tuple(np.unique(locus.homozygous) for locus in self.loci)

    @cached_property
    def all_breed_true(self) -> bool:
        """Whether every class breeds true, as in haploids and with complete dominance."""
        return all(
            len(digits) == count
            for digits, count in zip(self.homozygous_digits, self.counts, strict=True)
        )

    @cached_property
    def breeding_true(self) -> int:
        """Number of classes that breed true."""
        return math.prod(len(digits) for digits in self.homozygous_digits)

    def chromosomes(self) -> Ints:
        """`[C + 1]`: index of the first locus of each chromosome.

        Chromosome `c` has loci `starts[c] .. starts[c + 1] - 1`.
        """
        names = [locus.params.chromosome for locus in self.loci]
        begins = [i for i, name in enumerate(names) if i == 0 or not name or name != names[i - 1]]
        return np.array([*begins, len(names)], dtype=np.int64)

    def recombination(self) -> NDArray[np.float64]:
        """`[L]`: recombination fraction between locus `i - 1` and `i`; 0.5 between chromosomes."""
        out = np.full(len(self.loci), 0.5)
        for begin, end in itertools.pairwise(self.chromosomes().tolist()):
            for i in range(begin + 1, end):
                out[i] = haldane(self.loci[i].params.position - self.loci[i - 1].params.position)
        return out


def in_map_order(loci: Sequence[Locus]) -> tuple[Locus, ...]:
    """Loci sorted by chromosome and position.

    Chromosomes keep the order of their first loci, and loci at equal positions keep theirs.
    """
    first: dict[str, int] = {}
    for i, locus in enumerate(loci):
        first.setdefault(locus.params.chromosome or f"\0{i}", i)
    keys = [
        (first[locus.params.chromosome or f"\0{i}"], locus.params.position, i)
        for i, locus in enumerate(loci)
    ]
    return tuple(loci[i] for *_, i in sorted(keys))


def haldane(centimorgan: float) -> float:
    """Recombination fraction at a map distance, without interference (Haldane 1919).

    The fraction is (1 - exp(-2d)) / 2, with the distance d in morgan.
    """
    return float(0.5 * -np.expm1(-2.0 * centimorgan / 100.0))


def _allele_pair(locus: Locus, value_class: int) -> tuple[int, int]:
    same = np.flatnonzero(locus.homozygous == value_class)
    if same.size:
        return int(same[0]), int(same[0])
    i, j = np.argwhere(locus.expression == value_class)[0]
    return int(i), int(j)
