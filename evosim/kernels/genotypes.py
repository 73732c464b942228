"""Read a generation of genotypes `[n ploidy, L]`: classes, counts, and costs of drivers.

Twins: `Grid.classes`, `Drive.fitness_retained` and `Grid.values` of the genomes, and sums of NumPy.
Each kernel exists twice: `NAME_chunk` reads some individuals on the calling thread, `NAME` all of
them on several threads. Sums have `PIECES` parts for any number of threads.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import prange

from evosim.kernels.compilation import inlined, parallel, serial

CHUNK = 1024
PIECES = 32
HERMAPHRODITES = -1
# 2^64 divided by the golden ratio: hashes of neighbouring numbers are far apart (Knuth 1973)
GOLDEN = np.uint64(0x9E3779B97F4A7C15)

VIABILITY, EGG, SPERM = 0, 1, 2


class GenotypeLayout(NamedTuple):
    """The arrays by which kernels read genotypes.

    `L` loci, `E` of them can express more than one value; `S` drivers and modifiers; `A` alleles.

    Attributes
    ----------
    ploidy : int
        Strands of each individual: 1 or 2.
    offsets : ndarray
        `[L + 1]` first count of the alleles of each locus.
    varying : ndarray
        `[E]` the loci that can express more than one value.
    strides : ndarray
        `[E]` difference of the class id between successive values of each locus.
    expression : ndarray
        `[E, A, A]` index of the value that a pair of alleles expresses.
    digits : ndarray
        `[E + 1]` first count of the expressed values of each locus.
    locus, allele : ndarray
        `[S]` the place of each driver and modifier.
    factors : ndarray
        `[3, S, 3]` factors of viability, egg and sperm weight, by number of copies. A haploid with
        one copy has all copies.
    mortal : bool
        Whether any driver or modifier lowers viability.
    """

    ploidy: int
    offsets: np.ndarray
    varying: np.ndarray
    strides: np.ndarray
    expression: np.ndarray
    digits: np.ndarray
    locus: np.ndarray
    allele: np.ndarray
    factors: np.ndarray
    mortal: bool


@inlined
def _copies(r, s, strands, i):  # type: ignore[no-untyped-def]
    """Copies that individual `i` has of driver or modifier `s`."""
    out = 0
    for row in range(i * r.ploidy, (i + 1) * r.ploidy):
        if strands[row, r.locus[s]] == r.allele[s]:
            out += 1
    return out


@inlined
def _factors(r, strands, i):  # type: ignore[no-untyped-def]
    """Viability, female and male fertility that drivers and modifiers leave to individual `i`."""
    viability, egg, sperm = 1.0, 1.0, 1.0
    for s in range(r.locus.size):
        copies = _copies(r, s, strands, i)
        viability *= r.factors[VIABILITY, s, copies]
        egg *= r.factors[EGG, s, copies]
        sperm *= r.factors[SPERM, s, copies]
    return viability, egg, sperm


@serial
def classes_chunk(start, stop, r, strands, out):  # type: ignore[no-untyped-def]
    """Classes of individuals `start .. stop - 1`."""
    for i in range(start, stop):
        first, second = i * r.ploidy, (i + 1) * r.ploidy - 1
        class_id = 0
        for e in range(r.varying.size):
            l = r.varying[e]  # noqa: E741
            class_id += r.strides[e] * r.expression[e, strands[first, l], strands[second, l]]
        out[i] = class_id


@parallel
def classes(n, r, strands, out):  # type: ignore[no-untyped-def]
    """The class `out [n]` that each individual expresses."""
    for chunk in prange((n + CHUNK - 1) // CHUNK):
        classes_chunk(chunk * CHUNK, min(n, (chunk + 1) * CHUNK), r, strands, out)


@serial
def index_distinct(class_ids, table, distinct):  # type: ignore[no-untyped-def]
    """Write the distinct class ids in order of appearance, and replace each id by its index there.

    `table` is scratch for a hash table with open addresses. Its size is a power of two, and larger
    than the number of distinct ids.

    Returns
    -------
    int
        Number of distinct class ids.
    """
    last, count = np.uint64(table.size - 1), 0
    table[:] = -1
    for i in range(class_ids.size):
        slot = ((np.uint64(class_ids[i]) * GOLDEN) >> np.uint64(32)) & last
        while table[slot] >= 0 and distinct[table[slot]] != class_ids[i]:
            slot = (slot + np.uint64(1)) & last
        if table[slot] < 0:
            table[slot] = count
            distinct[count] = class_ids[i]
            count += 1
        class_ids[i] = table[slot]
    return count


@serial
def net_fitness_chunk(start, stop, table, index, retained, out):  # type: ignore[no-untyped-def]
    """Net fitness of individuals `start .. stop - 1`."""
    for i in range(start, stop):
        out[i] = table[index[i]] * retained[i]


@parallel
def net_fitness(n, table, index, retained, out):  # type: ignore[no-untyped-def]
    """Fitness of each individual: that of its class, times the share that drivers leave.

    `table` is the fitness of the distinct classes, and `index [n]` the class of each individual
    there. `retained [n]` is the share of fitness that drivers and modifiers leave.
    """
    for chunk in prange((n + CHUNK - 1) // CHUNK):
        net_fitness_chunk(chunk * CHUNK, min(n, (chunk + 1) * CHUNK), table, index, retained, out)


@serial
def fitness_retained_chunk(start, stop, r, strands, first, females, out):  # type: ignore[no-untyped-def]
    """Share of fitness retained by individuals `start .. stop - 1`."""
    for i in range(start, stop):
        viability, egg, sperm = _factors(r, strands, i)
        fertility = 0.5 * (egg + sperm)
        if females != HERMAPHRODITES:
            fertility = egg if first + i < females else sperm
        out[i] = viability * fertility


@parallel
def fitness_retained(n, r, strands, first, females, out):  # type: ignore[no-untyped-def]
    """Share of fitness that drivers and modifiers leave to each individual.

    It is viability times the fertility of its sex, or times the mean of both sexes. Individuals
    count from `first`. Those below `females` are female, unless all are hermaphrodites.
    """
    for chunk in prange((n + CHUNK - 1) // CHUNK):
        fitness_retained_chunk(
            chunk * CHUNK, min(n, (chunk + 1) * CHUNK), r, strands, first, females, out
        )


@serial
def weights_chunk(start, stop, r, strands, fitness, females, eggs, sperm):  # type: ignore[no-untyped-def]
    """Weights of individuals `start .. stop - 1`."""
    for i in range(start, stop):
        viability, egg, seed = _factors(r, strands, i)
        lives = fitness[i] * viability
        eggs[i] = lives * egg if females == HERMAPHRODITES or i < females else 0.0
        sperm[i] = lives * seed if females == HERMAPHRODITES or i >= females else 0.0


@parallel
def weights(n, r, strands, fitness, females, eggs, sperm):  # type: ignore[no-untyped-def]
    """Weights of parentage by eggs and by sperm, from fitness by behaviour.

    Both may be the same array if they are equal.
    """
    for chunk in prange((n + CHUNK - 1) // CHUNK):
        weights_chunk(
            chunk * CHUNK, min(n, (chunk + 1) * CHUNK), r, strands, fitness, females, eggs, sperm
        )


@serial
def count_piece(start, stop, r, strands, alleles, lost, digits):  # type: ignore[no-untyped-def]
    """Add the counts of individuals `start .. stop - 1`."""
    for i in range(start, stop):
        for row in range(i * r.ploidy, (i + 1) * r.ploidy):
            for l in range(strands.shape[1]):  # noqa: E741
                alleles[r.offsets[l] + strands[row, l]] += 1
        first, second = i * r.ploidy, (i + 1) * r.ploidy - 1
        for e in range(r.varying.size):
            l = r.varying[e]  # noqa: E741
            digits[r.digits[e] + r.expression[e, strands[first, l], strands[second, l]]] += 1
        if r.mortal:
            viability, _, _ = _factors(r, strands, i)
            if viability < 1.0:
                for row in range(i * r.ploidy, (i + 1) * r.ploidy):
                    for l in range(strands.shape[1]):  # noqa: E741
                        lost[r.offsets[l] + strands[row, l]] += 1.0 - viability


@parallel
def count(n, r, strands, alleles, lost, digits):  # type: ignore[no-untyped-def]
    """Counts by piece: alleles, alleles lost by viability, and expressed values.

    Lost alleles are counted only if some driver or modifier lowers viability.
    """
    for piece in prange(PIECES):
        count_piece(
            piece * n // PIECES,
            (piece + 1) * n // PIECES,
            r,
            strands,
            alleles[piece],
            lost[piece],
            digits[piece],
        )


@serial
def traits_chunk(start, stop, r, strands, chosen, values, copies, out):  # type: ignore[no-untyped-def]
    """Traits of individuals `start .. stop - 1`."""
    for k in range(chosen.size):
        e = chosen[k]
        l = r.varying[e]  # noqa: E741
        for i in range(start, stop):
            out[k, i] = values[
                k, r.expression[e, strands[i * r.ploidy, l], strands[(i + 1) * r.ploidy - 1, l]]
            ]
    for k in range(copies.size):
        for i in range(start, stop):
            out[chosen.size + k, i] = _copies(r, copies[k], strands, i) / r.ploidy


@parallel
def traits(n, r, strands, chosen, values, copies, out):  # type: ignore[no-untyped-def]
    """Traits `out [K, n]`: values of the `chosen` varying loci, then shares of copies of sites."""
    for chunk in prange((n + CHUNK - 1) // CHUNK):
        traits_chunk(
            chunk * CHUNK, min(n, (chunk + 1) * CHUNK), r, strands, chosen, values, copies, out
        )
