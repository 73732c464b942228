"""Tessellating Hills: a slope, and small hills next to it that can catch gradient descent.

Purpose. A combination of hills (a "demon") can take over a local search. The further the search
goes along side directions, the steeper the hills there, and the more they steer the search.

This is not a pair of worlds but a landscape over real vectors `x` of length `1 + sides`, with loss

    L(x) = -x_0 + epsilon * sum_n x_n splotch_n(x),    n = 1 .. sides
    splotch_n(x) = sum_w a[n, w] sin(k[n, w] . x) + b[n, w] cos(k[n, w] . x)

Wave numbers `k [sides, waves, 1 + sides]` are whole numbers from `-largest .. largest`, all with
equal probability. Amplitudes `a`, `b` are standard normal. So every splotch repeats itself after
2 pi along each coordinate. Progress along `x_0` is intended. The loss has no minimum, so the search
stays within `|x_i| <= reach`.

Source: DaemonicSigil (2020), "Tessellating Hills: a toy model for demons in imperfect search",
which draws one landscape with another generator. Here each seed draws another landscape.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evosim.worlds.parameters import check_ranges, number

Floats = NDArray[np.float64]
MOST_SIDES, MOST_WAVES, MOST_NUMBER = 500, 100, 1000


@dataclass(frozen=True)
class TessellatingHills:
    """Parameters of the hills; the defaults are those of the source."""

    sides: int = number(
        16, "directions in addition to x_0", "enough for hills to combine", low=1, high=MOST_SIDES
    )
    waves: int = number(
        5, "waves a splotch", "splotches without a simple shape", low=1, high=MOST_WAVES
    )
    largest: int = number(
        2, "largest wave number", "smooth over a step of 0.2", low=0, high=MOST_NUMBER
    )
    epsilon: float = number(
        0.0025,
        "loss a unit of x_n and of splotch",
        "hills are small compared with the slope at the start",
        low=0.0,
    )
    reach: float = number(
        2000.0,
        "of each coordinate, either way",
        "twice the distance of 5000 steps of 0.2",
        low=1.0,
        high=1e6,
    )


@dataclass(frozen=True, eq=False)
class Hills:
    """One landscape.

    Attributes
    ----------
    epsilon : float
        Height of the hills.
    reach : float
        Largest absolute value of a coordinate.
    numbers : numpy.ndarray
        `[sides, waves, 1 + sides]` wave numbers, those of x_0 first.
    sines, cosines : numpy.ndarray
        `[sides, waves]` amplitudes.
    """

    epsilon: float
    reach: float
    numbers: Floats
    sines: Floats
    cosines: Floats

    @property
    def dimensions(self) -> int:
        """Length of a point."""
        return int(self.numbers.shape[2])

    def loss(self, points: Floats) -> Floats:
        """Loss `[n]` of points `[n, 1 + sides]`."""
        phases = self._phases(points)
        splotches = (self.sines * np.sin(phases) + self.cosines * np.cos(phases)).sum(axis=2)
        return np.asarray(-points[:, 0] + self.epsilon * (points[:, 1:] * splotches).sum(axis=1))

    def gradient(self, points: Floats) -> Floats:
        """Gradient `[n, 1 + sides]` of the loss."""
        phases = self._phases(points)
        sine, cosine = np.sin(phases), np.cos(phases)
        out = np.einsum(
            "bn,bnw,nwd->bd", points[:, 1:], self.sines * cosine - self.cosines * sine, self.numbers
        )
        out[:, 1:] += (self.sines * sine + self.cosines * cosine).sum(axis=2)
        out *= self.epsilon
        out[:, 0] -= 1.0
        return out

    def _phases(self, points: Floats) -> Floats:
        return np.asarray(np.einsum("nwd,bd->bnw", self.numbers, points))


def build(params: TessellatingHills, seed: int) -> Hills:
    """The landscape of a seed. Raises `InvalidWorld`."""
    check_ranges(params, "world.ancestral")
    rng: Any = np.random.default_rng(seed)
    shape = (params.sides, params.waves)
    numbers = rng.integers(
        -params.largest, params.largest, (*shape, 1 + params.sides), endpoint=True
    ).astype(np.float64)
    return Hills(
        params.epsilon,
        params.reach,
        numbers,
        rng.standard_normal(shape),
        rng.standard_normal(shape),
    )
