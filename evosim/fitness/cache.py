"""Cache of distinct behaviours and their fitness."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from evosim.fitness.world_arrays import WorldTables
from evosim.genomes import Rules
from evosim.kernels import policy_dedup
from evosim.kernels.world_layout import ActSets

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Words = NDArray[np.uint64]


class BehaviourScorer(Protocol):
    """The part of a scorer (`evosim.fitness.scorer.Scorer`) that its cache calls."""

    tables: WorldTables
    columns: int

    def behaviours(
        self, rules: Rules, acts: ActSets | None = None
    ) -> tuple[Ints, Words, Words, Floats]:
        """Distinct behaviours of rules."""

    def evaluate(self, words: Words, plans: Ints, depths: Ints, points: Floats) -> Floats:
        """Lifetime amounts of policies."""


class BehaviourCache:
    """The behaviours a scorer has evaluated, with their lifetime amounts, in bounded memory.

    Behaviours are found by hash and compared in full, so a collision of hashes does no harm.
    """

    FIRST = 1024

    def __init__(self, scorer: BehaviourScorer, levels: int, limit: int) -> None:
        self.scorer, self.limit = scorer, limit
        self._shape = (levels, scorer.tables.cells // 8)
        self.count = 0
        self._make(min(self.FIRST, limit))

    def fitness_of(self, rules: Rules, acts: ActSets) -> tuple[Floats, Ints]:
        """Lifetime amounts `[n, .]` and names `[n]` of rules with known act sets.

        Behaviours that are not in the cache are evaluated first.
        """
        groups, words, hashes, points = self.scorer.behaviours(rules, acts)
        n = len(words)
        if self.count + n > self.limit:
            self.forget()  # all of them: a choice would cost more than new evaluations
            if n > len(self.fitness):
                self._make(min(n, self.limit))
        elif self.count + n > len(self.fitness):
            self._grow(min(2 * (self.count + n), self.limit))
        numbers, first = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
        before = self.count
        self.count = policy_dedup.find(
            hashes, words, self.slots, self.hashes, self.words, before, numbers, first
        )
        fresh = np.arange(before, self.count)
        if self.count > before:
            levels = np.full(len(fresh), words.shape[1])
            try:
                self.fitness[fresh] = self.scorer.evaluate(
                    self.words, fresh, levels, points[first[: len(fresh)]]
                )
            except BaseException:  # do not keep entries without a value
                self.forget()
                raise
        return self.fitness[numbers[groups]], (hashes >> np.uint64(1)).astype(np.int64)[groups]

    def forget(self) -> None:
        """Forget all behaviours; the memory stays."""
        self.count = 0
        self.slots[:] = policy_dedup.EMPTY

    def _make(self, capacity: int) -> None:
        self.hashes, self.words = (
            np.empty(capacity, dtype=np.uint64),
            np.empty((capacity, *self._shape), dtype=np.uint64),
        )
        self.fitness = np.empty((capacity, self.scorer.columns))
        self.slots = slots(capacity)

    def _grow(self, capacity: int) -> None:
        known = slice(self.count)
        hashes, words, fitness = self.hashes[known], self.words[known], self.fitness[known]
        self._make(capacity)
        self.hashes[known], self.words[known], self.fitness[known] = hashes, words, fitness
        policy_dedup.enter(self.hashes, self.count, self.slots)


def slots(n: int) -> NDArray[np.int32]:
    """An empty hash table for `n` entries: at most half full."""
    return np.full(1 << (2 * n - 1).bit_length(), policy_dedup.EMPTY, dtype=np.int32)
