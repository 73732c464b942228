"""Reproduction in plain NumPy: the readable twin of `evosim.kernels.reproduce`, number for number.

Order of events for one newborn: two parents by weight; in each parent meiosis exchanges its two
strands along the map, and a driver takes more than its half of the gametes (for haploids the two
parents fuse and the zygote's meiosis gives one offspring); every allele of the gamete may mutate.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evosim import rng
from evosim.genomes import Grid
from evosim.genomes.drive import DriveSite

Alleles = NDArray[np.uint8]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
ALL_FORCES = frozenset({"recombination", "drive", "mutation"})


class Numbers:
    """The random numbers of one generation's newborns `0 .. n - 1`, by slot."""

    def __init__(self, n: int, generation: int, seed: int) -> None:
        self.n, self.generation, self.seed = n, generation, seed

    def words(self, slot: int) -> tuple[NDArray[np.uint32], ...]:
        """Four words for every newborn."""
        where = (np.arange(self.n), slot, self.generation, rng.REPRODUCTION)
        return rng.philox(where, rng.key_of(self.seed))

    def uniform(self, slot: int, half: int) -> Floats:
        """One number for every newborn, from the first or second two words."""
        words = self.words(slot)
        return rng.uniform(words[2 * half], words[2 * half + 1])


def parents(eggs: Floats, sperm: Floats, numbers: Numbers, *, selfing: bool) -> Ints:
    """`[n, 2]` parents of each newborn: the first by egg weight, the second by sperm weight."""
    first = pick(np.cumsum(eggs), numbers.uniform(rng.PARENTS, 0))
    u = numbers.uniform(rng.PARENTS, 1)
    cumulative = np.cumsum(sperm)
    if selfing:
        return np.stack([first, pick(cumulative, u)], axis=1)
    before = np.where(first > 0, cumulative[first - 1], 0.0)
    weight = cumulative[first] - before
    target = u * (cumulative[-1] - weight)
    second = first_above(cumulative, np.where(target < before, target, target + weight))
    return np.stack([first, second], axis=1)


def pick(cumulative: Floats, u: Floats) -> Ints:
    """First index whose cumulative weight exceeds `u` times the total."""
    return first_above(cumulative, u * cumulative[-1])


def first_above(cumulative: Floats, target: Floats) -> Ints:
    """First index whose cumulative weight exceeds `target`."""
    last = np.flatnonzero(np.diff(cumulative, prepend=0.0) > 0)[-1]
    return np.minimum(np.searchsorted(cumulative, target, side="right"), last)


def first_event(chances: Floats, begin: Ints, u: Floats) -> Ints:
    """`[n]` first index from `begin` on whose event happens, by one number each; the length if none
    does.
    """
    out = np.full(len(u), len(chances))
    for i, (b, x) in enumerate(zip(begin.tolist(), u.tolist(), strict=True)):
        hit = np.flatnonzero(x >= np.cumprod(1.0 - chances[b:]))
        if hit.size:
            out[i] = b + hit[0]
    return out


def events(
    chances: Floats, side: int, numbers: Numbers, first_slot: int, again: list[tuple[int, int]]
) -> NDArray[np.bool_]:
    """`[n, L]`: which events happen in each gamete of one side; `again` is (slot, half) for each
    locus.
    """
    loci = len(chances)
    out = np.zeros((numbers.n, loci), dtype=bool)
    at = first_event(
        chances, np.zeros(numbers.n, dtype=np.int64), numbers.uniform(first_slot, side)
    )
    for locus in range(loci):  # where an event is at this locus, search on behind it
        here = np.flatnonzero(at == locus)
        out[here, locus] = True
        u = numbers.uniform(*again[locus])[here]
        at[here] = first_event(chances, np.full(here.size, locus + 1), u)
    return out


def transmission(
    grid: Grid, driver: DriveSite, side: int, first: Alleles, second: Alleles
) -> Floats:
    """`[n]` transmission ratio of a driver in heterozygous parents, after its modifiers in the
    order written.
    """
    k = np.full(len(first), driver.ratio[side])
    for modifier in grid.drive.modifiers:
        if modifier.of == driver.locus:
            copies = (first[:, modifier.locus] == modifier.allele).astype(int) + (
                second[:, modifier.locus] == modifier.allele
            )
            k += np.array(modifier.effect)[copies] * (modifier.ratio[side] - k)
    return k


def meiosis(
    grid: Grid, first: Alleles, second: Alleles, side: int, numbers: Numbers, forces: frozenset[str]
) -> Alleles:
    """Gametes `[n, L]` of parents with strands `first` and `second`, before mutation."""
    n, loci = first.shape
    starts = grid.chromosomes()
    chances = grid.recombination()
    chances[starts[:-1]] = 0.0
    slots = [(rng.LOCI + rng.PER_LOCUS * locus + rng.CROSSOVER, side) for locus in range(loci)]
    exchange = np.zeros((n, loci), dtype=bool)
    if "recombination" in forces:
        exchange = events(chances, side, numbers, rng.CROSSOVERS, slots)
    out = np.empty_like(first)
    for c, (begin, end) in enumerate(zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)):
        words = numbers.words(rng.STRANDS + c // 64)
        word = words[2 * side + (1 if c % 64 < 32 else 0)]
        on_second = ((word >> np.uint32(c % 32)) & 1).astype(bool)
        # Relative to the strand it begins on, where the gamete is after each exchange.
        changed = np.logical_xor.accumulate(exchange[:, begin:end], axis=1)
        for driver in grid.drive.drivers:
            if begin <= driver.locus < end:
                d = driver.locus
                on_first = first[:, d] == driver.allele
                heterozygous = on_first != (second[:, d] == driver.allele)
                u = numbers.uniform(rng.LOCI + rng.PER_LOCUS * d + rng.DRIVER, side)
                k = transmission(grid, driver, side, first, second) if "drive" in forces else 0.5
                at_driver = (u < k) != on_first
                on_second = np.where(heterozygous, at_driver ^ changed[:, d - begin], on_second)
        strand = on_second[:, None] ^ changed
        out[:, begin:end] = np.where(strand, second[:, begin:end], first[:, begin:end])
    return out


def mutate(grid: Grid, alleles: Alleles, side: int, numbers: Numbers) -> Alleles:
    """Gametes `[n, L]` after mutation."""
    loci = alleles.shape[1]
    rates = np.array([locus.params.mutation for locus in grid.loci])
    slots = [rng.LOCI + rng.PER_LOCUS * locus + rng.MUTATION + side for locus in range(loci)]
    hit = events(rates, side, numbers, rng.MUTATIONS, [(slot, 0) for slot in slots])
    out = alleles.copy()
    for i, (locus, slot) in enumerate(zip(grid.loci, slots, strict=True)):
        size, u, old = (
            len(locus.params.alleles),
            numbers.uniform(slot, 1),
            alleles[:, i].astype(np.int64),
        )
        if size == 1:
            continue
        if locus.params.kernel == "uniform":
            other = np.minimum((u * (size - 1)).astype(np.int64), size - 2)
            new = other + (other >= old)
        else:
            new = np.where(u < 0.5, old + 1, old - 1)
            new = np.where((new < 0) | (new >= size), old, new)
        out[:, i] = np.where(hit[:, i], new, old)
    return out


def newborns(
    grid: Grid,
    alleles: Alleles,
    chosen: Ints,
    numbers: Numbers,
    forces: frozenset[str] = ALL_FORCES,
) -> Alleles:
    """Newborns `[n, ploidy, L]` of known parents `[n, 2]`, with some forces of transmission on."""
    out = np.empty((len(chosen), *alleles.shape[1:]), dtype=np.uint8)
    for side in range(alleles.shape[1]):
        if alleles.shape[1] == 1:
            first, second = alleles[chosen[:, 0], 0], alleles[chosen[:, 1], 0]
        else:
            first, second = alleles[chosen[:, side], 0], alleles[chosen[:, side], 1]
        gametes = meiosis(grid, first, second, side, numbers, forces)
        out[:, side] = mutate(grid, gametes, side, numbers) if "mutation" in forces else gametes
    return out


def copies(grid: Grid, alleles: Alleles, chosen: Ints, numbers: Numbers) -> Alleles:
    """Mutated copies of one parent each."""
    out = np.empty((len(chosen), *alleles.shape[1:]), dtype=np.uint8)
    for side in range(alleles.shape[1]):
        out[:, side] = mutate(grid, alleles[chosen[:, 0], side], side, numbers)
    return out


def founders(shape: tuple[int, int, int], choices: list[Ints], seed: int) -> Alleles:
    """The first generation: each allele copy drawn evenly from its locus' choices."""
    n, ploidy, loci = shape
    out = np.empty(shape, dtype=np.uint8)
    for side in range(ploidy):
        for locus in range(loci):
            words = rng.philox(
                (np.arange(n), side * loci + locus, 0, rng.FOUNDERS), rng.key_of(seed)
            )
            drawn = (rng.uniform(*words[:2]) * len(choices[locus])).astype(np.int64)
            out[:, side, locus] = choices[locus][np.minimum(drawn, len(choices[locus]) - 1)]
    return out
