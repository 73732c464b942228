"""Enumerate a grid in blocks and keep only the best and near-best classes.

Memory does not grow with the grid.

The search is in single precision. A class is a candidate if it may be near the best within what
single precision can be wrong by (`Scorer.single_error`, a bound); candidates are then scored in
double precision, and what stays is exact: no best class and no near tie is missed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from evosim.fitness.class_fitness import BLOCK, Floats, Worth, worth_of
from evosim.fitness.scorer import Scorer
from evosim.genomes import Genome
from evosim.genomes.loci import Ints
from evosim.reference.dynamic_programming import Span, spans_of
from evosim.reference.selection import MEASURES, TRUE_BREEDERS_WITHIN, margin
from evosim.worlds import WorldPair

Tell = Callable[[int, int], None]


@dataclass(frozen=True)
class Wanted:
    """Classes within a `tolerance` (see `margin`) of the best by a measure, among all or among
    those that breed true.
    """

    measure: str
    tolerance: float
    breeding_true: bool = False


class _Candidates:
    """What may still be wanted of the classes seen so far."""

    def __init__(self, wanted: Wanted, error: float, span: Span) -> None:
        self.wanted, self.error, self.span, self.best = wanted, error, span, -np.inf
        self._classes: list[Ints] = []
        self._values: list[Floats] = []

    def see(self, classes: Ints, values: Floats) -> None:
        """A block of classes and their worth."""
        if not len(classes):
            return
        best = max(self.best, float(values.max()))
        if best > self.best:
            self.best = best
            for i, known in enumerate(self._values):
                near = self._near(known)
                self._classes[i], self._values[i] = self._classes[i][near], known[near]
        near = self._near(values)
        self._classes.append(classes[near])
        self._values.append(values[near])

    @property
    def classes(self) -> Ints:
        """Classes that may be wanted."""
        return np.concatenate([np.empty(0, dtype=np.int64), *self._classes])

    def _near(self, values: Floats) -> Any:
        return values >= self.best - margin(
            self.best, self.wanted.tolerance, self.span
        ) - 2.0 * self.error * (1.0 + self.wanted.tolerance)


class _Spread:
    """Mean and spread of a measure, block by block (Chan, Golub and LeVeque 1983)."""

    def __init__(self) -> None:
        self.n, self.mean, self.squares = 0, 0.0, 0.0
        self.least, self.largest = np.inf, -np.inf

    def see(self, values: Floats) -> None:
        n, mean = len(values), float(values.mean())
        apart, total = mean - self.mean, self.n + n
        self.squares += float(((values - mean) ** 2).sum()) + apart**2 * self.n * n / total
        self.mean += apart * n / total
        self.n = total
        self.least, self.largest = (
            min(self.least, float(values.min())),
            max(self.largest, float(values.max())),
        )

    def facts(self) -> dict[str, float]:
        return {
            "mean": self.mean,
            "sd": (self.squares / self.n) ** 0.5,
            "min": self.least,
            "max": self.largest,
        }


class Survey:
    """One pass over a grid.

    Attributes:
        kept: classes that are best by some measure, or as near to the ancestral best as asked, in
        order. classes: how many went by. behaviours: behaviours evaluated in the ancestral and the
        modern world (the same one may count again where memory for
            it ran out).
        spread: of each measure, mean, standard deviation, least and largest over the whole grid, in
        single precision;
            `error` bounds what that costs.
    """

    def __init__(
        self, genome: Genome, pair: WorldPair, *, near: float, progress: Tell | None = None
    ) -> None:
        self.genome, self.classes, self.spans = genome, genome.grid.size, spans_of(pair)
        searching = tuple(
            Scorer(world, pair, precision="single") for world in (pair.ancestral, pair.modern)
        )
        error = {m: searching[m.startswith("modern")].single_error for m in MEASURES}
        everything = [Wanted(m, near if m == "ancestral" else 0.0) for m in MEASURES]
        everything.append(Wanted("ancestral", TRUE_BREEDERS_WITHIN, breeding_true=True))
        candidates = [
            _Candidates(wanted, error[wanted.measure], self.spans[wanted.measure])
            for wanted in everything
        ]
        spread = {m: _Spread() for m in MEASURES}
        for first in range(0, self.classes, BLOCK):
            block = np.arange(first, min(first + BLOCK, self.classes), dtype=np.int64)
            worth = worth_of(genome, (searching[0], searching[1]), block, named=False)
            for measure in MEASURES:
                spread[measure].see(getattr(worth, measure))
            true = genome.grid.breeds_true(block)
            for candidate in candidates:
                values = getattr(worth, candidate.wanted.measure)
                candidate.see(
                    *(
                        (block[true], values[true])
                        if candidate.wanted.breeding_true
                        else (block, values)
                    )
                )
            if progress:
                progress(int(block[-1]) + 1, self.classes)
        self.behaviours = (searching[0].evaluated, searching[1].evaluated)
        self.spread = {m: spread[m].facts() | {"error": error[m]} for m in MEASURES}
        some = np.unique(np.concatenate([c.classes for c in candidates]))
        self.kept = some[
            self._exactly(
                some, everything, (Scorer(pair.ancestral, pair), Scorer(pair.modern, pair))
            )
        ]

    def facts(self) -> dict[str, Any]:
        """What went by, for the record."""
        return {
            "classes": self.classes,
            "kept": len(self.kept),
            "behaviours": list(self.behaviours),
            "measures": self.spread,
        }

    def _exactly(self, some: Ints, everything: list[Wanted], scorers: tuple[Scorer, Scorer]) -> Any:
        """Which candidates are truly wanted."""
        parts = [
            worth_of(self.genome, scorers, some[i : i + BLOCK], named=False)
            for i in range(0, len(some), BLOCK)
        ]
        worth = Worth(
            *(
                np.concatenate([getattr(p, name) for p in parts])
                for name in Worth.__dataclass_fields__
            )
        )
        true = self.genome.grid.breeds_true(some)
        stays = np.zeros(len(some), dtype=bool)
        for wanted in everything:
            values = getattr(worth, wanted.measure)
            among = true if wanted.breeding_true else np.ones(len(some), dtype=bool)
            if among.any():
                best = float(values[among].max())
                stays |= among & (
                    values >= best - margin(best, wanted.tolerance, self.spans[wanted.measure])
                )
        return stays
