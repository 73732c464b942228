"""Reproduce: the next generation of newborns, from genotypes and fitness.

Twin: `evosim.reference.reproduction`. Slots are documented in `evosim.streams`.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from evosim.kernels.options import parallel, serial
from evosim.kernels.philox import philox, pick, uniform
from evosim.streams import FOUNDERS, REPRODUCTION

STEP, UNIFORM = 0, 1
CHUNK = 64


@serial
def _mutate(allele, n_alleles, rate, kernel, words):  # type: ignore[no-untyped-def]
    """The allele after mutation. A step off the end of the list does not happen."""
    if n_alleles == 1 or uniform(words[0], words[1]) >= rate:
        return allele
    u = uniform(words[2], words[3])
    if kernel == UNIFORM:
        other = min(int(u * (n_alleles - 1)), n_alleles - 2)
        return other + 1 if other >= allele else other
    target = allele + 1 if u < 0.5 else allele - 1
    return target if 0 <= target < n_alleles else allele


@serial
def _gamete(first, second, side, i, generation, seed0, seed1, recombination, rates, kernels, n_alleles, out):  # type: ignore[no-untyped-def]
    """One gamete from two strands `[L]`: recombination along the map, then mutation.

    The strand of each chromosome is settled by the exchange before its first locus (chance 1/2). Meiotic drive will
    act here, by drawing the strand at the driver instead.
    """
    n_loci = out.size
    on_second = False
    for l in range(n_loci):  # noqa: E741
        words = philox(i, 1 + 2 * (side * n_loci + l), generation, REPRODUCTION, seed0, seed1)
        if uniform(words[0], words[1]) < recombination[l]:
            on_second = not on_second
        allele = np.int64(second[l] if on_second else first[l])
        words = philox(i, 2 + 2 * (side * n_loci + l), generation, REPRODUCTION, seed0, seed1)
        out[l] = _mutate(allele, n_alleles[l], rates[l], kernels[l], words)


@serial
def sexual_chunk(  # type: ignore[no-untyped-def]
    start, stop, alleles, cumulative, generation, seed0, seed1, recombination, rates, kernels, n_alleles, out, parents
):
    """Newborns `start .. stop - 1` on the calling thread."""
    ploidy = alleles.shape[1]
    for i in range(start, stop):
        words = philox(i, 0, generation, REPRODUCTION, seed0, seed1)
        parents[i, 0] = pick(cumulative, uniform(words[0], words[1]))
        parents[i, 1] = pick(cumulative, uniform(words[2], words[3]))
        if ploidy == 1:  # two haploids fuse, and the zygote's meiosis gives one haploid offspring
            one, two = alleles[parents[i, 0], 0], alleles[parents[i, 1], 0]
            _gamete(one, two, 0, i, generation, seed0, seed1, recombination, rates, kernels, n_alleles, out[i, 0])
        else:
            for side in range(2):
                p = parents[i, side]
                _gamete(
                    alleles[p, 0], alleles[p, 1], side, i, generation, seed0, seed1, recombination, rates, kernels,
                    n_alleles, out[i, side],
                )  # fmt: skip


@parallel
def sexual(alleles, cumulative, generation, seed0, seed1, recombination, rates, kernels, n_alleles, out, parents):  # type: ignore[no-untyped-def]
    """Wright-Fisher: each newborn draws two parents by fitness, with replacement (selfing allowed)."""
    n = out.shape[0]
    for chunk in prange((n + CHUNK - 1) // CHUNK):
        sexual_chunk(
            chunk * CHUNK, min(n, (chunk + 1) * CHUNK), alleles, cumulative, generation, seed0, seed1, recombination,
            rates, kernels, n_alleles, out, parents,
        )  # fmt: skip


@serial
def asexual_chunk(start, stop, alleles, cumulative, generation, seed0, seed1, rates, kernels, n_alleles, out, parents):  # type: ignore[no-untyped-def]
    """Newborns `start .. stop - 1` on the calling thread."""
    ploidy, n_loci = alleles.shape[1], alleles.shape[2]
    for i in range(start, stop):
        words = philox(i, 0, generation, REPRODUCTION, seed0, seed1)
        p = pick(cumulative, uniform(words[0], words[1]))
        parents[i, 0] = parents[i, 1] = p
        for side in range(ploidy):
            for l in range(n_loci):  # noqa: E741
                words = philox(i, 2 + 2 * (side * n_loci + l), generation, REPRODUCTION, seed0, seed1)
                out[i, side, l] = _mutate(np.int64(alleles[p, side, l]), n_alleles[l], rates[l], kernels[l], words)


@parallel
def asexual(alleles, cumulative, generation, seed0, seed1, rates, kernels, n_alleles, out, parents):  # type: ignore[no-untyped-def]
    """Each newborn is the mutated copy of one parent drawn by fitness, with replacement."""
    n = out.shape[0]
    for chunk in prange((n + CHUNK - 1) // CHUNK):
        asexual_chunk(
            chunk * CHUNK, min(n, (chunk + 1) * CHUNK), alleles, cumulative, generation, seed0, seed1, rates, kernels,
            n_alleles, out, parents,
        )  # fmt: skip


@serial
def founders(seed0, seed1, offsets, choices, out):  # type: ignore[no-untyped-def]
    """The first generation: every allele copy drawn evenly from `choices[offsets[l] : offsets[l + 1]]`."""
    n, ploidy, n_loci = out.shape
    for i in range(n):
        for side in range(ploidy):
            for l in range(n_loci):  # noqa: E741
                words = philox(i, side * n_loci + l, 0, FOUNDERS, seed0, seed1)
                size = offsets[l + 1] - offsets[l]
                out[i, side, l] = choices[offsets[l] + min(int(uniform(words[0], words[1]) * size), size - 1)]
