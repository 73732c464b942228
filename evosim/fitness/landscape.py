"""Fitness of every class of a grid in both worlds, enumerated once and shared.

A grid of up to `analysis.max_classes` is kept whole. A larger one, up to `analysis.max_enumerated`,
goes by in blocks: `evosim.fitness.streaming` finds its best classes exactly, with all near ties, in
bounded memory. Where a grid is too large for that, the best genomes are the best found by
coordinate ascent from random starts. In the last two cases fitness is evaluated as it is asked for,
and a bounded part of it is remembered. All ways give the same run: a class has one worth, bit by
bit.
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
from evosim.fitness.class_fitness import BLOCK, Floats, Worth, worth_of
from evosim.fitness.scorer import Scorer
from evosim.fitness.streaming import Survey
from evosim.genomes import Genome
from evosim.genomes.loci import Ints
from evosim.reference.dynamic_programming import Span, spans_of
from evosim.reference.selection import MEASURES, margin

POLISHED = 5
# classes of a grid that is not kept whole: some 600 MB; the older half of more is forgotten
MOST_REMEMBERED = 4_000_000


class Landscape:
    """Worth of classes, remembered. Replicates of one setting share one landscape."""

    def __init__(
        self,
        setting: Problem,
        *,
        max_classes: int | None = None,
        max_enumerated: int | None = None,
        progress: Callable[[int, int], None] | None = None,
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
                f"a grid must have at most {analysis.max_classes:,} classes (analysis.max_classes)"
                f" for selection that is not over all lives, but has {size:,}. Raise that, or"
                " coarsen the alleles."
            )
        self.survey: Survey | None = None
        self._case_names = setting.pair.ancestral.case_names if by_case else ()
        self._position: dict[int, int] = {}
        self._lived: set[int] = set()
        self._table = _empty(len(setting.pair.ancestral.case_starts()) if by_case else 0)
        if self.whole:
            self._table = self._enumerate(np.arange(size, dtype=np.int64), progress)
        elif self.exact:
            self.survey = Survey(self.genome, self.pair, near=_nearness(setting), progress=progress)
            self.afresh()

    def afresh(self) -> None:
        """Forget who lived, so that the record is the next run's own.

        What classes are worth stays known.
        """
        self._lived = set(self.survey.kept.tolist()) if self.survey else set()

    @cached_property
    def spans(self) -> dict[str, Span]:
        """How much the choice of a policy matters, by measure."""
        return spans_of(self.pair)

    @property
    def remembered(self) -> int:
        """How many classes' worth is known."""
        return len(self._table.ancestral)

    def worth(self, classes: Ints, *, lived: bool = True) -> Worth:
        """Worth of classes `[n]`; each is evaluated once.

        What never `lived` (the search ledger's) is not in the record.
        """
        index = classes if self.whole else self._index(classes)
        if lived and not self.whole:
            self._lived.update(classes.tolist())
        t = self._table
        return Worth(*(getattr(t, name)[index] for name in Worth.__dataclass_fields__))

    @contextmanager
    def noting(self) -> Iterator[set[int]]:
        """The classes that live in this block, where that is noted; a grid that is kept whole is
        recorded whole.
        """
        before, self._lived = self._lived, set()
        try:
            yield self._lived
        finally:
            self._lived |= before

    def note(self, classes: Ints) -> None:
        """These lived before now."""
        self._lived.update(classes.tolist())

    def best(self, measure: str, seed: int, restarts: int) -> Ints:
        """Classes that tie (to 1e-12 relative) for best by one of `MEASURES`; best found if not
        enumerated.
        """
        if self.whole:
            among, value = (
                np.arange(self.genome.grid.size, dtype=np.int64),
                getattr(self._table, measure),
            )
        else:
            among = self.survey.kept if self.survey else self.ascend(measure, seed, restarts)
            value = getattr(self.worth(among), measure)
        return among[value >= value.max() - margin(float(value.max()), 0.0, self.spans[measure])]

    def ascend(self, measure: str, seed: int, restarts: int) -> Ints:
        """Where ascent ends: from each random start, the best class of one locus at a time until
        none helps.

        The best few ends are then improved by the best of two loci at a time until none helps.
        """
        grid = self.genome.grid
        counts = np.array(grid.counts)
        words = rng.philox(
            (
                np.arange(restarts)[:, None],
                np.arange(len(counts))[None, :],
                MEASURES.index(measure),
                rng.RESTARTS,
            ),
            rng.key_of(seed),
        )
        digits = np.minimum((rng.uniform(*words[:2]) * counts).astype(np.int64), counts - 1)
        variable = [locus for locus, count in enumerate(counts) if count > 1]
        digits, value = self._climb(digits, [(locus,) for locus in variable], measure)
        _, first = np.unique(grid.from_digits(digits), return_index=True)
        few = first[np.argsort(-value[first], kind="stable")][:POLISHED]
        digits, _ = self._climb(
            digits[few], list(itertools.combinations(variable, 2)) or [()], measure
        )
        return np.unique(grid.from_digits(digits))

    def _climb(
        self, digits: Ints, moves: list[tuple[int, ...]], measure: str
    ) -> tuple[Ints, Floats]:
        """Repeat the best joint change of each move's loci until no move helps any of the starts
        `[n, L]`.
        """
        grid = self.genome.grid
        value = getattr(self.worth(grid.from_digits(digits)), measure)
        improving = True
        while improving:
            before = value.copy()
            for move in moves:
                choices = np.array(
                    list(itertools.product(*(range(grid.counts[locus]) for locus in move))),
                    dtype=np.int64,
                )
                options = np.repeat(digits[:, None, :], len(choices), axis=1)
                options[:, :, list(move)] = choices
                worth = getattr(self.worth(grid.from_digits(options).ravel()), measure).reshape(
                    len(digits), -1
                )
                # What is there now keeps its place unless another is truly better.
                better = worth.max(axis=1) > value
                digits = np.where(
                    better[:, None], options[np.arange(len(digits)), worth.argmax(axis=1)], digits
                )
                value = np.where(better, worth.max(axis=1), value)
            improving = bool((value > before).any())
        return digits, value

    def frame(self, classes: Ints | None = None) -> pl.DataFrame:
        """Classes with expressed values and worth: those given, or all of a grid that is kept
        whole, or all that are best or lived.
        """
        if classes is None:
            classes = (
                np.arange(self.genome.grid.size, dtype=np.int64)
                if self.whole
                else np.array(sorted(self._lived))
            )
        worth = self.worth(classes)
        values = self.genome.grid.values(classes)
        columns: dict[str, NDArray[np.generic]] = {"class": classes}
        columns |= {
            f"locus:{locus.name}": values[:, i] for i, locus in enumerate(self.genome.grid.loci)
        }
        columns |= {
            "ancestral": worth.ancestral,
            "ancestral_intent": worth.ancestral_intent,
            "modern": worth.modern,
            "modern_intent": worth.modern_intent,
            "ancestral_policy": worth.ancestral_policy,
            "modern_policy": worth.modern_policy,
            "breeds_true": self.genome.grid.breeds_true(classes),
        }
        columns |= {f"case:{name}": worth.cases[:, i] for i, name in enumerate(self._case_names)}
        return pl.DataFrame(columns)

    def _enumerate(
        self, classes: Ints, progress: Callable[[int, int], None] | None = None
    ) -> Worth:
        """Worth of many classes, a block at a time."""
        parts = []
        for first in range(0, len(classes), BLOCK):
            parts.append(worth_of(self.genome, self.scorers, classes[first : first + BLOCK]))
            if progress:
                progress(min(first + BLOCK, len(classes)), len(classes))
        if len(parts) == 1:
            return parts[0]
        return Worth(
            *(
                np.concatenate([getattr(part, item.name) for part in parts])
                for item in fields(Worth)
            )
        )

    def _index(self, classes: Ints) -> Ints:
        distinct, inverse = np.unique(classes, return_inverse=True)
        fresh = np.array([c for c in distinct.tolist() if c not in self._position], dtype=np.int64)
        if fresh.size:
            if len(self._table.ancestral) + fresh.size > MOST_REMEMBERED:
                self._forget(distinct)
            # Positions last: an interrupt must not leave classes that seem known and are not.
            more, t = self._enumerate(fresh), self._table
            size = len(t.ancestral)
            self._table = Worth(
                *(
                    np.concatenate([getattr(t, name), getattr(more, name)])
                    for name in Worth.__dataclass_fields__
                )
            )
            self._position.update(zip(fresh.tolist(), range(size, size + fresh.size), strict=True))
        return np.array([self._position[c] for c in distinct.tolist()], dtype=np.int64)[inverse]

    def _forget(self, asked: Ints) -> None:
        """Forget the older half of what classes are worth, but for those asked for.

        Who asks again gets the same bits: they are evaluated again.
        """
        known = np.array(list(self._position), dtype=np.int64)  # in order of age, as they came
        keep = np.isin(known, asked)
        keep[len(known) // 2 :] = True
        places = np.array(list(self._position.values()), dtype=np.int64)[keep]
        # first: an interrupt here must not leave places in a table that is no more
        self._position = {}
        self._table = Worth(
            *(getattr(self._table, name)[places] for name in Worth.__dataclass_fields__)
        )
        self._position = dict(zip(known[keep].tolist(), range(len(places)), strict=True))


def _nearness(setting: Problem) -> float:
    """The widest tolerance (a share of the span) within which an account lists near ties."""
    size = setting.experiment.optimizer.get("population")
    return max(
        [0.0, *setting.experiment.analysis.near_ties, *([1.0 / (2.0 * size)] if size else [])]
    )


def _empty(cases: int) -> Worth:
    nothing, none = np.empty(0), np.empty(0, dtype=np.int64)
    return Worth(nothing, nothing, nothing, nothing, none, none, np.empty((0, cases)))
