"""Addresses of random numbers, and the NumPy twin of the generator.

Every random number of a run has an address. Philox4x32-10 with key = seed and counter =
(individual, slot, generation, stream) gives four 32-bit words. Source: Salmon, Moraes, Dror and
Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3". So the numbers do not depend on the
number of threads, on the order of work, or on interruptions.

Slots of the stream REPRODUCTION. Gametes have a side: 0 for the egg (first parent), 1 for the sperm
(second parent).

* PARENTS: words 0-1 choose the first parent, words 2-3 the second;
* MUTATIONS: words 0-1 (egg) and 2-3 (sperm) select the first locus that mutates, if any;
* CROSSOVERS: words 0-1 and 2-3 select the interval within a chromosome that has the first exchange,
  if any;
* STRANDS + c / 64: words 0-1 and 2-3 hold one bit for each of 64 chromosomes. The bit is the strand
  on which the gamete's chromosome begins;
* LOCI + 4 locus: words 0-1 and 2-3 decide whether a heterozygote's gamete carries the driver of
  this locus;
* LOCI + 4 locus + 1: words 0-1 and 2-3 select the next exchange after an exchange just before this
  locus;
* LOCI + 4 locus + 2 + side: words 0-1 select the next mutation after this locus, words 2-3 its new
  allele.

A number has its address whether it is used or not. So the other numbers stay the same if one force
is switched off. Any change of these rules raises STREAM_VERSION, which every run records.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

STREAM_VERSION = 2

FOUNDERS = 1
REPRODUCTION = 2
LIVES = 3
RESTARTS = 4
INTRODUCTIONS = 5
CASES = 8

PARENTS, MUTATIONS, CROSSOVERS, STRANDS, LOCI = 0, 1, 2, 3, 7
DRIVER, CROSSOVER, MUTATION, PER_LOCUS = 0, 1, 2, 4

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
INCREMENTS = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10

Words = NDArray[np.uint32]


def key_of(seed: int) -> tuple[int, int]:
    """The two key words of a seed in [0, 2^64)."""
    return seed & 0xFFFFFFFF, seed >> 32


def philox(
    counter: tuple[ArrayLike, ArrayLike, ArrayLike, ArrayLike], key: tuple[int, int]
) -> tuple[Words, Words, Words, Words]:
    """Random words of the generator Philox4x32-10.

    Parameters
    ----------
    counter : tuple of array_like
        Individual, slot, generation and stream: four integer arrays that broadcast.
    key : tuple of int
        Two 32-bit words; see `key_of`.

    Returns
    -------
    tuple of numpy.ndarray
        Four arrays of 32-bit words.
    """
    c = [
        np.asarray(x, dtype=np.uint64) & np.uint64(0xFFFFFFFF)
        for x in np.broadcast_arrays(*counter)
    ]
    low32, shift = np.uint64(0xFFFFFFFF), np.uint64(32)
    k0, k1 = key
    for _ in range(ROUNDS):
        p0 = c[0] * np.uint64(MULTIPLIERS[0])
        p1 = c[2] * np.uint64(MULTIPLIERS[1])
        c = [
            (p1 >> shift) ^ c[1] ^ np.uint64(k0),
            p1 & low32,
            (p0 >> shift) ^ c[3] ^ np.uint64(k1),
            p0 & low32,
        ]
        k0, k1 = (k0 + INCREMENTS[0]) & 0xFFFFFFFF, (k1 + INCREMENTS[1]) & 0xFFFFFFFF
    return tuple(x.astype(np.uint32) for x in c)  # type: ignore[return-value]


def uniform(high: Words, low: Words) -> NDArray[np.float64]:
    """Uniform numbers in [0, 1) with 53 bits, from two words each."""
    a = (high >> np.uint32(5)).astype(np.float64)
    b = (low >> np.uint32(6)).astype(np.float64)
    return (a * 67108864.0 + b) * (1.0 / 9007199254740992.0)
