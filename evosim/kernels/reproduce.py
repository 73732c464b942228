"""Reproduce: newborns of the next generation, from genotypes and weights of parentage.

Twin: `evosim.reference.reproduction`. `evosim.rng` documents the slots of random numbers. Genotypes
are strands `[n ploidy, L]`: row `i ploidy + side` is the gamete that individual `i` got from its
parent of that side.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import prange

from evosim.kernels.compilation import inlined, parallel, serial
from evosim.kernels.philox import first_above, guided_pick, philox, uniform
from evosim.kernels.prefetch import prefetch
from evosim.rng import (
    CROSSOVER,
    CROSSOVERS,
    DRIVER,
    FOUNDERS,
    LOCI,
    MUTATION,
    MUTATIONS,
    PARENTS,
    PER_LOCUS,
    REPRODUCTION,
    STRANDS,
)

STEP, UNIFORM = 0, 1
CHUNK = 64
NEAR = 2**18  # bytes of strands that fit in the cache of one core
FAIR = 0.5

RECOMBINATION, DRIVE, MUTATE = 1, 2, 4
ALL_FORCES = RECOMBINATION | DRIVE | MUTATE


class Transmission(NamedTuple):
    """Random numbers of one generation, and the forces that act.

    Attributes
    ----------
    generation : int
        Generation of the newborns.
    key0, key1 : int
        Key of the random numbers (`evosim.rng.key_of`).
    forces : int
        Sum of `RECOMBINATION`, `DRIVE` and `MUTATE`.
    """

    generation: int
    key0: int
    key1: int
    forces: int = ALL_FORCES


class ParentWeights(NamedTuple):
    """Weights by which parents are drawn. `n` individuals.

    Attributes
    ----------
    eggs, sperm : ndarray
        `[n]` cumulative weights as egg parent and as sperm parent.
    egg_guide, sperm_guide : ndarray
        `[n]` guide tables into them (`evosim.kernels.philox.guide`).
    selfing : bool
        Whether both parents may be the same individual.
    """

    eggs: np.ndarray
    egg_guide: np.ndarray
    sperm: np.ndarray
    sperm_guide: np.ndarray
    selfing: bool


class Meiosis(NamedTuple):
    """The rules from parent to gamete, as arrays. `C` chromosomes, `L` loci, `M` modifiers.

    Attributes
    ----------
    ploidy : int
        Strands of each individual: 1 or 2.
    starts : ndarray
        `[C + 1]` first locus of each chromosome.
    crossover : ndarray
        `[L]` chance of a crossover in the interval before each locus. It is 0 at the first locus of
        a chromosome.
    uncrossed : float
        Chance that no interval has a crossover.
    rates : ndarray
        `[L]` mutation rate of each locus.
    unmutated : float
        Chance that no locus mutates.
    kernels : ndarray
        `[L]` STEP or UNIFORM.
    n_alleles : ndarray
        `[L]` number of alleles.
    driver : ndarray
        `[C]` locus of the driver of each chromosome; -1 without a driver.
    allele : ndarray
        `[C]` the driving allele.
    ratio : ndarray
        `[C, 2]` transmission ratio in eggs and sperm.
    modifiers : ndarray
        `[C + 1]`; modifiers `modifiers[c] .. modifiers[c + 1] - 1` act on the driver of chromosome
        `c`.
    modifier_locus, modifier_allele : ndarray
        `[M]` place of each modifier.
    modifier_ratio : ndarray
        `[M, 2]` transmission ratio in eggs and sperm under two copies.
    modifier_effect : ndarray
        `[M, 3]` share of the way from the driver's own ratio to that ratio, by number of copies.
    """

    ploidy: int
    starts: np.ndarray
    crossover: np.ndarray
    uncrossed: float
    rates: np.ndarray
    unmutated: float
    kernels: np.ndarray
    n_alleles: np.ndarray
    driver: np.ndarray
    allele: np.ndarray
    ratio: np.ndarray
    modifiers: np.ndarray
    modifier_locus: np.ndarray
    modifier_allele: np.ndarray
    modifier_ratio: np.ndarray
    modifier_effect: np.ndarray


@inlined
def _words(i, slot, transmission):  # type: ignore[no-untyped-def]
    """Four random words of newborn `i`."""
    return philox(
        i, slot, transmission.generation, REPRODUCTION, transmission.key0, transmission.key1
    )


@inlined
def _search(chances, none, begin, u):  # type: ignore[no-untyped-def]
    """The first index from `begin` whose event happens, by one number `u`; else the length.

    Events are independent with the given chances. `none` is the chance that no event from `begin`
    on happens, or 0 if that chance is unknown.
    """
    if u < none:
        return chances.size
    without = 1.0
    for l in range(begin, chances.size):  # noqa: E741
        without *= 1.0 - chances[l]
        if u >= without:
            return l
    return chances.size


@inlined
def _next_crossover(m, locus, side, i, transmission):  # type: ignore[no-untyped-def]
    """The next locus after `locus` with a crossover in the interval before it."""
    words = _words(i, LOCI + PER_LOCUS * locus + CROSSOVER, transmission)
    u = uniform(words[2], words[3]) if side else uniform(words[0], words[1])
    return _search(m.crossover, 0.0, locus + 1, u)


@serial
def _mutant(allele, n_alleles, kernel, u):  # type: ignore[no-untyped-def]
    """The new allele after a mutation. A step off the end of the list does not happen."""
    if n_alleles == 1:
        return allele
    if kernel == UNIFORM:
        other = min(int(u * (n_alleles - 1)), n_alleles - 2)
        return other + 1 if other >= allele else other
    target = allele + 1 if u < 0.5 else allele - 1
    return target if 0 <= target < n_alleles else allele


@serial
def _mutate(m, out, row, locus, side, i, transmission):  # type: ignore[no-untyped-def]
    """Mutate the gamete in `out[row]` at `locus`, and at later loci by further numbers."""
    while locus < out.shape[1]:
        words = _words(i, LOCI + PER_LOCUS * locus + MUTATION + side, transmission)
        out[row, locus] = _mutant(
            np.int64(out[row, locus]),
            m.n_alleles[locus],
            m.kernels[locus],
            uniform(words[2], words[3]),
        )
        locus = _search(m.rates, 0.0, locus + 1, uniform(words[0], words[1]))


@inlined
def _transmission(m, c, side, strands, first, second):  # type: ignore[no-untyped-def]
    """Transmission ratio of the driver of chromosome `c` in a heterozygote, with modifiers."""
    k = m.ratio[c, side]
    for j in range(m.modifiers[c], m.modifiers[c + 1]):
        l, allele = m.modifier_locus[j], m.modifier_allele[j]  # noqa: E741
        copies = (1 if strands[first, l] == allele else 0) + (
            1 if strands[second, l] == allele else 0
        )
        k += m.modifier_effect[j, copies] * (m.modifier_ratio[j, side] - k)
    return k


@inlined
def _gamete(  # type: ignore[no-untyped-def]
    m, strands, parent, address, transmission, draws, out, row
):
    """One gamete of the parent with strands `parent`, into `out[row]`.

    Each chromosome begins on a random strand and changes strands at every crossover. In a
    heterozygote for the driver of the chromosome, the transmission ratio decides the strand at the
    driver. Crossovers lead outward from there.

    `address` is the side and the newborn. `draws` are the words that choose strands, the first
    crossover and the first mutation. The latter two are `L` or more if there is none.
    """
    first, second = parent
    side, i = address
    strand_words, crossed, mutated = draws
    starts = m.starts
    bits = (
        (strand_words[2] << np.uint64(32)) | strand_words[3]
        if side
        else (strand_words[0] << np.uint64(32)) | strand_words[1]
    )
    for c in range(starts.size - 1):
        begin, end = starts[c], starts[c + 1]
        at = c & 63
        if c > 0 and at == 0:
            words = _words(i, STRANDS + c // 64, transmission)
            bits = (
                (words[2] << np.uint64(32)) | words[3]
                if side
                else (words[0] << np.uint64(32)) | words[1]
            )
        on = np.int64((bits >> np.uint64(at)) & np.uint64(1))
        d = m.driver[c]
        if d >= 0:
            on_first = strands[first, d] == m.allele[c]
            if on_first != (strands[second, d] == m.allele[c]):
                words = _words(i, LOCI + PER_LOCUS * d + DRIVER, transmission)
                u = uniform(words[2], words[3]) if side else uniform(words[0], words[1])
                k = (
                    _transmission(m, c, side, strands, first, second)
                    if transmission.forces & DRIVE
                    else FAIR
                )
                on = np.int64((u < k) != on_first)
                ahead = crossed
                # Undo the crossovers between the start of the chromosome and the driver.
                while ahead <= d:
                    on = 1 - on
                    ahead = _next_crossover(m, ahead, side, i, transmission)
        source = second if on else first
        if crossed >= end:
            for l in range(begin, end):  # noqa: E741
                out[row, l] = strands[source, l]
            continue
        for l in range(begin, end):  # noqa: E741
            if l == crossed:
                on = 1 - on
                source = second if on else first
                crossed = _next_crossover(m, l, side, i, transmission)
            out[row, l] = strands[source, l]
    if mutated < out.shape[1]:
        _mutate(m, out, row, mutated, side, i, transmission)


@inlined
def _newborn(m, strands, mother, father, i, transmission, out, at):  # type: ignore[no-untyped-def]
    """The gametes of both parents of newborn `i`, in `out[at]` and the next row.

    Haploids: the parents fuse, and the meiosis of the zygote gives one offspring.
    """
    loci = out.shape[1]
    crossing = transmission.forces & RECOMBINATION and m.uncrossed < 1.0
    mutating = transmission.forces & MUTATE and m.unmutated < 1.0
    strand_words = _words(i, STRANDS, transmission)
    cross_words = _words(i, CROSSOVERS, transmission) if crossing else strand_words
    mutation_words = _words(i, MUTATIONS, transmission) if mutating else strand_words
    for side in range(m.ploidy):
        parent = father if side else mother
        first, second = (mother, father) if m.ploidy == 1 else (2 * parent, 2 * parent + 1)
        crossed = mutated = loci
        if crossing:
            u = (
                uniform(cross_words[2], cross_words[3])
                if side
                else uniform(cross_words[0], cross_words[1])
            )
            crossed = _search(m.crossover, m.uncrossed, 0, u)
        if mutating:
            u = (
                uniform(mutation_words[2], mutation_words[3])
                if side
                else uniform(mutation_words[0], mutation_words[1])
            )
            mutated = _search(m.rates, m.unmutated, 0, u)
        _gamete(
            m,
            strands,
            (first, second),
            (side, i),
            transmission,
            (strand_words, crossed, mutated),
            out,
            at + side,
        )


@serial
def _other_parent(cumulative, first, u):  # type: ignore[no-untyped-def]
    """A parent by weight, among all but `first`."""
    before = cumulative[first - 1] if first > 0 else 0.0
    weight = cumulative[first] - before
    target = u * (cumulative[cumulative.size - 1] - weight)
    chosen = first_above(cumulative, target if target < before else target + weight)
    if chosen != first:
        return chosen
    # Rounding at the edge of the gap: take the nearest neighbour with weight.
    for j in range(first + 1, cumulative.size):
        if cumulative[j] > cumulative[j - 1]:
            return j
    chosen = first - 1
    while chosen > 0 and cumulative[chosen] == cumulative[chosen - 1]:
        chosen -= 1
    return chosen


@serial
def _fetch_genes(strands, ploidy, parents, start, stop):  # type: ignore[no-untyped-def]
    """Prefetch the genes of the parents of newborns `start .. stop - 1`."""
    width = ploidy * strands.shape[1]
    for i in range(start, stop):
        for side in range(2):
            for at in range(parents[i, side] * width, (parents[i, side] + 1) * width, 64):
                prefetch(strands, at)
            prefetch(strands, (parents[i, side] + 1) * width - 1)


@serial
def _fetch_weights(  # type: ignore[no-untyped-def]
    weights, start, stop, transmission, parents
):
    """Prefetch the guide entries and weights that the draw of parents will read."""
    n = weights.eggs.size
    for i in range(start, stop):
        words = _words(i, PARENTS, transmission)
        parents[i, 0] = min(int(uniform(words[0], words[1]) * n), n - 1)
        parents[i, 1] = min(int(uniform(words[2], words[3]) * n), n - 1)
        prefetch(weights.egg_guide, parents[i, 0] * weights.egg_guide.itemsize)
        prefetch(weights.sperm_guide, parents[i, 1] * weights.sperm_guide.itemsize)
    for i in range(start, stop):
        prefetch(weights.eggs, weights.egg_guide[parents[i, 0]] * weights.eggs.itemsize)
        prefetch(weights.sperm, weights.sperm_guide[parents[i, 1]] * weights.sperm.itemsize)


@serial
def sexual_chunk(  # type: ignore[no-untyped-def]
    start, stop, m, strands, weights, transmission, out, parents
):
    """Newborns `start .. stop - 1` on the calling thread."""
    for begin in range(start, stop, CHUNK):
        end = min(stop, begin + CHUNK)
        if strands.size > NEAR:
            _fetch_weights(weights, begin, end, transmission, parents)
        for i in range(begin, end):
            words = _words(i, PARENTS, transmission)
            mother = guided_pick(weights.eggs, weights.egg_guide, uniform(words[0], words[1]))
            u = uniform(words[2], words[3])
            if weights.selfing:
                father = guided_pick(weights.sperm, weights.sperm_guide, u)
            else:
                father = _other_parent(weights.sperm, mother, u)
            parents[i, 0], parents[i, 1] = mother, father
        remake_chunk(begin, end, 0, m, strands, parents, transmission, out)


@parallel
def sexual(  # type: ignore[no-untyped-def]
    n, m, strands, weights, transmission, out, parents
):
    """Newborns `out [n ploidy, L]` of two parents each, and `parents [n, 2]`.

    The first parent is drawn by egg weight, the second by sperm weight. Without selfing the second
    parent is drawn among all individuals except the first.
    """
    for chunk in prange((n + CHUNK - 1) // CHUNK):
        sexual_chunk(
            chunk * CHUNK,
            min(n, (chunk + 1) * CHUNK),
            m,
            strands,
            weights,
            transmission,
            out,
            parents,
        )


@serial
def remake_chunk(  # type: ignore[no-untyped-def]
    start, stop, first, m, strands, parents, transmission, out
):
    """Newborns `first + start .. first + stop - 1` on the calling thread."""
    for begin in range(first + start, first + stop, CHUNK):
        end = min(first + stop, begin + CHUNK)
        if strands.size > NEAR:
            _fetch_genes(strands, m.ploidy, parents, begin, end)
        for i in range(begin, end):
            at = (i - first) * m.ploidy
            _newborn(m, strands, parents[i, 0], parents[i, 1], i, transmission, out, at)


@parallel
def remake(n, first, m, strands, parents, transmission, out):  # type: ignore[no-untyped-def]
    """Newborns `first .. first + n - 1` of known parents, with only some forces.

    The random numbers are the same: with all forces, the newborns equal the original ones.
    """
    for chunk in prange((n + CHUNK - 1) // CHUNK):
        remake_chunk(
            chunk * CHUNK,
            min(n, (chunk + 1) * CHUNK),
            first,
            m,
            strands,
            parents,
            transmission,
            out,
        )


@serial
def asexual_chunk(  # type: ignore[no-untyped-def]
    start, stop, m, strands, weights, transmission, out, parents
):
    """Newborns `start .. stop - 1` on the calling thread."""
    for begin in range(start, stop, CHUNK):
        end = min(stop, begin + CHUNK)
        if strands.size > NEAR:
            _fetch_weights(weights, begin, end, transmission, parents)
        for i in range(begin, end):
            words = _words(i, PARENTS, transmission)
            parents[i, 0] = parents[i, 1] = guided_pick(
                weights.eggs, weights.egg_guide, uniform(words[0], words[1])
            )
        copies_chunk(begin, end, 0, m, strands, parents, transmission, out)


@parallel
def asexual(n, m, strands, weights, transmission, out, parents):  # type: ignore[no-untyped-def]
    """Each newborn is the mutated copy of one parent drawn by weight, with replacement."""
    for chunk in prange((n + CHUNK - 1) // CHUNK):
        asexual_chunk(
            chunk * CHUNK,
            min(n, (chunk + 1) * CHUNK),
            m,
            strands,
            weights,
            transmission,
            out,
            parents,
        )


@serial
def _copy(m, strands, parent, i, transmission, out, at):  # type: ignore[no-untyped-def]
    """The mutated copy of one parent, newborn `i`, in `out[at]` and the next row."""
    for side in range(m.ploidy):
        for l in range(out.shape[1]):  # noqa: E741
            out[at + side, l] = strands[parent * m.ploidy + side, l]
    if m.unmutated < 1.0:
        words = _words(i, MUTATIONS, transmission)
        for side in range(m.ploidy):
            u = uniform(words[2], words[3]) if side else uniform(words[0], words[1])
            locus = _search(m.rates, m.unmutated, 0, u)
            _mutate(m, out, at + side, locus, side, i, transmission)


@serial
def copies_chunk(start, stop, first, m, strands, parents, transmission, out):  # type: ignore[no-untyped-def]
    """Newborns `first + start .. first + stop - 1` on the calling thread."""
    for begin in range(first + start, first + stop, CHUNK):
        end = min(first + stop, begin + CHUNK)
        if strands.size > NEAR:
            _fetch_genes(strands, m.ploidy, parents, begin, end)
        for i in range(begin, end):
            _copy(m, strands, parents[i, 0], i, transmission, out, (i - first) * m.ploidy)


@parallel
def copies(n, first, m, strands, parents, transmission, out):  # type: ignore[no-untyped-def]
    """The mutated copies `first .. first + n - 1` of known parents, with the same numbers."""
    for chunk in prange((n + CHUNK - 1) // CHUNK):
        copies_chunk(
            chunk * CHUNK,
            min(n, (chunk + 1) * CHUNK),
            first,
            m,
            strands,
            parents,
            transmission,
            out,
        )


@serial
def founders_chunk(start, stop, key0, key1, offsets, choices, out):  # type: ignore[no-untyped-def]
    """Founders `start .. stop - 1` on the calling thread."""
    for i in range(start, stop):
        for side in range(out.shape[1]):
            for l in range(out.shape[2]):  # noqa: E741
                words = philox(i, side * out.shape[2] + l, 0, FOUNDERS, key0, key1)
                size = offsets[l + 1] - offsets[l]
                out[i, side, l] = choices[
                    offsets[l] + min(int(uniform(words[0], words[1]) * size), size - 1)
                ]


@parallel
def founders(n, key0, key1, offsets, choices, out):  # type: ignore[no-untyped-def]
    """The first generation.

    Each allele copy of locus `l` is drawn evenly from `choices[offsets[l] : offsets[l + 1]]`.
    """
    for chunk in prange((n + CHUNK - 1) // CHUNK):
        founders_chunk(
            chunk * CHUNK, min(n, (chunk + 1) * CHUNK), key0, key1, offsets, choices, out
        )
