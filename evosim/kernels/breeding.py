"""Many generations of genetics without behaviour in one call. Newborns are those of the optimizer.

Fitness is what drivers and modifiers leave of viability and fertility. Population-genetic laws and
the benchmark of the gamete loop run on it, thousands of small populations or one large one;
`evosim.kernels.reproduce` makes every newborn.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import prange

from evosim.kernels.compilation import parallel, serial
from evosim.kernels.philox import alone, guide_chunk
from evosim.kernels.reproduce import sexual_chunk


class Costs(NamedTuple):
    """What copies of alleles cost. `S` sites.

    Attributes:
        locus, allele: `[S]` where, and which.
        eggs, sperm: `[S, 3]` factor of egg and of sperm weight by number of copies.
        alike: whether eggs and sperm have equal factors everywhere.
    """

    locus: np.ndarray
    allele: np.ndarray
    eggs: np.ndarray
    sperm: np.ndarray
    alike: bool


@serial
def _weights(costs, strands, ploidy, factors, begin, end, out):  # type: ignore[no-untyped-def]
    """Running sum of weights `[n]` by one table of factors; nobody outside `begin .. end - 1` has
    any. Gives the total.
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
def evolve(  # type: ignore[no-untyped-def]
    m,
    costs,
    strands,
    spare,
    ploidy,
    females,
    selfing,
    first,
    generations,
    key0,
    key1,
    weights,
    guides,
    parents,
    watched,
    census,
):
    """Generations `first .. first + generations - 1` from newborns `strands`; where it ends tells
    which array holds the last.

    `females` is 0 for one sex. `watched [W, 2]` lists (locus, allele); `census [generations, W, 3]`
    is filled with the number of newborns that have 0, 1 and 2 copies. `weights [2, n]`, `guides [2,
    n]`, `parents [n, 2]` and `spare` are scratch. Returns the number of generations that were made:
    fewer if nobody could be a parent, or once all are alike and nothing mutates (the census then
    repeats itself to the end).
    """
    n = parents.shape[0]
    mothers = females if females > 0 else n
    sperm = 1 if females > 0 or not costs.alike else 0
    for g in range(generations):
        total = _weights(costs, strands, ploidy, costs.eggs, 0, mothers, weights[0])
        other = total
        if sperm:
            other = _weights(costs, strands, ploidy, costs.sperm, females, n, weights[1])
        if not selfing and females == 0:  # the only one with sperm has nobody to mate with
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
        sexual_chunk(
            0,
            n,
            m,
            strands,
            ploidy,
            weights[0],
            guides[0],
            weights[sperm],
            guides[sperm],
            selfing or females > 0,
            first + g,
            key0,
            key1,
            spare,
            parents,
        )
        strands, spare = spare, strands
        for w in range(watched.shape[0]):
            locus, allele = watched[w, 0], watched[w, 1]
            for i in range(n):
                copies = 0
                for side in range(ploidy):
                    if strands[i * ploidy + side, locus] == allele:
                        copies += 1
                census[g, w, copies] += 1
        if m.unmutated == 1.0 and _all_alike(strands):
            fertile = _weights(costs, strands, ploidy, costs.eggs, 0, n, weights[0]) > 0.0
            if fertile and _weights(costs, strands, ploidy, costs.sperm, 0, n, weights[1]) > 0.0:
                for later in range(g + 1, generations):
                    census[later] = census[g]
                return g + 1
    return generations


@serial
def _all_alike(strands):  # type: ignore[no-untyped-def]
    """Whether nothing can change any more without mutation.

    Mostly answered by the second strand.
    """
    for row in range(1, strands.shape[0]):
        for l in range(strands.shape[1]):  # noqa: E741
            if strands[row, l] != strands[0, l]:
                return False
    return True


@parallel
def replicates(  # type: ignore[no-untyped-def]
    m, costs, founders, ploidy, females, selfing, generations, first_seed, watched, census, last
):
    """`evolve` of `R` populations from the same founders `[n ploidy, L]`, with seeds counting up
    from `first_seed`.

    Fills `census [R, generations, W, 3]` and `last [R, n ploidy, L]`; generations count from 1.
    """
    runs = census.shape[0]
    n = founders.shape[0] // ploidy
    for r in prange(runs):
        strands, spare = founders.copy(), np.empty_like(founders)
        seed = np.uint64(first_seed) + np.uint64(r)
        made = evolve(
            m,
            costs,
            strands,
            spare,
            ploidy,
            females,
            selfing,
            1,
            generations,
            seed & np.uint64(0xFFFFFFFF),
            seed >> np.uint64(32),
            np.empty((2, n)),
            np.empty((2, n), dtype=np.int32),
            np.empty((n, 2), dtype=np.int64),
            watched,
            census[r],
        )
        last[r] = spare if made % 2 else strands
