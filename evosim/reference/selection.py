"""What selection hears of worlds of several cases: the mean over them, the worst one or the worst
births, of all or of a sample.

A sample is drawn with replacement by the cases' shares, by addressed random numbers: it depends on
seed and generation alone.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from evosim import rng
from evosim.config.schema import SelectionChoice

Floats = NDArray[np.float64]


def case_weights(choice: SelectionChoice, shares: Floats, seed: int, generation: int) -> Floats:
    """`[C]`: what each case counts in a generation: its share, or its share of the sample."""
    if not choice.sample:
        return shares
    where = (np.arange(choice.sample), 0, generation if choice.fresh else 0, rng.CASES)
    words = rng.philox(where, rng.key_of(seed))
    ends = np.cumsum(shares)
    drawn = np.searchsorted(ends, rng.uniform(words[0], words[1]) * ends[-1], side="right")
    return (
        np.bincount(np.minimum(drawn, np.flatnonzero(shares)[-1]), minlength=len(shares))
        / choice.sample
    )


def selection_fitness(choice: SelectionChoice, cases: Floats, weights: Floats) -> Floats:
    """`[n]`: the fitness that selection hears, of fitness by case `[n, C]`; a case of weight 0 is
    not seen.
    """
    seen = weights > 0.0
    values, w = cases[:, seen], weights[seen]
    if choice.over == "worst":
        return np.asarray(values.min(axis=1))
    if choice.over == "mean":
        return np.asarray((values * w).sum(axis=1))
    order = np.argsort(values, axis=1, kind="stable")
    values, w = np.take_along_axis(values, order, axis=1), w[order]
    before = np.cumsum(w, axis=1) - w
    taken = np.clip(choice.tail * weights.sum() - before, 0.0, w)
    return np.asarray((values * taken).sum(axis=1) / taken.sum(axis=1))


MEASURES = ("ancestral", "ancestral_intent", "modern", "modern_intent")
EXACT_TIE = 1e-12  # of the size of what was summed: fitness within this is equal
TRUE_BREEDERS_WITHIN = 0.01  # what counts as near the best class that breeds true


class Ends(Protocol):
    """What a world lets a lifetime amount be; see `evosim.reference.dynamic_programming.Span`."""

    @property
    def worst(self) -> float:
        """Of the worst policy."""
        ...

    @property
    def size(self) -> float:
        """The largest sum of absolute amounts: rounding is in proportion to it."""
        ...


def margin(best: float, tolerance: float, ends: Ends) -> float:
    """How far below the best class a near tie may be.

    Parameters
    ----------
    best
        Fitness of the best class.
    tolerance
        Share of the distance between the worst policy and the best class; 0 means equal to
        rounding. The best class lies below the worst policy where upkeep takes more than good acts
        bring.
    ends
        The span of that measure in that world. So a constant added to payoff makes no class nearer.

    Returns
    -------
    float
        The distance, in the unit of fitness.
    """
    return max(tolerance * abs(best - ends.worst), EXACT_TIE * ends.size)
