"""Many generations of genetics without behaviour in one call.

Fitness is the share of viability and fertility that drivers and modifiers leave.
`evosim.kernels.reproduce` makes every newborn, as for the optimizers. Laws of population genetics
and the benchmark of the gamete loop use this module.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import prange

from evosim.kernels.compilation import parallel, serial
from evosim.kernels.philox import alone, guide_chunk
from evosim.kernels.reproduce import ALL_FORCES, ParentWeights, Transmission, sexual_chunk


class Costs(NamedTuple):
    """Costs of alleles. `S` sites.

    Attributes
    ----------
    locus, allele : ndarray
        `[S]` the place of each allele.
    eggs, sperm : ndarray
        `[S, 3]` factor of egg and of sperm weight, by number of copies.
    alike : bool
        Whether all factors of eggs and sperm are equal.
    """

    locus: np.ndarray
    allele: np.ndarray
    eggs: np.ndarray
    sperm: np.ndarray
    alike: bool


class Mating(NamedTuple):
    """Rules of mating.

    Attributes
    ----------
    females : int
        Number of females, which come first. 0: all individuals are hermaphrodites.
    selfing : bool
        Whether both parents may be the same individual.
    """

    females: int
    selfing: bool


class Start(NamedTuple):
    """The first generation, and the key of the random numbers.

    Attributes
    ----------
    generation : int
        Number of the first generation of newborns.
    key0, key1 : int
        Key of the random numbers (`evosim.rng.key_of`).
    """

    generation: int
    key0: int
    key1: int


class Scratch(NamedTuple):
    """Arrays that are overwritten. `n` individuals.

    Attributes
    ----------
    strands : ndarray
        `[n ploidy, L]`
    weights, guides : ndarray
        `[2, n]` of egg parents and sperm parents.
    parents : ndarray
        `[n, 2]`
    """

    strands: np.ndarray
    weights: np.ndarray
    guides: np.ndarray
    parents: np.ndarray


@serial
def _weights(costs, strands, ploidy, factors, begin, end, out):  # type: ignore[no-untyped-def]
    """Write cumulative weights `[n]` by one table of factors, and return the total.

    Individuals outside `begin .. end - 1` have weight 0.
    """
    total = 0.0
    for i in range(out.size):
        if begin <= i < end:
            weight = 1.0
            for s in range(costs.locus.size):
                copies = 0
                for side in range(ploidy):
                    if strands[i * ploidy + side, costs.locus[s]] == costs.allele[s]:
                        copies += 1
                weight *= factors[s, 2 * copies if ploidy == 1 else copies]
            total += weight
        out[i] = total
    return total


@serial
def evolve(m, costs, strands, mating, start, scratch, watched, census):  # type: ignore[no-untyped-def]
    """Evolve the newborns `strands [n ploidy, L]` for as many generations as `census` has.

    `watched [W, 2]` lists (locus, allele). `census [generations, W, 3]` gets the number of newborns
    that have 0, 1 and 2 copies. The last generation is in `scratch.strands` if the returned number
    is odd, else in `strands`.

    Returns
    -------
    int
        Number of generations that were made. It is smaller if no individual can be a parent, or if
        all are alike and nothing mutates. In the second case, the census repeats itself.
    """
    spare, weights, guides, parents = scratch
    n, generations = parents.shape[0], census.shape[0]
    mothers = mating.females if mating.females > 0 else n
    sperm = 1 if mating.females > 0 or not costs.alike else 0
    for g in range(generations):
        total = _weights(costs, strands, m.ploidy, costs.eggs, 0, mothers, weights[0])
        other = total
        if sperm:
            other = _weights(costs, strands, m.ploidy, costs.sperm, mating.females, n, weights[1])
        # Without selfing, the only individual with sperm has no mate.
        if not mating.selfing and mating.females == 0:
            only = alone(weights[sperm])
            if only >= 0:
                if not sperm:
                    return g
                own = weights[0, only] - (weights[0, only - 1] if only > 0 else 0.0)
                weights[0, only:] -= own
                total = weights[0, n - 1]
        if not (total > 0.0 and other > 0.0):
            return g
        guide_chunk(0, n, weights[0], guides[0])
        if sperm:
            guide_chunk(0, n, weights[1], guides[1])
        drawn = ParentWeights(
            weights[0],
            guides[0],
            weights[sperm],
            guides[sperm],
            mating.selfing or mating.females > 0,
        )
        transmission = Transmission(start.generation + g, start.key0, start.key1, ALL_FORCES)
        sexual_chunk(0, n, m, strands, drawn, transmission, spare, parents)
        strands, spare = spare, strands
        _count_copies(strands, m.ploidy, watched, census[g])
        if m.unmutated == 1.0 and _all_alike(strands):
            fertile = _weights(costs, strands, m.ploidy, costs.eggs, 0, n, weights[0]) > 0.0
            if fertile and _weights(costs, strands, m.ploidy, costs.sperm, 0, n, weights[1]) > 0.0:
                for later in range(g + 1, generations):
                    census[later] = census[g]
                return g + 1
    return generations


@serial
def _count_copies(strands, ploidy, watched, counts):  # type: ignore[no-untyped-def]
    """Add the numbers of individuals with 0, 1 and 2 copies of each allele to `counts [W, 3]`."""
    for w in range(watched.shape[0]):
        locus, allele = watched[w, 0], watched[w, 1]
        for i in range(strands.shape[0] // ploidy):
            copies = 0
            for side in range(ploidy):
                if strands[i * ploidy + side, locus] == allele:
                    copies += 1
            counts[w, copies] += 1


@serial
def _all_alike(strands):  # type: ignore[no-untyped-def]
    """Whether all strands are equal, so that nothing can change without mutation."""
    for row in range(1, strands.shape[0]):
        for l in range(strands.shape[1]):  # noqa: E741
            if strands[row, l] != strands[0, l]:
                return False
    return True


@parallel
def replicates(m, costs, founders, mating, first_seed, watched, census, last):  # type: ignore[no-untyped-def]
    """Evolve `R` populations from the same founders `[n ploidy, L]` (`evolve`).

    Seeds count up from `first_seed`, generations from 1. The results are in `census [R,
    generations, W, 3]` and `last [R, n ploidy, L]`.
    """
    runs = census.shape[0]
    n = founders.shape[0] // m.ploidy
    for r in prange(runs):
        strands = founders.copy()
        scratch = Scratch(
            np.empty_like(founders),
            np.empty((2, n)),
            np.empty((2, n), dtype=np.int32),
            np.empty((n, 2), dtype=np.int64),
        )
        seed = np.uint64(first_seed) + np.uint64(r)
        key0, key1 = seed & np.uint64(0xFFFFFFFF), seed >> np.uint64(32)
        start = Start(1, key0, key1)  # type: ignore[arg-type]
        generations = evolve(m, costs, strands, mating, start, scratch, watched, census[r])
        last[r] = scratch.strands if generations % 2 else strands
