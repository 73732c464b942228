"""Addresses of random numbers, and the NumPy twin of the generator.

Every random number of a run is addressed, never consumed: Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011, "Parallel
random numbers: as easy as 1, 2, 3") with key = seed and counter = (individual, slot, generation, stream) gives four
32-bit words. Nothing therefore depends on the number of threads, on the order of work, or on being interrupted.

Slots of the stream REPRODUCTION, for a genome of `L` loci and gamete side 0 or 1:

* slot 0: words 0-1 choose the first parent, words 2-3 the second;
* slot 1 + 2 (side L + locus), meiosis: words 0-1 say whether the strand changes in the interval before the locus
  (at the first locus of a chromosome with chance 1/2); words 2-3 are reserved for the strand of a meiotic driver;
* slot 2 + 2 (side L + locus), mutation: words 0-1 say whether it happens, words 2-3 to what.

A number is drawn at its address whether or not it is needed, so that switching one force off leaves all other
numbers as they were. Changing any of this raises STREAM_VERSION, which is recorded with every run.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

STREAM_VERSION = 1

FOUNDERS = 1
REPRODUCTION = 2
LIVES = 3
RESTARTS = 4

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
INCREMENTS = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10

Words = NDArray[np.uint32]


def key_of(seed: int) -> tuple[int, int]:
    """The two key words of a seed in [0, 2^64)."""
    return seed & 0xFFFFFFFF, seed >> 32


def philox(counter: tuple[ArrayLike, ArrayLike, ArrayLike, ArrayLike], key: tuple[int, int]) -> tuple[Words, Words, Words, Words]:
    """Four arrays of 32-bit words for counters given as four broadcastable integer arrays."""
    c = [np.asarray(x, dtype=np.uint64) & np.uint64(0xFFFFFFFF) for x in np.broadcast_arrays(*counter)]
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
    """53-bit uniform numbers in [0, 1) from two words each."""
    a = (high >> np.uint32(5)).astype(np.float64)
    b = (low >> np.uint32(6)).astype(np.float64)
    return (a * 67108864.0 + b) * (1.0 / 9007199254740992.0)


def meiosis_slot(side: int, locus: int, loci: int) -> int:
    """Slot of the meiosis block of a locus in the gamete of one side."""
    return 1 + 2 * (side * loci + locus)


def mutation_slot(side: int, locus: int, loci: int) -> int:
    """Slot of the mutation block of a locus in the gamete of one side."""
    return 2 + 2 * (side * loci + locus)
