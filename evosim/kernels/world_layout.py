"""Layout of a world for kernels.

Successors and features are ragged lists, so that zeros cost nothing.

A *row* is an available act in a state; rows are numbered in order of states and, within a state, of
acts. A *cell* is where a policy keeps the acts of a state as bits of one byte: act `a` of state `s`
is bit `a % 8` of cell `a // 8 * stride + s`, where `stride` is the number of states rounded up to
whole words of eight.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

WORD = 8
GROUP = 4


class Rows(NamedTuple):
    """Transitions of one belief. `S` states, `R` rows.

    Attributes:
        first: `[S + 1]` the rows of state `s` are `first[s] .. first[s + 1] - 1`.
        cells, bits: `[R]` where a policy says whether it does the row.
        offsets: `[R + 1]` the successors of row `r` are entries `offsets[r] .. offsets[r + 1] - 1`.
        Their number is a
            multiple of `GROUP`: what is missing is filled up by entries of no chance.
        successors: `[E]` states.
        chances: `[E]` their probabilities.
    """

    first: np.ndarray
    cells: np.ndarray
    bits: np.ndarray
    offsets: np.ndarray
    successors: np.ndarray
    chances: np.ndarray


class Features(NamedTuple):
    """What can be felt in each row: entries `offsets[r] .. offsets[r + 1] - 1` are features and
    their values.
    """

    offsets: np.ndarray
    numbers: np.ndarray
    values: np.ndarray
