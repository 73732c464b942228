"""Kernel arrays of a world: the reachable states as ragged rows.

`evosim.kernels.world_layout` describes the layout.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evosim.kernels.world_layout import GROUP, WORD, Features, Rows
from evosim.worlds import TabularMdp

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class WorldTables:
    """One world in the shape of kernels.

    Attributes
    ----------
    world : TabularMdp
        The world.
    states : ndarray
        `[S']` states that a life can reach, by the true transitions or by those of a belief.
    rows : dict
        By belief: the transitions of the available acts in these states.
    features : Features
        Features that are felt in these rows.
    row_state, row_act : ndarray
        `[R]` state (its number in the world) and act of each row.
    amounts : ndarray
        `[1 or 2, R]` payoff, and intent if it differs.
    start : ndarray
        Indices in `states` of the states in which a life can begin.
    start_chances : ndarray
        `[B, .]` chances of being born there. Row 0 is the world's; with `cases`, one row per case
        follows.
    stride, cells : int
        Layout of act sets.
    """

    def __init__(self, world: TabularMdp, *, cases: bool = False) -> None:
        self.world = world
        self.states = np.flatnonzero(world.in_reach)
        self.stride = -(-len(self.states) // WORD) * WORD
        self.cells = self.stride * -(-len(world.acts) // WORD)
        self.row_state, self.row_act = np.nonzero(world.acts_in_reach)
        self.rows = {name: self._rows(table) for name, table in world.beliefs.items()}
        self.features = _features(world.features_felt[self.row_state, self.row_act])
        amounts = np.stack([world.payoff, world.intent])
        if np.array_equal(world.payoff, world.intent):
            amounts = amounts[:1]
        self.amounts = np.ascontiguousarray(amounts[:, self.row_state, self.row_act])
        self.start = np.flatnonzero(world.start[self.states])
        births = (
            np.concatenate([world.start[None, :], world.case_starts()])
            if cases
            else world.start[None, :]
        )
        self.start_chances = np.ascontiguousarray(births[:, self.states][:, self.start])

    def discounted(self, belief: str, discount: float) -> Rows:
        """The rows of a belief with a discount in their chances."""
        rows = self.rows[belief]
        return rows._replace(chances=rows.chances * discount)

    def act_sets(self, sets: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Act sets `[..., C]` as `[..., S, A]` of the world; unreachable states have no acts."""
        out = np.zeros((*sets.shape[:-1], len(self.world.states), len(self.world.acts)), dtype=bool)
        rows = self.rows["true"]
        out[..., self.row_state, self.row_act] = sets[..., rows.cells] & rows.bits != 0
        return out

    def pack(self, chosen: Ints) -> NDArray[np.uint8]:
        """One act for each state of the world, `[n, S]`, as act sets of kernels `[n, 1, C]`."""
        acts = chosen[:, self.states]
        out = np.zeros((len(acts), 1, self.cells), dtype=np.uint8)
        who, where = np.arange(len(acts))[:, None], np.arange(len(self.states))[None, :]
        out[who, 0, acts // WORD * self.stride + where] = np.left_shift(1, acts % WORD)
        return out

    def _rows(self, table: Floats) -> Rows:
        position = np.full(len(self.world.states), -1)
        position[self.states] = np.arange(len(self.states))
        flat = table[self.row_state, self.row_act]
        row, successor = np.nonzero(flat)
        counts = np.bincount(row, minlength=len(flat))
        padded = -(-counts // GROUP) * GROUP
        offsets = np.concatenate([[0], np.cumsum(padded)])
        # Missing entries lead nowhere new: to a row's first successor, with no chance.
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        successors = np.repeat(position[successor[starts]], padded)
        chances = np.zeros(offsets[-1])
        at = np.arange(len(row)) - np.repeat(starts, counts) + np.repeat(offsets[:-1], counts)
        successors[at], chances[at] = position[successor], flat[row, successor]
        states = position[self.row_state]
        first = np.searchsorted(states, np.arange(len(self.states) + 1))
        cells = self.row_act // WORD * self.stride + states
        bits = np.left_shift(1, self.row_act % WORD)
        small = [array.astype(np.int32) for array in (first, cells, offsets, successors)]
        return Rows(small[0], small[1], bits.astype(np.uint8), small[2], small[3], chances)


def _features(felt: Floats) -> Features:
    """Ragged rows of the features `[R, K]` that are not 0."""
    row, number = np.nonzero(felt)
    offsets = np.searchsorted(row, np.arange(len(felt) + 1)).astype(np.int32)
    return Features(offsets, number.astype(np.int32), felt[row, number])
