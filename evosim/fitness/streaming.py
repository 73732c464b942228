"""Enumerate a grid in blocks and keep only the best and near-best classes.

Memory does not grow with the grid. The enumeration is in single precision. A class is a candidate
if it may be near the best within the error bound of single precision (`Scorer.single_error`).
Candidates are then scored in double precision, so no best class and no near tie is missed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from evosim.fitness.class_fitness import BLOCK, ClassFitness, Floats, evaluate_classes
from evosim.fitness.scorer import Scorer
from evosim.genomes import Genome
from evosim.genomes.loci import Ints
from evosim.reference.dynamic_programming import Span, spans_of
from evosim.reference.selection import MEASURES, margin
from evosim.worlds import WorldPair

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Query:
    """Classes near the best by a measure.

    Attributes
    ----------
    measure : str
        One of `MEASURES`.
    tolerance : float
        See `margin`.
    breeding_true : bool
        Whether only classes that breed true count.
    """

    measure: str
    tolerance: float
    breeding_true: bool


class _Candidates:
    """Classes so far that may answer a query."""

    def __init__(self, query: Query, error: float, span: Span) -> None:
        self.query, self.error, self.span, self.best = query, error, span, -np.inf
        self._classes: list[Ints] = []
        self._values: list[Floats] = []

    def see(self, classes: Ints, values: Floats) -> None:
        """Take a block of classes and their values."""
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
        """Class ids of the candidates."""
        return np.concatenate([np.empty(0, dtype=np.int64), *self._classes])

    def _near(self, values: Floats) -> Any:
        return values >= self.best - margin(
            self.best, self.query.tolerance, self.span
        ) - 2.0 * self.error * (1.0 + self.query.tolerance)


class _Spread:
    """Mean and spread of a measure, block by block (Chan, Golub and LeVeque 1983)."""

    def __init__(self) -> None:
        self.n, self.mean, self.squares = 0, 0.0, 0.0
        self.least, self.largest = np.inf, -np.inf

    def see(self, values: Floats) -> None:
        n, mean = len(values), float(values.mean())
        difference, total = mean - self.mean, self.n + n
        self.squares += float(((values - mean) ** 2).sum()) + difference**2 * self.n * n / total
        self.mean += difference * n / total
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

    Attributes
    ----------
    best_classes : ndarray
        In order: classes that are best by some measure, among all and among those that breed true.
        Also those that breed true and are near the ancestral best.
    classes : int
        Number of classes of the grid.
    behaviours : tuple of int
        Behaviours that were evaluated in the ancestral and in the modern world. A behaviour counts
        again if it was dropped from the cache.
    spread : dict
        Mean, standard deviation, minimum and maximum of each measure over the grid, in single
        precision; `error` bounds the error.
    """

    def __init__(
        self, genome: Genome, pair: WorldPair, *, near: float, progress: Progress | None = None
    ) -> None:
        self.genome, self.classes, self.spans = genome, genome.grid.size, spans_of(pair)
        searching = tuple(
            Scorer(world, pair, precision="single") for world in (pair.ancestral, pair.modern)
        )
        error = {m: searching[m.startswith("modern")].single_error for m in MEASURES}
        everything = [
            Query(m, near if m == "ancestral" else 0.0, breeding_true=True) for m in MEASURES
        ]
        if not genome.grid.all_breed_true:
            everything += [Query(m, 0.0, breeding_true=False) for m in MEASURES]
        candidates = [
            _Candidates(query, error[query.measure], self.spans[query.measure])
            for query in everything
        ]
        spread = {m: _Spread() for m in MEASURES}
        for first in range(0, self.classes, BLOCK):
            block = np.arange(first, min(first + BLOCK, self.classes), dtype=np.int64)
            fitness = evaluate_classes(genome, (searching[0], searching[1]), block, named=False)
            for measure in MEASURES:
                spread[measure].see(getattr(fitness, measure))
            true = genome.grid.breeds_true(block)
            for candidate in candidates:
                values = getattr(fitness, candidate.query.measure)
                candidate.see(
                    *(
                        (block[true], values[true])
                        if candidate.query.breeding_true
                        else (block, values)
                    )
                )
            if progress:
                progress(int(block[-1]) + 1, self.classes)
        self.behaviours = (searching[0].evaluated, searching[1].evaluated)
        self.spread = {m: spread[m].facts() | {"error": error[m]} for m in MEASURES}
        some = np.unique(np.concatenate([c.classes for c in candidates]))
        self.best_classes = some[
            self._exactly(
                some, everything, (Scorer(pair.ancestral, pair), Scorer(pair.modern, pair))
            )
        ]

    def facts(self) -> Mapping[str, object]:
        """Facts of the enumeration, for the record of a run."""
        return {
            "classes": self.classes,
            "kept": len(self.best_classes),
            "behaviours": list(self.behaviours),
            "measures": self.spread,
        }

    def _exactly(self, some: Ints, everything: list[Query], scorers: tuple[Scorer, Scorer]) -> Any:
        """`[n]`: whether candidates answer a query in double precision."""
        parts = [
            evaluate_classes(self.genome, scorers, some[i : i + BLOCK], named=False)
            for i in range(0, len(some), BLOCK)
        ]
        fitness = ClassFitness(
            *(
                np.concatenate([getattr(p, name) for p in parts])
                for name in ClassFitness.__dataclass_fields__
            )
        )
        true = self.genome.grid.breeds_true(some)
        stays = np.zeros(len(some), dtype=bool)
        for query in everything:
            values = getattr(fitness, query.measure)
            among = true if query.breeding_true else np.ones(len(some), dtype=bool)
            if among.any():
                best = float(values[among].max())
                stays |= among & (
                    values >= best - margin(best, query.tolerance, self.spans[query.measure])
                )
        return stays
