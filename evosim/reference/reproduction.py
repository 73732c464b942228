"""Reproduction in plain NumPy: the readable twin of `evosim.kernels.reproduce`, number for number.

Order of events for one newborn: two parents by fitness, with replacement; in each parent meiosis recombines its two
strands along the map (for haploids the two parents fuse and the zygote's meiosis gives one offspring); every allele
of the gamete may mutate.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evosim import streams

Alleles = NDArray[np.uint8]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def parents(fitness: Floats, n: int, generation: int, seed: int) -> Ints:
    """`[n, 2]` parents of each newborn, drawn with chance proportional to fitness."""
    words = streams.philox((np.arange(n), 0, generation, streams.REPRODUCTION), streams.key_of(seed))
    cumulative = np.cumsum(fitness)
    return np.stack([pick(cumulative, streams.uniform(*words[:2])), pick(cumulative, streams.uniform(*words[2:]))], axis=1)


def pick(cumulative: Floats, u: Floats) -> Ints:
    """First index whose cumulative weight exceeds `u` times the total."""
    last = np.flatnonzero(np.diff(cumulative, prepend=0.0) > 0)[-1]
    return np.minimum(np.searchsorted(cumulative, u * cumulative[-1], side="right"), last)


def mutate(alleles: Alleles, side: int, generation: int, seed: int, rates: Floats, kernels: Ints, sizes: Ints) -> Alleles:
    """Gametes `[n, L]` after mutation; kernel 0 is a step to a neighbour, 1 is uniform over the others."""
    n, loci = alleles.shape
    out = alleles.copy()
    for locus in range(loci):
        slot = streams.mutation_slot(side, locus, loci)
        words = streams.philox((np.arange(n), slot, generation, streams.REPRODUCTION), streams.key_of(seed))
        hit = (streams.uniform(*words[:2]) < rates[locus]) & (sizes[locus] > 1)
        u = streams.uniform(*words[2:])
        old = alleles[:, locus].astype(np.int64)
        if kernels[locus] == 1:
            other = np.minimum((u * (sizes[locus] - 1)).astype(np.int64), sizes[locus] - 2)
            new = other + (other >= old)
        else:
            new = np.where(u < 0.5, old + 1, old - 1)
            new = np.where((new < 0) | (new >= sizes[locus]), old, new)
        out[:, locus] = np.where(hit, new, old)
    return out


def meiosis(first: Alleles, second: Alleles, side: int, generation: int, seed: int, recombination: Floats) -> Alleles:
    """Recombinants `[n, L]` of two strands each."""
    n, loci = first.shape
    on_second = np.zeros(n, dtype=bool)
    out = np.empty_like(first)
    for locus in range(loci):
        slot = streams.meiosis_slot(side, locus, loci)
        words = streams.philox((np.arange(n), slot, generation, streams.REPRODUCTION), streams.key_of(seed))
        on_second ^= streams.uniform(*words[:2]) < recombination[locus]
        out[:, locus] = np.where(on_second, second[:, locus], first[:, locus])
    return out


def sexual(
    alleles: Alleles, fitness: Floats, generation: int, seed: int, recombination: Floats, rates: Floats, kernels: Ints,
    sizes: Ints,
) -> tuple[Alleles, Ints]:  # fmt: skip
    """The next newborns `[n, ploidy, L]` and their parents `[n, 2]`."""
    chosen = parents(fitness, len(alleles), generation, seed)
    out = np.empty_like(alleles)
    for side in range(alleles.shape[1]):
        if alleles.shape[1] == 1:
            first, second = alleles[chosen[:, 0], 0], alleles[chosen[:, 1], 0]
        else:
            first, second = alleles[chosen[:, side], 0], alleles[chosen[:, side], 1]
        gametes = meiosis(first, second, side, generation, seed, recombination)
        out[:, side] = mutate(gametes, side, generation, seed, rates, kernels, sizes)
    return out, chosen


def asexual(
    alleles: Alleles, fitness: Floats, generation: int, seed: int, rates: Floats, kernels: Ints, sizes: Ints
) -> tuple[Alleles, Ints]:
    """The next newborns by mutated copies, and their one parent, twice."""
    chosen = parents(fitness, len(alleles), generation, seed)[:, :1].repeat(2, axis=1)
    out = np.empty_like(alleles)
    for side in range(alleles.shape[1]):
        out[:, side] = mutate(alleles[chosen[:, 0], side], side, generation, seed, rates, kernels, sizes)
    return out, chosen


def founders(shape: tuple[int, int, int], choices: list[Ints], seed: int) -> Alleles:
    """The first generation: each allele copy drawn evenly from its locus' choices."""
    n, ploidy, loci = shape
    out = np.empty(shape, dtype=np.uint8)
    for side in range(ploidy):
        for locus in range(loci):
            words = streams.philox((np.arange(n), side * loci + locus, 0, streams.FOUNDERS), streams.key_of(seed))
            drawn = (streams.uniform(*words[:2]) * len(choices[locus])).astype(np.int64)
            out[:, side, locus] = choices[locus][np.minimum(drawn, len(choices[locus]) - 1)]
    return out
