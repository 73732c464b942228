"""Total variation between the lives of a genome in two worlds, and what it bounds.

A life is `(s_0, a_0, ..., s_{T-1}, a_{T-1})`; a genome and a world give each life a chance. The
total variation `TV` is half the sum of absolute differences of these chances. With the return `R`
of a life (payoff summed over it, by the world it is lived in)

    |J_A - J_M| <= (largest R_M - smallest R_M) TV + E_A |R_A - R_M|

because `J_A - J_M = E_A[R_A - R_M] + (E_A - E_M)[R_M]`. `TV` is exact where lives can be
enumerated, else bracketed:

* from below by the largest total variation of state and act at one age. A part of a life
  cannot differ more than whole lives;
* from above by 1 minus the mass of the step coupling, `sum over lives of the product of min(chance
  in A, chance in M) of each step`. The reason is that the least of two products is at least the
  product of the leasts. A step is an act and the state it leads to.

`E_A |R_A - R_M|` is taken as the sum over ages of `E_A |r_A - r_M|`, which is no smaller.
Everything is gross of upkeep, which takes the same share in both worlds. Per step the reading "1%
buys 1%" is false: see `trap`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evosim.reference.dynamic_programming import Floats, level_at
from evosim.worlds import TabularMdp

Ints = NDArray[np.int64]
ROUNDING = 1e-9
RATIO_DIGITS = 11
MOST_PREFIXES = 20_000


class BoundBroken(ArithmeticError):
    """A bound that is a theorem does not hold: the program is wrong."""


@dataclass(frozen=True)
class Variation:
    """How differently a genome lives in two worlds, and what that allows.

    Attributes
    ----------
    least, most : float
        Bracket of the total variation of lives.
    exact : float or None
        The total variation; none where lives are too many to enumerate.
    range : float
        Largest minus smallest return of any life in either world, by modern payoff.
    payoff_change : float
        `E_A |r_A - r_M|` summed over ages.
    difference : float
        `|J_A - J_M|`, expected payoff of a life.
    """

    least: float
    most: float
    exact: float | None
    range: float
    payoff_change: float
    difference: float

    @property
    def bound(self) -> float:
        """The upper bound of `difference`."""
        return self.range * (self.most if self.exact is None else self.exact) + self.payoff_change

    @property
    def slack(self) -> float:
        """How far the difference stays below its bound."""
        return self.bound - self.difference

    def checked(self) -> Variation:
        """Itself. Raises `BoundBroken` if bracket or bound does not hold."""
        room = ROUNDING * max(1.0, self.bound)
        inside = self.exact is None or self.least - ROUNDING <= self.exact <= self.most + ROUNDING
        if not (inside and self.least <= self.most + ROUNDING and self.slack >= -room):
            raise BoundBroken(
                f"a total variation must bound the difference of two worlds, but there is {self}."
                " This is a fault of evosim: report it."
            )
        return self


def marginal(a: Floats, m: Floats) -> float:
    """The largest total variation of state and act at one age; of occupancies `[T, S, A]`."""
    return float(0.5 * np.abs(a - m).sum(axis=(1, 2)).max())


def coupled(a: TabularMdp, m: TabularMdp, pi_a: Floats, pi_m: Floats) -> float:
    """Mass of the step coupling of two policies `[L, S, A]`, each in its own world."""
    mass, kernels = np.minimum(a.start, m.start), {}
    for t in range(a.lifespan - 1):
        levels = _levels(t, a.lifespan, pi_a, pi_m)
        if levels not in kernels:
            steps = np.minimum(
                pi_a[levels[0]][:, :, None] * a.transitions,
                pi_m[levels[1]][:, :, None] * m.transitions,
            )
            kernels[levels] = steps.sum(axis=1)
        mass = mass @ kernels[levels]
    i, j = _levels(a.lifespan - 1, a.lifespan, pi_a, pi_m)
    return min(1.0, float(mass @ np.minimum(pi_a[i], pi_m[j]).sum(axis=1)))


def enumerated(
    a: TabularMdp, m: TabularMdp, pi_a: Floats, pi_m: Floats, most: int = MOST_PREFIXES
) -> float | None:
    """Exact total variation of lives; None if there are more than `most` different beginnings.

    Beginnings with the same last state and the same ratio of chances have the same future. They are
    counted together. A beginning that is impossible in one of the worlds counts in full.
    """
    state = np.flatnonzero((a.start > 0.0) | (m.start > 0.0))
    apart, p, q = 0.0, a.start[state], m.start[state]
    known = None  # most ages of a life share their levels, and so the chances of each step
    for t in range(a.lifespan):
        i, j = _levels(t, a.lifespan, pi_a, pi_m)
        parted = (p == 0.0) | (q == 0.0)
        apart += 0.5 * float((p[parted] + q[parted]).sum())
        state, p, q = _merged(state[~parted], p[~parted], q[~parted])
        if len(state) > most:
            return None
        if t == a.lifespan - 1:
            left = np.abs(p[:, None] * pi_a[i][state] - q[:, None] * pi_m[j][state])
            return apart + 0.5 * float(left.sum())
        if known != (i, j):
            known, ahead_a, ahead_m = (
                (i, j),
                pi_a[i][:, :, None] * a.transitions,
                pi_m[j][:, :, None] * m.transitions,
            )
            possible = (ahead_a > 0.0) | (ahead_m > 0.0)
        if possible.sum(axis=(1, 2))[state].sum() > 50 * most:
            return None
        at, act, x = np.nonzero(possible[state])
        here = state[at]
        p, q, state = p[at] * ahead_a[here, act, x], q[at] * ahead_m[here, act, x], x
    return None  # a life has at least one age


def _merged(state: Ints, p: Floats, q: Floats) -> tuple[Ints, Floats, Floats]:
    """Beginnings of one state and one ratio of chances (to `RATIO_DIGITS`) counted together."""
    ratio = np.round(np.log(p) - np.log(q), RATIO_DIGITS) + 0.0
    kinds, group = np.unique(
        np.stack([state.astype(np.float64), ratio]), axis=1, return_inverse=True
    )
    n = kinds.shape[1]
    mass_p, mass_q = (np.bincount(group.ravel(), x, n).astype(np.float64) for x in (p, q))
    return kinds[0].astype(np.int64), mass_p, mass_q


def _levels(age: int, lifespan: int, pi_a: Floats, pi_m: Floats) -> tuple[int, int]:
    return level_at(age, lifespan, len(pi_a)), level_at(age, lifespan, len(pi_m))


def returns(world: TabularMdp, amount: Floats) -> tuple[float, float]:
    """Smallest and largest sum of `amount` `[S, A]` over any possible life in a world."""
    s, act = np.nonzero(world.available)
    row, x = np.nonzero(world.transitions[s, act] > 0.0)
    rows, states = (
        np.searchsorted(row, np.arange(len(s))),
        np.searchsorted(s, np.arange(len(world.states))),
    )
    gain, born = amount[s, act], world.start > 0.0
    ends = []
    for choose in (np.minimum, np.maximum):
        value = np.zeros(len(world.states))
        for _ in range(world.lifespan):
            value = choose.reduceat(gain + choose.reduceat(value[x], rows), states)
        ends.append(float(choose.reduce(value[born])))
    return ends[0], ends[1]


def range_of(a: TabularMdp, m: TabularMdp) -> float:
    """Largest minus smallest return, by modern payoff, of lives that either world allows."""
    ends = [returns(a, np.where(a.available, m.payoff, 0.0)), returns(m, m.payoff)]
    return max(high for _, high in ends) - min(low for low, _ in ends)


def variation(
    a: TabularMdp,
    m: TabularMdp,
    policies: tuple[Floats, Floats],
    occupancies: tuple[Floats, Floats],
    *,
    span: float,
    most: int = MOST_PREFIXES,
) -> Variation:
    """The variation of one genome, of its policies and occupancies in both worlds; `span` is
    `range_of` the worlds. Not `checked`.

    Lives are enumerated only up to `most` different beginnings (0: not tried).
    """
    x, y = occupancies
    return Variation(
        least=marginal(x, y),
        most=max(0.0, 1.0 - coupled(a, m, *policies)),
        exact=enumerated(a, m, *policies, most) if most else None,
        range=span,
        payoff_change=float((x * np.abs(a.payoff - m.payoff)).sum()),
        difference=abs(float((x * a.payoff).sum() - (y * m.payoff).sum())),
    )


def trap(steps: int, chance: float) -> float:
    """Largest loss over `steps` steps that pay 1 each, if worlds differ by `chance` per step.

    In one world all is well for ever. In the other each step leads with `chance` into a trap in
    which nothing is earned. The total variation of lives is `1 - (1 - chance)^(steps - 1)`, not
    `chance`: `sum_{t < steps} 1 - (1 - chance)^t` is lost.
    """
    return float((1.0 - (1.0 - chance) ** np.arange(steps)).sum())
