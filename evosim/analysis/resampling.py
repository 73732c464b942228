"""Means over seeds with their intervals, for quantities of sweeps.

The last axis of `values` is always the seeds. One seed brings the numbers of all cells with it. So
a quantity that is computed seed by seed is paired (common random numbers).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evosim.analysis.intervals import FEWEST, ROUNDING, Ends, alike, intervals

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Resampling:
    """How intervals are made.

    Attributes
    ----------
    resamples : int
        Of seeds.
    confidence : float
        Nominal.
    """

    resamples: int = 2000
    confidence: float = 0.95

    def means_and_ends(
        self, values: Array, within: Ends | None = None, *, exact: bool = False
    ) -> tuple[Array, Array, Array]:
        """Means over seeds and the ends of their intervals.

        Parameters
        ----------
        values
            `[..., seeds]`.
        within
            The range of a seed's number, if it is known (`evosim.analysis.intervals`).
        exact
            Whether no seed can change the quantity: it belongs to worlds and an enumerated grid.

        Returns
        -------
        Three arrays `[...]`. Ends are NaN where there are too few seeds, or where all seeds agree
        and no range is known. They are equal to the mean only where the quantity is exact.
        """
        mean = values.mean(axis=-1)
        low, high = intervals(values, self.resamples, self.confidence, within)
        if exact and values.shape[-1] >= FEWEST:
            same = alike(values)
            low, high = np.where(same, mean, low), np.where(same, mean, high)
        return mean, low, high


def finite(values: Array) -> Array:
    """The same values. Raises `ValueError` if one of them is not finite."""
    if not np.isfinite(values).all():
        raise ValueError(
            "values must be finite, but some are infinite or missing. Leave out the seeds or points"
            " that have them."
        )
    return values


def settled(differences: Array, values: Array) -> Array:
    """Differences of numbers, with 0 for those that are mere rounding of them."""
    out: Array = np.where(np.abs(differences) <= ROUNDING * np.abs(values).max(), 0.0, differences)
    return out
