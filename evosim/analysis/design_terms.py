"""Orthonormal terms of the parameters of a design: straight, curved, and contrasts of choices.

The terms are orthonormal under the distribution from which the design draws its points, where
parameters are independent. For a range they are Legendre polynomials. The square of a term's
coefficient is then its variance, whatever correlations the drawn points have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evosim.analysis.resampling import Array

Places = dict[tuple[int, ...], list[int]]  # by parameter or pair, its columns of the model


@dataclass(frozen=True, eq=False)
class Column:
    """A parameter of points that fill a box, and from what distribution its positions were drawn.

    Attributes
    ----------
    position : Array
        `[points]` in a unit interval by its scale (linear or logarithm); of choices without an
        order, their number.
    ordered : bool
        Whether positions have an order.
    levels : Array or None
        `[levels]`, all positions that can be drawn; None for any position of the interval, each as
        likely as another. None also where positions repeat: then the drawn ones are taken for all,
        each as likely as another.
    weights : Array or None
        `[levels]`, how often each is drawn; None for all alike.
    """

    position: Array
    ordered: bool = True
    levels: Array | None = None
    weights: Array | None = None

    def support(self) -> tuple[Array, Array] | None:
        """Levels and their probabilities; None for the whole interval.

        Of choices without an order only those that were drawn.
        """
        positions = np.unique(self.position)
        if self.levels is None:
            if self.ordered and positions.size == self.position.size:
                return None
            return positions, np.full(positions.size, 1.0 / positions.size)
        levels = self.levels
        weights = np.ones(levels.size) if self.weights is None else self.weights
        if not self.ordered:
            levels, weights = levels[present := np.isin(levels, positions)], weights[present]
        return levels, weights / weights.sum()


def terms_of(column: Column) -> tuple[Array, Array, float]:
    """The straight term `[points, 1]`, the curved one `[points, 1]`, and what the straight one
    changes from end to end.

    They are orthonormal under the column's distribution, and empty where the points cannot show
    them. Of choices without an order the straight term is `[points, choices - 1]` contrasts, and
    the change is NaN.
    """
    u, distinct, support = column.position, np.unique(column.position).size, column.support()
    nothing = np.empty((u.size, 0))
    if distinct < 2:
        return nothing, nothing, float("nan")
    if support is None:
        # Legendre
        straight, curved = (
            np.sqrt(3.0) * (2.0 * u - 1.0),
            np.sqrt(5.0) * (6.0 * u**2 - 6.0 * u + 1.0),
        )
        return straight[:, None], curved[:, None] if distinct > 2 else nothing, 2.0 * np.sqrt(3.0)
    levels, weights = support
    root = np.sqrt(weights)[:, None]
    if not column.ordered:
        contrasts = (
            np.linalg.qr(
                root * np.column_stack([np.ones(levels.size), np.eye(levels.size)[:, 1:]])
            )[0][:, 1:]
            / root
        )
        return contrasts[np.searchsorted(levels, u)], nothing, float("nan")
    # Powers of positions, made orthonormal over the levels; the points are then read off the same
    # polynomials.
    degree = min(2, distinct - 1, levels.size - 1)
    r = np.linalg.qr(root * np.vander(levels, degree + 1, increasing=True))[1]
    r *= np.sign(np.diag(r))[:, None]
    coefficients = np.linalg.solve(r.T, np.vander(u, degree + 1, increasing=True).T).T
    return coefficients[:, 1:2], coefficients[:, 2:], float(1.0 / r[1, 1])


def places_of(
    straight: Sequence[Array], curved: Sequence[Array], products: dict[tuple[int, ...], Array]
) -> Places:
    """Which columns of the model belong to a parameter or pair, its straight one first."""
    places: Places = {}
    at = 0
    for key, block in [
        *(((i,), b) for i, b in enumerate(straight)),
        *(((i,), b) for i, b in enumerate(curved)),
        *products.items(),
    ]:
        places.setdefault(key, []).extend(range(at, at + block.shape[1]))
        at += block.shape[1]
    return places
