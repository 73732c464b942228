"""Reproduction in plain NumPy: the readable twin of `evosim.kernels.reproduce`.

Both use the same random numbers and give the same newborns. Order of events for one newborn:

1. Two parents are drawn by weight.
2. In each parent, meiosis recombines the two strands along the map. A driver takes more than its
   half of the gametes. (Two haploid parents fuse, and the zygote's meiosis gives one offspring.)
3. Every allele of the gamete may mutate.
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


class RandomNumbers:
    """The random numbers of one generation's newborns `0 .. n - 1`, by slot; see `evosim.rng`."""

    def __init__(self, n: int, generation: int, seed: int) -> None:
        self.n, self.generation, self.seed = n, generation, seed

    def words(self, slot: int) -> tuple[NDArray[np.uint32], ...]:
        """Four arrays `[n]` of 32-bit words."""
        counter = (np.arange(self.n), slot, self.generation, rng.REPRODUCTION)
        return rng.philox(counter, rng.key_of(self.seed))

    def uniform(self, slot: int, half: int) -> Floats:
        """`[n]` numbers in [0, 1), from the first (0) or the second (1) two words."""
        words = self.words(slot)
        return rng.uniform(words[2 * half], words[2 * half + 1])


def parents(eggs: Floats, sperm: Floats, numbers: RandomNumbers, *, selfing: bool) -> Ints:
    """Draw the parents of each newborn.

    Parameters
    ----------
    eggs, sperm : numpy.ndarray
        `[n]` weight of each individual as first and as second parent.
    numbers : RandomNumbers
        Random numbers of the generation.
    selfing : bool
        Whether both parents may be the same individual.

    Returns
    -------
    numpy.ndarray
        `[n, 2]` indices of parents.
    """
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
    """Index of the first event of a sequence of independent events.

    Parameters
    ----------
    chances : numpy.ndarray
        `[L]` probability of each event.
    begin : numpy.ndarray
        `[n]` first index to consider.
    u : numpy.ndarray
        `[n]` random numbers, one for each search.

    Returns
    -------
    numpy.ndarray
        `[n]` indices from `begin`; `L` if no event happens.
    """
    out = np.full(len(u), len(chances))
    for i, (b, x) in enumerate(zip(begin.tolist(), u.tolist(), strict=True)):
        hit = np.flatnonzero(x >= np.cumprod(1.0 - chances[b:]))
        if hit.size:
            out[i] = b + hit[0]
    return out


def events(
    chances: Floats,
    side: int,
    numbers: RandomNumbers,
    first_slot: int,
    again: list[tuple[int, int]],
) -> NDArray[np.bool_]:
    """All events of a kind, crossovers or mutations, in each gamete of one side.

    Parameters
    ----------
    chances : numpy.ndarray
        `[L]` probability of an event at each locus.
    side : int
        0 for eggs, 1 for sperm.
    numbers : RandomNumbers
        Random numbers of the generation.
    first_slot : int
        Slot of the search for the first event.
    again : list of tuple
        `L` pairs (slot, half) of the search after an event at each locus.

    Returns
    -------
    numpy.ndarray
        `[n, L]`, true where an event happens.
    """
    loci = len(chances)
    out = np.zeros((numbers.n, loci), dtype=bool)
    at = first_event(
        chances, np.zeros(numbers.n, dtype=np.int64), numbers.uniform(first_slot, side)
    )
    for locus in range(loci):  # after an event at this locus, search for the next one
        here = np.flatnonzero(at == locus)
        out[here, locus] = True
        u = numbers.uniform(*again[locus])[here]
        at[here] = first_event(chances, np.full(here.size, locus + 1), u)
    return out


def transmission(
    grid: Grid, driver: DriveSite, side: int, first: Alleles, second: Alleles
) -> Floats:
    """`[n]` transmission ratio of a driver in heterozygous parents.

    Modifiers of the driver act in the order of the experiment file. `first` and `second` are the
    parents' strands `[n, L]`.
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
    grid: Grid,
    first: Alleles,
    second: Alleles,
    side: int,
    numbers: RandomNumbers,
    forces: frozenset[str],
) -> Alleles:
    """Gametes before mutation.

    Parameters
    ----------
    grid : Grid
        Loci, map and drivers.
    first, second : numpy.ndarray
        `[n, L]` strands of the parents.
    side : int
        0 for eggs, 1 for sperm.
    numbers : RandomNumbers
        Random numbers of the generation.
    forces : frozenset of str
        Forces that are switched on, of `ALL_FORCES`.

    Returns
    -------
    numpy.ndarray
        `[n, L]` alleles.
    """
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
        # Whether the gamete is on the other strand than at the beginning of the chromosome
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


def mutate(grid: Grid, alleles: Alleles, side: int, numbers: RandomNumbers) -> Alleles:
    """Gametes `[n, L]` after mutation, from gametes `alleles` `[n, L]` of one side."""
    loci = alleles.shape[1]
    rates = np.array([locus.params.mutation for locus in grid.loci])
    slots = [rng.LOCI + rng.PER_LOCUS * locus + rng.MUTATION + side for locus in range(loci)]
    hit = events(rates, side, numbers, rng.MUTATIONS, [(slot, 0) for slot in slots])
    out = alleles.copy()
    for i, (locus, slot) in enumerate(zip(grid.loci, slots, strict=True)):
        size, u = len(locus.params.alleles), numbers.uniform(slot, 1)
        old = alleles[:, i].astype(np.int64)
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
    numbers: RandomNumbers,
    forces: frozenset[str] = ALL_FORCES,
) -> Alleles:
    """Newborns of known parents.

    Parameters
    ----------
    grid : Grid
        Loci, map and drivers.
    alleles : numpy.ndarray
        `[N, ploidy, L]` genotypes of the parents' generation.
    chosen : numpy.ndarray
        `[n, 2]` indices of the parents of each newborn.
    numbers : RandomNumbers
        Random numbers of the generation.
    forces : frozenset of str
        Forces that are switched on, of `ALL_FORCES`.

    Returns
    -------
    numpy.ndarray
        `[n, ploidy, L]` genotypes.
    """
    out = np.empty((len(chosen), *alleles.shape[1:]), dtype=np.uint8)
    for side in range(alleles.shape[1]):
        if alleles.shape[1] == 1:
            first, second = alleles[chosen[:, 0], 0], alleles[chosen[:, 1], 0]
        else:
            first, second = alleles[chosen[:, side], 0], alleles[chosen[:, side], 1]
        gametes = meiosis(grid, first, second, side, numbers, forces)
        out[:, side] = mutate(grid, gametes, side, numbers) if "mutation" in forces else gametes
    return out


def copies(grid: Grid, alleles: Alleles, chosen: Ints, numbers: RandomNumbers) -> Alleles:
    """Mutated copies `[n, ploidy, L]` of the first parents in `chosen` `[n, 2]`."""
    out = np.empty((len(chosen), *alleles.shape[1:]), dtype=np.uint8)
    for side in range(alleles.shape[1]):
        out[:, side] = mutate(grid, alleles[chosen[:, 0], side], side, numbers)
    return out


def founders(shape: tuple[int, int, int], choices: list[Ints], seed: int) -> Alleles:
    """The first generation, of shape `(n, ploidy, L)`; `choices` holds alleles of each locus."""
    n, ploidy, loci = shape
    out = np.empty(shape, dtype=np.uint8)
    for side in range(ploidy):
        for locus in range(loci):
            words = rng.philox(
                (np.arange(n), side * loci + locus, 0, rng.FOUNDERS), rng.key_of(seed)
            )
            alleles = (rng.uniform(*words[:2]) * len(choices[locus])).astype(np.int64)
            out[:, side, locus] = choices[locus][np.minimum(alleles, len(choices[locus]) - 1)]
    return out
