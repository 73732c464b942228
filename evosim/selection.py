"""What selection hears of worlds of several cases: the mean over them, the worst one or the worst births, of all or of a sample.

A sample is drawn with replacement by the cases' shares, by addressed random numbers: it depends on seed and generation alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evosim import streams
from evosim.params import SelectionChoice

Floats = NDArray[np.float64]


def weights_of(choice: SelectionChoice, shares: Floats, seed: int, generation: int) -> Floats:
    """`[C]`: what each case counts in a generation: its share, or its share of the sample."""
    if not choice.sample:
        return shares
    where = (np.arange(choice.sample), 0, generation if choice.fresh else 0, streams.CASES)
    words = streams.philox(where, streams.key_of(seed))
    ends = np.cumsum(shares)
    drawn = np.searchsorted(ends, streams.uniform(words[0], words[1]) * ends[-1], side="right")
    return np.bincount(np.minimum(drawn, np.flatnonzero(shares)[-1]), minlength=len(shares)) / choice.sample


def selected(choice: SelectionChoice, cases: Floats, weights: Floats) -> Floats:
    """`[n]`: the fitness that selection hears, of fitness by case `[n, C]`; a case of weight 0 is not seen."""
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
