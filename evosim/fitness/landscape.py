"""Fitness of the classes of a grid in both worlds, computed once and shared by replicates.

A grid of up to `analysis.max_classes` is stored whole. A larger one, up to
`analysis.max_enumerated`, is enumerated in blocks. `evosim.fitness.streaming` finds its best
classes exactly, with all near ties, in bounded memory. For larger grids coordinate ascent from
random starts searches the best classes. In the last two cases fitness is computed on request, and a
bounded number of classes is cached. The fitness of a class is always the same, bit by bit.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim import rng
from evosim.config.resolve import Problem
from evosim.errors import UserError
from evosim.fitness.class_fitness import BLOCK, ClassFitness, Floats, evaluate_classes
from evosim.fitness.scorer import Scorer
from evosim.fitness.streaming import Survey
from evosim.genomes import Genome
from evosim.genomes.loci import Ints
from evosim.reference.dynamic_programming import Span, spans_of
from evosim.reference.selection import MEASURES, margin

POLISHED = 5
# cached classes of a grid that is not stored whole: about 600 MB; then the older half is dropped
MOST_CACHED = 4_000_000


class Landscape:
    """Fitness of classes. Replicates of one problem share one landscape.

    Parameters
    ----------
    setting : Problem
        The experiment with its worlds and genome.
    max_classes, max_enumerated : int, optional
        Instead of those of the experiment.
    progress : Callable, optional
        Receives the number of genomes that are scored, and of all; it may raise.
    known : ClassFitness, optional
        Fitness of the whole grid, `stored` by another process. The grid is not enumerated then.

    Raises
    ------
    UserError
        If selection depends on cases and the grid is too large to be stored.
    """

    def __init__(
        self,
        setting: Problem,
        *,
        max_classes: int | None = None,
        max_enumerated: int | None = None,
        progress: Callable[[int, int], None] | None = None,
        known: ClassFitness | None = None,
    ) -> None:
        self.genome: Genome = setting.genome
        self.pair = setting.pair
        by_case = not setting.experiment.selection.plain
        self.scorers = (
            Scorer(setting.pair.ancestral, setting.pair, cases=by_case),
            Scorer(setting.pair.modern, setting.pair),
        )
        analysis = setting.experiment.analysis
        size = self.genome.grid.size
        self.whole = size <= (analysis.max_classes if max_classes is None else max_classes)
        self.exact = self.whole or size <= (
            analysis.max_enumerated if max_enumerated is None else max_enumerated
        )
        if by_case and not self.whole:
            raise UserError(
                f"the grid has {size:,} classes, but selection over cases allows at most"
                f" {analysis.max_classes:,} (analysis.max_classes). Raise that number, or use fewer"
                " alleles."
            )
        self.survey: Survey | None = None
        self._case_names = setting.pair.ancestral.case_names if by_case else ()
        self._position: dict[int, int] = {}
        self._observed: set[int] = set()
        self._table = _empty(len(setting.pair.ancestral.case_starts()) if by_case else 0)
        if self.whole and known is not None:
            self._table = known
        elif self.whole:
            self._table = self._enumerate(np.arange(size, dtype=np.int64), progress)
        elif self.exact:
            self.survey = Survey(self.genome, self.pair, near=_nearness(setting), progress=progress)
            self.reset_record()

    def reset_record(self) -> None:
        """Reset the observed classes for a new run; cached fitness is kept."""
        self._observed = set(self.survey.best_classes.tolist()) if self.survey else set()

    @cached_property
    def spans(self) -> dict[str, Span]:
        """Range of lifetime amounts over all policies, by measure."""
        return spans_of(self.pair)

    @property
    def stored(self) -> ClassFitness | None:
        """Fitness of all classes by id, if the grid is stored whole."""
        return self._table if self.whole else None

    @property
    def cached_classes(self) -> int:
        """Number of classes whose fitness is stored."""
        return len(self._table.ancestral)

    def fitness(self, classes: Ints, *, observed: bool = True) -> ClassFitness:
        """Fitness of classes; each class is evaluated once while it is cached.

        Parameters
        ----------
        classes : ndarray
            `[n]` class ids.
        observed : bool
            Whether the classes lived in the run, and belong in its record.
        """
        index = classes if self.whole else self._index(classes)
        if observed and not self.whole:
            self._observed.update(classes.tolist())
        t = self._table
        return ClassFitness(
            *(getattr(t, name)[index] for name in ClassFitness.__dataclass_fields__)
        )

    @contextmanager
    def recording_observed(self) -> Iterator[set[int]]:
        """Context manager that gives the classes observed in its block.

        They are not recorded if the grid is stored whole.
        """
        before, self._observed = self._observed, set()
        try:
            yield self._observed
        finally:
            self._observed |= before

    def record_observed(self, classes: Ints) -> None:
        """Add classes that were observed before."""
        self._observed.update(classes.tolist())

    def observe_best(self, seed: int, restarts: int) -> None:
        """Find the best classes by all measures, so that they belong in the record.

        The best that breed true, and the best of all classes. A grid that is enumerated has them.
        """
        for measure in () if self.exact else MEASURES:
            self.best(measure, seed, restarts)
            if not self.genome.grid.all_breed_true:
                self.best(measure, seed, restarts, breeding_true=False)

    def best(self, measure: str, seed: int, restarts: int, *, breeding_true: bool = True) -> Ints:
        """Classes that tie for best by a measure, to 1e-12 relative.

        Parameters
        ----------
        measure : str
            One of `MEASURES`.
        seed, restarts : int
            Of the coordinate ascent, for grids that are not enumerated.
        breeding_true : bool
            Whether only classes that breed true count.
        """
        if self.whole:
            among = np.arange(self.genome.grid.size, dtype=np.int64)
        elif self.survey:
            among = self.survey.best_classes
        else:
            among = self.ascend(measure, seed, restarts, breeding_true=breeding_true)
        if breeding_true:
            among = among[self.genome.grid.breeds_true(among)]
        value = getattr(self.fitness(among), measure)
        return among[value >= value.max() - margin(float(value.max()), 0.0, self.spans[measure])]

    def ascend(self, measure: str, seed: int, restarts: int, *, breeding_true: bool = True) -> Ints:
        """The ends of coordinate ascents from random starts.

        An ascent takes the best class of one locus at a time until none is better. The best few
        ends are then improved in two loci at a time. With `breeding_true`, starts and steps are
        classes that breed true.
        """
        grid = self.genome.grid
        choices = (
            grid.homozygous_digits
            if breeding_true
            else tuple(np.arange(count) for count in grid.counts)
        )
        counts = np.array([len(some) for some in choices])
        words = rng.philox(
            (
                np.arange(restarts)[:, None],
                np.arange(len(counts))[None, :],
                MEASURES.index(measure),
                rng.RESTARTS,
            ),
            rng.key_of(seed),
        )
        places = np.minimum((rng.uniform(*words[:2]) * counts).astype(np.int64), counts - 1)
        digits = np.stack([some[places[:, i]] for i, some in enumerate(choices)], axis=1)
        variable = [locus for locus, count in enumerate(counts) if count > 1]
        digits, value = self._climb(digits, [(locus,) for locus in variable], choices, measure)
        _, first = np.unique(grid.from_digits(digits), return_index=True)
        few = first[np.argsort(-value[first], kind="stable")][:POLISHED]
        digits, _ = self._climb(
            digits[few], list(itertools.combinations(variable, 2)) or [()], choices, measure
        )
        return np.unique(grid.from_digits(digits))

    def _climb(
        self, digits: Ints, moves: list[tuple[int, ...]], allowed: tuple[Ints, ...], measure: str
    ) -> tuple[Ints, Floats]:
        """Repeat each move's best joint change of loci until no move improves a start `[n, L]`.

        `allowed` has the classes of each locus that may be taken.
        """
        grid = self.genome.grid
        value = getattr(self.fitness(grid.from_digits(digits)), measure)
        improving = True
        while improving:
            before = value.copy()
            for move in moves:
                choices = np.array(
                    list(itertools.product(*(allowed[locus] for locus in move))), dtype=np.int64
                )
                options = np.repeat(digits[:, None, :], len(choices), axis=1)
                options[:, :, list(move)] = choices
                options_fitness = getattr(
                    self.fitness(grid.from_digits(options).ravel()), measure
                ).reshape(len(digits), -1)
                # ties keep the current class
                better = options_fitness.max(axis=1) > value
                digits = np.where(
                    better[:, None],
                    options[np.arange(len(digits)), options_fitness.argmax(axis=1)],
                    digits,
                )
                value = np.where(better, options_fitness.max(axis=1), value)
            improving = bool((value > before).any())
        return digits, value

    def frame(self, classes: Ints | None = None) -> pl.DataFrame:
        """A table of classes: expressed values, fitness and names of behaviours.

        Parameters
        ----------
        classes : ndarray, optional
            By default all classes of a grid that is stored whole, else the best and the observed
            ones.
        """
        if classes is None:
            classes = (
                np.arange(self.genome.grid.size, dtype=np.int64)
                if self.whole
                else np.array(sorted(self._observed))
            )
        fitness = self.fitness(classes)
        values = self.genome.grid.values(classes)
        columns: dict[str, NDArray[np.generic]] = {"class": classes}
        columns |= {
            f"locus:{locus.name}": values[:, i] for i, locus in enumerate(self.genome.grid.loci)
        }
        columns |= {
            "ancestral": fitness.ancestral,
            "ancestral_intent": fitness.ancestral_intent,
            "modern": fitness.modern,
            "modern_intent": fitness.modern_intent,
            "ancestral_policy": fitness.ancestral_policy,
            "modern_policy": fitness.modern_policy,
            "breeds_true": self.genome.grid.breeds_true(classes),
        }
        columns |= {f"case:{name}": fitness.cases[:, i] for i, name in enumerate(self._case_names)}
        return pl.DataFrame(columns)

    def _enumerate(
        self, classes: Ints, progress: Callable[[int, int], None] | None = None
    ) -> ClassFitness:
        """Evaluate many classes, a block at a time."""
        parts = []
        for first in range(0, len(classes), BLOCK):
            parts.append(
                evaluate_classes(self.genome, self.scorers, classes[first : first + BLOCK])
            )
            if progress:
                progress(min(first + BLOCK, len(classes)), len(classes))
        if len(parts) == 1:
            return parts[0]
        return ClassFitness(
            *(
                np.concatenate([getattr(part, item.name) for part in parts])
                for item in fields(ClassFitness)
            )
        )

    def _index(self, classes: Ints) -> Ints:
        distinct, inverse = np.unique(classes, return_inverse=True)
        fresh = np.array([c for c in distinct.tolist() if c not in self._position], dtype=np.int64)
        if fresh.size:
            if len(self._table.ancestral) + fresh.size > MOST_CACHED:
                self._drop_older_half(distinct)
            # Positions last: after an interrupt no position may lack its fitness.
            more, t = self._enumerate(fresh), self._table
            size = len(t.ancestral)
            self._table = ClassFitness(
                *(
                    np.concatenate([getattr(t, name), getattr(more, name)])
                    for name in ClassFitness.__dataclass_fields__
                )
            )
            self._position.update(zip(fresh.tolist(), range(size, size + fresh.size), strict=True))
        return np.array([self._position[c] for c in distinct.tolist()], dtype=np.int64)[inverse]

    def _drop_older_half(self, requested: Ints) -> None:
        """Drop the older half of the cached fitness, except requested classes.

        A dropped class is evaluated again on request, with the same bits.
        """
        known = np.array(list(self._position), dtype=np.int64)  # oldest first
        keep = np.isin(known, requested)
        keep[len(known) // 2 :] = True
        places = np.array(list(self._position.values()), dtype=np.int64)[keep]
        # first: after an interrupt no position may point into the old table
        self._position = {}
        self._table = ClassFitness(
            *(getattr(self._table, name)[places] for name in ClassFitness.__dataclass_fields__)
        )
        self._position = dict(zip(known[keep].tolist(), range(len(places)), strict=True))


def _nearness(setting: Problem) -> float:
    """The largest tolerance of near ties in an account, as a share of the span."""
    size = setting.experiment.optimizer.get("population")
    return max(
        [0.0, *setting.experiment.analysis.near_ties, *([1.0 / (2.0 * size)] if size else [])]
    )


def _empty(cases: int) -> ClassFitness:
    nothing, none = np.empty(0), np.empty(0, dtype=np.int64)
    return ClassFitness(nothing, nothing, nothing, nothing, none, none, np.empty((0, cases)))
