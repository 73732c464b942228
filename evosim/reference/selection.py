"""Selection fitness over start cases: mean, worst case or CVaR, of all cases or a sample.

A sample is drawn with replacement by the cases' shares, with addressed random numbers. It depends
only on seed and generation.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from evosim import rng
from evosim.config.schema import SelectionChoice

Floats = NDArray[np.float64]


def case_weights(choice: SelectionChoice, shares: Floats, seed: int, generation: int) -> Floats:
    """Weight of each case in a generation.

    Parameters
    ----------
    choice : SelectionChoice
        The table `selection` of the experiment.
    shares : numpy.ndarray
        `[C]` probability of birth in each case.
    seed, generation : int
        Address of the random numbers of a sample.

    Returns
    -------
    numpy.ndarray
        `[C]` shares, or shares of the sample if `choice.sample` is not 0.
    """
    if not choice.sample:
        return shares
    counter = (np.arange(choice.sample), 0, generation if choice.fresh else 0, rng.CASES)
    words = rng.philox(counter, rng.key_of(seed))
    ends = np.cumsum(shares)
    cases = np.searchsorted(ends, rng.uniform(words[0], words[1]) * ends[-1], side="right")
    return (
        np.bincount(np.minimum(cases, np.flatnonzero(shares)[-1]), minlength=len(shares))
        / choice.sample
    )


def selection_fitness(choice: SelectionChoice, cases: Floats, weights: Floats) -> Floats:
    """Fitness that selection uses.

    Parameters
    ----------
    choice : SelectionChoice
        The table `selection` of the experiment: `mean`, `worst`, or the mean of a lower tail.
    cases : numpy.ndarray
        `[n, C]` fitness in each case.
    weights : numpy.ndarray
        `[C]` weight of each case. Cases of weight 0 are ignored.

    Returns
    -------
    numpy.ndarray
        `[n]` fitness.
    """
    included = weights > 0.0
    values, w = cases[:, included], weights[included]
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
EXACT_TIE = 1e-12  # relative to the size of the sum: fitness within this is equal


class Ends(Protocol):
    """Range of a lifetime amount in a world; see `evosim.reference.dynamic_programming.Span`."""

    @property
    def worst(self) -> float:
        """Lifetime amount of the worst policy."""
        ...

    @property
    def size(self) -> float:
        """The largest sum of absolute amounts; rounding errors are proportional to it."""
        ...


def margin(best: float, tolerance: float, ends: Ends) -> float:
    """Largest distance of a near tie from the best class.

    Parameters
    ----------
    best : float
        Fitness of the best class. It lies below the worst policy if upkeep exceeds the gain of
        good acts.
    tolerance : float
        Share of the distance between the worst policy and the best class; 0: equal up to rounding.
    ends : Ends
        The span of the measure in the world. So a constant added to payoff changes no tie.

    Returns
    -------
    float
        The distance, in the unit of fitness.
    """
    return max(tolerance * abs(best - ends.worst), EXACT_TIE * ends.size)
