"""Layout of worlds and policies for kernels.

Successors and features are ragged lists, so that zeros cost nothing.

* A *row* is an available act in a state. Rows are numbered in order of states and, within a state,
  in order of acts.
* A *cell* is a byte of a policy. Its bits are acts of one state: act `a` of state `s` is bit
  `a % 8` of cell `a // 8 * stride + s`.
* The *stride* is the number of states, rounded up to whole words of eight bytes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

WORD = 8
GROUP = 4


class Rows(NamedTuple):
    """Transitions of one belief. `S` states, `R` rows, `E` entries.

    Attributes
    ----------
    first : ndarray
        `[S + 1]` the rows of state `s` are `first[s] .. first[s + 1] - 1`.
    cells, bits : ndarray
        `[R]` the place in a policy that says whether the row is done.
    offsets : ndarray
        `[R + 1]` the successors of row `r` are entries `offsets[r] .. offsets[r + 1] - 1`. Their
        number is a multiple of `GROUP`; entries with probability 0 fill it up.
    successors : ndarray
        `[E]` states.
    chances : ndarray
        `[E]` their probabilities.
    """

    first: np.ndarray
    cells: np.ndarray
    bits: np.ndarray
    offsets: np.ndarray
    successors: np.ndarray
    chances: np.ndarray


class Features(NamedTuple):
    """Features of rows.

    Attributes
    ----------
    offsets : ndarray
        `[R + 1]` the features of row `r` are entries `offsets[r] .. offsets[r + 1] - 1`.
    numbers : ndarray
        `[E]` positions of features.
    values : ndarray
        `[E]` their values.
    """

    offsets: np.ndarray
    numbers: np.ndarray
    values: np.ndarray


class ActSets(NamedTuple):
    """Act sets of a batch of rules.

    Attributes
    ----------
    words : ndarray
        `[p, L, W]` bits of the acts of each plan at each level.
    plans : ndarray
        `[n]` row of `words` that each rule has.
    depths : ndarray
        `[n]` number of levels of that row that the rule has. The last one is repeated.
    """

    words: NDArray[np.uint64]
    plans: NDArray[np.int64]
    depths: NDArray[np.int64]


class LifeCourse(NamedTuple):
    """The beginning and the length of lives. `B` births, `K` start states.

    Attributes
    ----------
    start : ndarray
        `[K]` the states in which a life can begin.
    start_chances : ndarray
        `[B, K]` distributions over these states at birth.
    lifespan : int
        Number of ages.
    """

    start: np.ndarray
    start_chances: np.ndarray
    lifespan: int
