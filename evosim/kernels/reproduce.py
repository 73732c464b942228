"""Reproduce: the next generation of newborns, from genotypes and weights of parentage.

Twin: `evosim.reference.reproduction`. Slots are documented in `evosim.rng`. Genotypes come as
strands `[n ploidy, L]`: row `i ploidy + side` is what individual `i` had from its parent of that
side.
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
NEAR = 2**18  # strands of so many bytes lie in a core's own cache
FAIR = 0.5

RECOMBINATION, DRIVE, MUTATE = 1, 2, 4
ALL_FORCES = RECOMBINATION | DRIVE | MUTATE


class Meiosis(NamedTuple):
    """What happens between parent and gamete, as arrays. `C` chromosomes, `L` loci, `M` modifiers.

    Attributes:
        starts: `[C + 1]` first locus of each chromosome.
        crossover: `[L]` chance of an exchange in the interval before each locus; 0 at a
        chromosome's first locus. uncrossed: chance that no interval has an exchange. rates: `[L]`
        mutation rate of each locus. unmutated: chance that no locus mutates. kernels: `[L]` STEP or
        UNIFORM. n_alleles: `[L]` number of alleles. driver: `[C]` locus of each chromosome's
        driver; -1 where there is none. allele: `[C]` the driving allele. ratio: `[C, 2]`
        transmission ratio in eggs and sperm. modifiers: `[C + 1]` which modifiers act on each
        chromosome's driver: `modifiers[c] .. modifiers[c + 1] - 1`. modifier_locus,
        modifier_allele: `[M]`. modifier_ratio: `[M, 2]` transmission ratio in eggs and sperm under
        two copies. modifier_effect: `[M, 3]` share of the way from the driver's own ratio to that,
        by copies.
    """

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
def _search(chances, none, begin, u):  # type: ignore[no-untyped-def]
    """The first index from `begin` whose event happens, by one number `u`; the length if none does.

    Events are independent with the given chances. `none` is the chance that none from `begin` on
    happens, where it is known beforehand, and 0 where it is not.
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
def _next_crossover(m, locus, side, i, generation, key0, key1):  # type: ignore[no-untyped-def]
    """The next locus behind `locus` that has an exchange in the interval before it."""
    words = philox(i, LOCI + PER_LOCUS * locus + CROSSOVER, generation, REPRODUCTION, key0, key1)
    u = uniform(words[2], words[3]) if side else uniform(words[0], words[1])
    return _search(m.crossover, 0.0, locus + 1, u)


@serial
def _mutant(allele, n_alleles, kernel, u):  # type: ignore[no-untyped-def]
    """What an allele that mutates becomes. A step off the end of the list does not happen."""
    if n_alleles == 1:
        return allele
    if kernel == UNIFORM:
        other = min(int(u * (n_alleles - 1)), n_alleles - 2)
        return other + 1 if other >= allele else other
    target = allele + 1 if u < 0.5 else allele - 1
    return target if 0 <= target < n_alleles else allele


@serial
def _mutate(m, out, row, locus, side, i, generation, key0, key1):  # type: ignore[no-untyped-def]
    """Mutate the gamete in `out[row]` at `locus`, and wherever else the numbers behind it say."""
    while locus < out.shape[1]:
        words = philox(
            i, LOCI + PER_LOCUS * locus + MUTATION + side, generation, REPRODUCTION, key0, key1
        )
        out[row, locus] = _mutant(
            np.int64(out[row, locus]),
            m.n_alleles[locus],
            m.kernels[locus],
            uniform(words[2], words[3]),
        )
        locus = _search(m.rates, 0.0, locus + 1, uniform(words[0], words[1]))


@inlined
def _transmission(m, c, side, strands, first, second):  # type: ignore[no-untyped-def]
    """A heterozygote's transmission ratio of the driver of chromosome `c`, after its modifiers."""
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
    m,
    strands,
    first,
    second,
    side,
    i,
    generation,
    key0,
    key1,
    forces,
    strand_words,
    crossed,
    mutated,
    out,
    row,
):
    """One gamete of the parent with strands `first` and `second`, into `out[row]`.

    Each chromosome begins on a strand of its own and changes over at every exchange. Where the
    parent is heterozygous for the chromosome's driver, the strand at the driver is drawn by the
    transmission ratio, and exchanges lead outward from there. `crossed` is the first exchange,
    `mutated` the first mutation; they are `L` or more if there is none.
    """
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
            words = philox(i, STRANDS + c // 64, generation, REPRODUCTION, key0, key1)
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
                words = philox(
                    i, LOCI + PER_LOCUS * d + DRIVER, generation, REPRODUCTION, key0, key1
                )
                u = uniform(words[2], words[3]) if side else uniform(words[0], words[1])
                k = _transmission(m, c, side, strands, first, second) if forces & DRIVE else FAIR
                on = np.int64((u < k) != on_first)
                ahead = crossed
                while (
                    ahead <= d
                    # exchanges between the chromosome's end and the driver, undone to find its
                    # beginning
                ):
                    on = 1 - on
                    ahead = _next_crossover(m, ahead, side, i, generation, key0, key1)
        source = second if on else first
        if crossed >= end:
            for l in range(begin, end):  # noqa: E741
                out[row, l] = strands[source, l]
            continue
        for l in range(begin, end):  # noqa: E741
            if l == crossed:
                on = 1 - on
                source = second if on else first
                crossed = _next_crossover(m, l, side, i, generation, key0, key1)
            out[row, l] = strands[source, l]
    if mutated < out.shape[1]:
        _mutate(m, out, row, mutated, side, i, generation, key0, key1)


@inlined
def _newborn(m, strands, ploidy, mother, father, i, generation, key0, key1, forces, out, at):  # type: ignore[no-untyped-def]
    """The gametes of both parents of newborn `i`, united in `out[at]` and the row behind it.

    Haploids: the parents fuse, and the zygote's meiosis gives one offspring.
    """
    loci = out.shape[1]
    crossing = forces & RECOMBINATION and m.uncrossed < 1.0
    mutating = forces & MUTATE and m.unmutated < 1.0
    strand_words = philox(i, STRANDS, generation, REPRODUCTION, key0, key1)
    cross_words = (
        philox(i, CROSSOVERS, generation, REPRODUCTION, key0, key1) if crossing else strand_words
    )
    mutation_words = (
        philox(i, MUTATIONS, generation, REPRODUCTION, key0, key1) if mutating else strand_words
    )
    for side in range(ploidy):
        parent = father if side else mother
        first, second = (mother, father) if ploidy == 1 else (2 * parent, 2 * parent + 1)
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
            first,
            second,
            side,
            i,
            generation,
            key0,
            key1,
            forces,
            strand_words,
            crossed,
            mutated,
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
    # Rounding at the edge of the gap: the nearest neighbour that has weight.
    for j in range(first + 1, cumulative.size):
        if cumulative[j] > cumulative[j - 1]:
            return j
    chosen = first - 1
    while chosen > 0 and cumulative[chosen] == cumulative[chosen - 1]:
        chosen -= 1
    return chosen


@serial
def _fetch_genes(strands, ploidy, parents, start, stop):  # type: ignore[no-untyped-def]
    """Ask for the genes of the parents of newborns `start .. stop - 1`."""
    width = ploidy * strands.shape[1]
    for i in range(start, stop):
        for side in range(2):
            for at in range(parents[i, side] * width, (parents[i, side] + 1) * width, 64):
                prefetch(strands, at)
            prefetch(strands, (parents[i, side] + 1) * width - 1)


@serial
def _fetch_weights(  # type: ignore[no-untyped-def]
    eggs, egg_guide, sperm, sperm_guide, start, stop, generation, key0, key1, parents
):
    """Ask for what the draw of parents will read: of each, the guide's entry, and the weights that
    this leads to.
    """
    n = eggs.size
    for i in range(start, stop):
        words = philox(i, PARENTS, generation, REPRODUCTION, key0, key1)
        parents[i, 0] = min(int(uniform(words[0], words[1]) * n), n - 1)
        parents[i, 1] = min(int(uniform(words[2], words[3]) * n), n - 1)
        prefetch(egg_guide, parents[i, 0] * egg_guide.itemsize)
        prefetch(sperm_guide, parents[i, 1] * sperm_guide.itemsize)
    for i in range(start, stop):
        prefetch(eggs, egg_guide[parents[i, 0]] * eggs.itemsize)
        prefetch(sperm, sperm_guide[parents[i, 1]] * sperm.itemsize)


@serial
def sexual_chunk(  # type: ignore[no-untyped-def]
    start,
    stop,
    m,
    strands,
    ploidy,
    eggs,
    egg_guide,
    sperm,
    sperm_guide,
    selfing,
    generation,
    key0,
    key1,
    out,
    parents,
):
    """Newborns `start .. stop - 1` on the calling thread."""
    for begin in range(start, stop, CHUNK):
        end = min(stop, begin + CHUNK)
        if strands.size > NEAR:
            _fetch_weights(
                eggs, egg_guide, sperm, sperm_guide, begin, end, generation, key0, key1, parents
            )
        for i in range(begin, end):
            words = philox(i, PARENTS, generation, REPRODUCTION, key0, key1)
            mother = guided_pick(eggs, egg_guide, uniform(words[0], words[1]))
            u = uniform(words[2], words[3])
            father = (
                guided_pick(sperm, sperm_guide, u) if selfing else _other_parent(sperm, mother, u)
            )
            parents[i, 0], parents[i, 1] = mother, father
        again_chunk(
            begin, end, 0, m, strands, ploidy, parents, generation, key0, key1, ALL_FORCES, out
        )


@parallel
def sexual(  # type: ignore[no-untyped-def]
    n,
    m,
    strands,
    ploidy,
    eggs,
    egg_guide,
    sperm,
    sperm_guide,
    selfing,
    generation,
    key0,
    key1,
    out,
    parents,
):
    """Newborns `out` `[n ploidy, L]` and their `parents` `[n, 2]`: one by egg weight, one by sperm
    weight.

    `eggs` and `sperm` are running sums of weights, the guides shortcuts into them (`guide`).
    Without `selfing` the second parent is drawn among all but the first.
    """
    for chunk in prange((n + CHUNK - 1) // CHUNK):
        sexual_chunk(
            chunk * CHUNK,
            min(n, (chunk + 1) * CHUNK),
            m,
            strands,
            ploidy,
            eggs,
            egg_guide,
            sperm,
            sperm_guide,
            selfing,
            generation,
            key0,
            key1,
            out,
            parents,
        )


@serial
def again_chunk(  # type: ignore[no-untyped-def]
    start, stop, first, m, strands, ploidy, parents, generation, key0, key1, forces, out
):
    """Newborns `first + start .. first + stop - 1` on the calling thread."""
    for begin in range(first + start, first + stop, CHUNK):
        end = min(first + stop, begin + CHUNK)
        if strands.size > NEAR:
            _fetch_genes(strands, ploidy, parents, begin, end)
        for i in range(begin, end):
            at = (i - first) * ploidy
            _newborn(
                m,
                strands,
                ploidy,
                parents[i, 0],
                parents[i, 1],
                i,
                generation,
                key0,
                key1,
                forces,
                out,
                at,
            )


@parallel
def again(n, first, m, strands, ploidy, parents, generation, key0, key1, forces, out):  # type: ignore[no-untyped-def]
    """Newborns `first .. first + n - 1` of known parents, with only some transmission `forces` on.

    By the same random numbers as ever: with all forces on, the newborns that were.
    """
    for chunk in prange((n + CHUNK - 1) // CHUNK):
        again_chunk(
            chunk * CHUNK,
            min(n, (chunk + 1) * CHUNK),
            first,
            m,
            strands,
            ploidy,
            parents,
            generation,
            key0,
            key1,
            forces,
            out,
        )


@serial
def asexual_chunk(  # type: ignore[no-untyped-def]
    start, stop, m, strands, ploidy, cumulative, guide, generation, key0, key1, out, parents
):
    """Newborns `start .. stop - 1` on the calling thread."""
    for begin in range(start, stop, CHUNK):
        end = min(stop, begin + CHUNK)
        if strands.size > NEAR:
            _fetch_weights(
                cumulative, guide, cumulative, guide, begin, end, generation, key0, key1, parents
            )
        for i in range(begin, end):
            words = philox(i, PARENTS, generation, REPRODUCTION, key0, key1)
            parents[i, 0] = parents[i, 1] = guided_pick(
                cumulative, guide, uniform(words[0], words[1])
            )
        copies_chunk(begin, end, 0, m, strands, ploidy, parents, generation, key0, key1, out)


@parallel
def asexual(n, m, strands, ploidy, cumulative, guide, generation, key0, key1, out, parents):  # type: ignore[no-untyped-def]
    """Each newborn is the mutated copy of one parent drawn by weight, with replacement."""
    for chunk in prange((n + CHUNK - 1) // CHUNK):
        asexual_chunk(
            chunk * CHUNK,
            min(n, (chunk + 1) * CHUNK),
            m,
            strands,
            ploidy,
            cumulative,
            guide,
            generation,
            key0,
            key1,
            out,
            parents,
        )


@serial
def _copy(m, strands, ploidy, parent, i, generation, key0, key1, out, at):  # type: ignore[no-untyped-def]
    """The mutated copy of one parent, newborn `i`, in `out[at]` and the row behind it."""
    for side in range(ploidy):
        for l in range(out.shape[1]):  # noqa: E741
            out[at + side, l] = strands[parent * ploidy + side, l]
    if m.unmutated < 1.0:
        words = philox(i, MUTATIONS, generation, REPRODUCTION, key0, key1)
        for side in range(ploidy):
            u = uniform(words[2], words[3]) if side else uniform(words[0], words[1])
            locus = _search(m.rates, m.unmutated, 0, u)
            _mutate(m, out, at + side, locus, side, i, generation, key0, key1)


@serial
def copies_chunk(start, stop, first, m, strands, ploidy, parents, generation, key0, key1, out):  # type: ignore[no-untyped-def]
    """Newborns `first + start .. first + stop - 1` on the calling thread."""
    for begin in range(first + start, first + stop, CHUNK):
        end = min(first + stop, begin + CHUNK)
        if strands.size > NEAR:
            _fetch_genes(strands, ploidy, parents, begin, end)
        for i in range(begin, end):
            _copy(
                m,
                strands,
                ploidy,
                parents[i, 0],
                i,
                generation,
                key0,
                key1,
                out,
                (i - first) * ploidy,
            )


@parallel
def copies(n, first, m, strands, ploidy, parents, generation, key0, key1, out):  # type: ignore[no-untyped-def]
    """The mutated copies `first .. first + n - 1` of known parents once more, by the same random
    numbers.
    """
    for chunk in prange((n + CHUNK - 1) // CHUNK):
        copies_chunk(
            chunk * CHUNK,
            min(n, (chunk + 1) * CHUNK),
            first,
            m,
            strands,
            ploidy,
            parents,
            generation,
            key0,
            key1,
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
    """The first generation: every allele copy drawn evenly from `choices[offsets[l] : offsets[l +
    1]]`.
    """
    for chunk in prange((n + CHUNK - 1) // CHUNK):
        founders_chunk(
            chunk * CHUNK, min(n, (chunk + 1) * CHUNK), key0, key1, offsets, choices, out
        )
