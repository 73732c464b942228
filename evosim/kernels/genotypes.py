"""Read a generation of genotypes `[n ploidy, L]` in one pass: classes, counts, and costs of
drivers.

Twins: `Grid.classes`, `Drive.fitness_retained` and `Grid.values` of the genomes, and NumPy's sums.
Every kernel comes twice, for some individuals on the calling thread and for all of them on several.
Sums are made in `PIECES`, which depend on the number of individuals and not on that of threads.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import prange

from evosim.kernels.compilation import inlined, parallel, serial

CHUNK = 1024
PIECES = 32
HERMAPHRODITES = -1
# 2^64 over the golden ratio: neighbours are thrown far apart (Knuth 1973)
GOLDEN = np.uint64(0x9E3779B97F4A7C15)

VIABILITY, EGG, SPERM = 0, 1, 2


class Reading(NamedTuple):
    """How genotypes are read.

    `L` loci, of which `E` can express more than one value; `S` drivers and modifiers.

    Attributes:
        offsets: `[L + 1]` where the count of each locus' alleles begins.
        varying: `[E]` the loci that can express more than one value.
        strides: `[E]` what a step of each is in the number of the class.
        expression: `[E, A, A]` the value's number that a pair of alleles expresses.
        digits: `[E + 1]` where the count of each one's expressed values begins.
        locus, allele: `[S]` where drivers and modifiers sit, and which they are.
        left: `[3, S, 3]` what copies leave of viability, egg and sperm; of a haploid, one copy is
        all it can have. mortal: whether any of them takes from viability.
    """

    offsets: np.ndarray
    varying: np.ndarray
    strides: np.ndarray
    expression: np.ndarray
    digits: np.ndarray
    locus: np.ndarray
    allele: np.ndarray
    left: np.ndarray
    mortal: bool


@inlined
def _copies(r, s, strands, ploidy, i):  # type: ignore[no-untyped-def]
    """Copies that individual `i` has of driver or modifier `s`."""
    out = 0
    for row in range(i * ploidy, (i + 1) * ploidy):
        if strands[row, r.locus[s]] == r.allele[s]:
            out += 1
    return out


@inlined
def _left(r, strands, ploidy, i):  # type: ignore[no-untyped-def]
    """What individual `i` keeps of viability, female and male fertility."""
    viability, egg, sperm = 1.0, 1.0, 1.0
    for s in range(r.locus.size):
        copies = _copies(r, s, strands, ploidy, i)
        viability *= r.left[VIABILITY, s, copies]
        egg *= r.left[EGG, s, copies]
        sperm *= r.left[SPERM, s, copies]
    return viability, egg, sperm


@serial
def classes_chunk(start, stop, r, strands, ploidy, out):  # type: ignore[no-untyped-def]
    """Classes of individuals `start .. stop - 1`."""
    for i in range(start, stop):
        first, second = i * ploidy, (i + 1) * ploidy - 1
        number = 0
        for e in range(r.varying.size):
            l = r.varying[e]  # noqa: E741
            number += r.strides[e] * r.expression[e, strands[first, l], strands[second, l]]
        out[i] = number


@parallel
def classes(n, r, strands, ploidy, out):  # type: ignore[no-untyped-def]
    """The class `out [n]` that each individual expresses."""
    for chunk in prange((n + CHUNK - 1) // CHUNK):
        classes_chunk(chunk * CHUNK, min(n, (chunk + 1) * CHUNK), r, strands, ploidy, out)


@serial
def enlist(numbers, table, distinct):  # type: ignore[no-untyped-def]
    """List `distinct` numbers in order of appearance, and put in each number's place its place
    there. Tells how many there are.

    `table` is scratch, a power of two and longer than there can be distinct numbers: a hash table
    with open addresses.
    """
    last, found = np.uint64(table.size - 1), 0
    table[:] = -1
    for i in range(numbers.size):
        slot = ((np.uint64(numbers[i]) * GOLDEN) >> np.uint64(32)) & last
        while table[slot] >= 0 and distinct[table[slot]] != numbers[i]:
            slot = (slot + np.uint64(1)) & last
        if table[slot] < 0:
            table[slot] = found
            distinct[found] = numbers[i]
            found += 1
        numbers[i] = table[slot]
    return found


@serial
def worth_chunk(start, stop, table, places, kept, out):  # type: ignore[no-untyped-def]
    """Worth of individuals `start .. stop - 1`."""
    for i in range(start, stop):
        out[i] = table[places[i]] * kept[i]


@parallel
def worth(n, table, places, kept, out):  # type: ignore[no-untyped-def]
    """What each individual is worth: what its class is worth, times what drivers and modifiers
    leave of it.
    """
    for chunk in prange((n + CHUNK - 1) // CHUNK):
        worth_chunk(chunk * CHUNK, min(n, (chunk + 1) * CHUNK), table, places, kept, out)


@serial
def kept_chunk(start, stop, r, strands, ploidy, first, females, out):  # type: ignore[no-untyped-def]
    """What is left of individuals `start .. stop - 1`."""
    for i in range(start, stop):
        viability, egg, sperm = _left(r, strands, ploidy, i)
        fertility = 0.5 * (egg + sperm)
        if females != HERMAPHRODITES:
            fertility = egg if first + i < females else sperm
        out[i] = viability * fertility


@parallel
def kept(n, r, strands, ploidy, first, females, out):  # type: ignore[no-untyped-def]
    """What drivers and modifiers leave of each individual: viability times the fertility of its
    sex, or the mean of both.

    Individuals count from `first`; those below `females` are female, unless all are hermaphrodites.
    """
    for chunk in prange((n + CHUNK - 1) // CHUNK):
        kept_chunk(
            chunk * CHUNK, min(n, (chunk + 1) * CHUNK), r, strands, ploidy, first, females, out
        )


@serial
def weights_chunk(start, stop, r, strands, ploidy, fitness, females, eggs, sperm):  # type: ignore[no-untyped-def]
    """Weights of individuals `start .. stop - 1`."""
    for i in range(start, stop):
        viability, egg, seed = _left(r, strands, ploidy, i)
        lives = fitness[i] * viability
        eggs[i] = lives * egg if females == HERMAPHRODITES or i < females else 0.0
        sperm[i] = lives * seed if females == HERMAPHRODITES or i >= females else 0.0


@parallel
def weights(n, r, strands, ploidy, fitness, females, eggs, sperm):  # type: ignore[no-untyped-def]
    """Weights of parentage by eggs and by sperm, from fitness by behaviour.

    Both may be one array where they are alike.
    """
    for chunk in prange((n + CHUNK - 1) // CHUNK):
        weights_chunk(
            chunk * CHUNK,
            min(n, (chunk + 1) * CHUNK),
            r,
            strands,
            ploidy,
            fitness,
            females,
            eggs,
            sperm,
        )


@serial
def count_piece(start, stop, r, strands, ploidy, alleles, lost, digits):  # type: ignore[no-untyped-def]
    """Add the counts of individuals `start .. stop - 1`."""
    for i in range(start, stop):
        for row in range(i * ploidy, (i + 1) * ploidy):
            for l in range(strands.shape[1]):  # noqa: E741
                alleles[r.offsets[l] + strands[row, l]] += 1
        first, second = i * ploidy, (i + 1) * ploidy - 1
        for e in range(r.varying.size):
            l = r.varying[e]  # noqa: E741
            digits[r.digits[e] + r.expression[e, strands[first, l], strands[second, l]]] += 1
        if r.mortal:
            viability, _, _ = _left(r, strands, ploidy, i)
            if viability < 1.0:
                for row in range(i * ploidy, (i + 1) * ploidy):
                    for l in range(strands.shape[1]):  # noqa: E741
                        lost[r.offsets[l] + strands[row, l]] += 1.0 - viability


@parallel
def count(n, r, strands, ploidy, alleles, lost, digits):  # type: ignore[no-untyped-def]
    """Counts by piece: of alleles, of those that viability loses (if any site takes from it), of
    expressed values.
    """
    for piece in prange(PIECES):
        count_piece(
            piece * n // PIECES,
            (piece + 1) * n // PIECES,
            r,
            strands,
            ploidy,
            alleles[piece],
            lost[piece],
            digits[piece],
        )


@serial
def traits_chunk(start, stop, r, strands, ploidy, chosen, values, copies, out):  # type: ignore[no-untyped-def]
    """Traits of individuals `start .. stop - 1`."""
    for k in range(chosen.size):
        e = chosen[k]
        l = r.varying[e]  # noqa: E741
        for i in range(start, stop):
            out[k, i] = values[
                k, r.expression[e, strands[i * ploidy, l], strands[(i + 1) * ploidy - 1, l]]
            ]
    for k in range(copies.size):
        for i in range(start, stop):
            out[chosen.size + k, i] = _copies(r, copies[k], strands, ploidy, i) / ploidy


@parallel
def traits(n, r, strands, ploidy, chosen, values, copies, out):  # type: ignore[no-untyped-def]
    """Rows `out [K, n]` of traits: `values` of the `chosen` varying loci, then shares of copies of
    some sites.
    """
    for chunk in prange((n + CHUNK - 1) // CHUNK):
        traits_chunk(
            chunk * CHUNK,
            min(n, (chunk + 1) * CHUNK),
            r,
            strands,
            ploidy,
            chosen,
            values,
            copies,
            out,
        )
