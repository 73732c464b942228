"""Planning and exact values in plain NumPy: the readable twin of the kernels, the oracle of tests
and of analysis.

A policy is an array `[L, S, A]` of act probabilities. Level `l` is used when `min(L, T - t) - 1 =
l`: it is indexed by how much of life remains, counted up to `L`. A planner's level `l` is what it
does when it looks `l + 1` steps ahead; a reflex has one level; the optimal policy has `T`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evosim.worlds import TabularMdp, WorldPair

Floats = NDArray[np.float64]

TIE_RULES = ("split", "first", "last")
ROUNDING = 1e-12  # of the size of what was summed: differences below this are rounding noise


def plan(
    world: TabularMdp,
    weights: Floats,
    horizon: int,
    *,
    levels: int | None = None,
    belief: str = "true",
    temperature: float = 0.0,
    discount: float = 1.0,
    tie_tolerance: float = 1e-5,
    ties: str = "split",
) -> Floats:
    """Policy `[levels, S, A]` of one planner: value iteration on `weights . features` in the
    believed world.

    `levels` (default `horizon`) repeats the last sweep for longer remaining lives. Acts within
    `tie_tolerance * max|felt reward|` (over states within reach) of the best form the act set:
    `split` is uniform over it, `first` and `last` take its first and last act in the world's order.
    With `temperature > 0` the first act is drawn from a softmax over act values; the acts imagined
    after it are still the best.
    """
    felt = world.features_felt @ np.asarray(weights, dtype=np.float64)
    tolerance = tie_tolerance * largest_amount(world, felt)
    depth = min(horizon, world.lifespan)
    levels = depth if levels is None else min(levels, world.lifespan)
    believed = world.beliefs[belief]
    out = np.zeros((levels, *felt.shape))
    value = np.zeros(len(world.states))
    for level in range(min(depth, levels)):
        q = np.where(world.available, felt + discount * (believed @ value), -np.inf)
        value = q.max(axis=1)
        out[level] = act_probabilities(q, value, tolerance, temperature, ties)
    out[depth:] = out[min(depth, levels) - 1]
    return out


def act_probabilities(
    q: Floats, best: Floats, tolerance: float | Floats, temperature: float, ties: str
) -> Floats:
    """`[S, A]`: how one chooses among acts worth `q` (minus infinity where unavailable) with best
    values `best`.
    """
    if temperature > 0.0:
        weight = np.exp((q - best[:, None]) / temperature)
        return weight / weight.sum(axis=1, keepdims=True)
    chosen = q >= best[:, None] - tolerance
    if ties == "first":
        chosen &= np.cumsum(chosen, axis=1) == 1
    elif ties == "last":
        chosen &= np.cumsum(chosen[:, ::-1], axis=1)[:, ::-1] == 1
    return chosen / chosen.sum(axis=1, keepdims=True)


def level_at(age: int, lifespan: int, levels: int) -> int:
    """Which level of a policy is used at an age."""
    return min(levels, lifespan - age) - 1


def state_values(world: TabularMdp, policy: Floats, amount: Floats) -> Floats:
    """`[T + 1, S]`: expected rest-of-life `amount` (payoff or intent, `[S, A]`) under a policy; row
    `T` is 0.
    """
    value = np.zeros((world.lifespan + 1, len(world.states)))
    chain = np.einsum("lsa,sax->lsx", policy, world.transitions)
    gain = np.einsum("lsa,sa->ls", policy, amount)
    for t in range(world.lifespan - 1, -1, -1):
        level = level_at(t, world.lifespan, len(policy))
        value[t] = gain[level] + chain[level] @ value[t + 1]
    return value


def lifetime(world: TabularMdp, policy: Floats, amount: Floats) -> float:
    """Expected lifetime `amount` from birth, `J` (expected offspring for payoff)."""
    return float(world.start @ state_values(world, policy, amount)[0])


def occupancy(world: TabularMdp, policy: Floats) -> Floats:
    """`[T, S, A]`: probability of being in a state at an age and doing the act; each age sums to
    one.
    """
    chain = np.einsum("lsa,sax->lsx", policy, world.transitions)
    levels = [level_at(t, world.lifespan, len(policy)) for t in range(world.lifespan)]
    where = np.empty((world.lifespan, len(world.states)))
    where[0] = world.start
    for t, level in enumerate(levels[:-1]):
        where[t + 1] = where[t] @ chain[level]
    return where[:, :, None] * policy[levels]


def extreme_values(
    world: TabularMdp, amount: Floats, *, worst: bool = False
) -> tuple[Floats, Floats]:
    """`V [T + 1, S]` and `Q [T, S, A]` of the best (or worst) policy for `amount`, by backward
    induction.

    `Q` is NaN where an act is unavailable.
    """
    choose = np.nanmin if worst else np.nanmax
    value = np.zeros((world.lifespan + 1, len(world.states)))
    q = np.empty((world.lifespan, len(world.states), len(world.acts)))
    for t in range(world.lifespan - 1, -1, -1):
        q[t] = np.where(world.available, amount + world.transitions @ value[t + 1], np.nan)
        value[t] = choose(q[t], axis=1)
    return value, q


def largest_amount(world: TabularMdp, amount: Floats) -> float:
    """The largest size of an amount `[S, A]` in one step, over the states within reach."""
    return float(np.abs(amount[world.acts_in_reach]).max())


@dataclass(frozen=True)
class Span:
    """How much the choice of a policy matters for a lifetime amount in one world.

    Attributes:
        worst, best: lifetime amount of the worst and of the best policy.
        size: the largest sum of absolute amounts that a policy can collect in a life. Rounding is
        in proportion to it.
    """

    worst: float
    best: float
    size: float

    @property
    def width(self) -> float:
        """`best - worst`, or 0 where that is no more than rounding: then no policy is better than
        another.
        """
        width = self.best - self.worst
        return width if width > ROUNDING * self.size else 0.0

    def share(self, value: float) -> float:
        """Where a lifetime amount lies: 0 at the worst policy, 1 at the best one; NaN without a
        span.
        """
        return (value - self.worst) / self.width if self.width else float("nan")

    def share_of(self, best: float, value: float) -> float | None:
        """Where a lifetime amount lies between the worst policy (0) and a genome (1).

        A constant added to the amount changes nothing. Where the worst policy gets 0, this is
        `value / best`.

        Parameters
        ----------
        best
            What the best genome gets, net of upkeep.
        value
            The amount.

        Returns
        -------
        float or None
            None where the share is not defined: the best genome is not above the worst policy.
            Either all policies are alike, or upkeep alone brings every genome so low.
        """
        room = best - self.worst
        return (value - self.worst) / room if room > ROUNDING * self.size else None

    def as_good(self, best: float, value: float) -> bool:
        """Whether an amount is no less than the best genome's, but for rounding.

        This is known also where shares are not defined.
        """
        return best - value <= ROUNDING * self.size

    def least(self) -> float:
        """The least that anybody can get.

        Upkeep takes a share of what is collected, at most all of it.
        """
        return min(self.worst, 0.0)


def span_of(world: TabularMdp, amount: Floats) -> Span:
    """The span of a lifetime amount over all policies, from birth, by backward induction.

    Parameters
    ----------
    world
        The world that is lived in.
    amount
        `[S, A]` payoff or intent of each act.

    Returns
    -------
    Span
        Worst and best policy, in the unit of `amount`. States out of reach have no influence.
    """
    state, act = np.nonzero(world.acts_in_reach)
    row, successor = np.nonzero(world.transitions[state, act])
    chance = world.transitions[state, act][row, successor]
    rows, states = np.searchsorted(row, np.arange(len(state))), np.unique(state, return_index=True)
    ends = []
    for gain, choose in ((amount, np.minimum), (amount, np.maximum), (np.abs(amount), np.maximum)):
        value = np.zeros(len(world.states))
        for _ in range(world.lifespan):
            expected = np.add.reduceat(chance * value[successor], rows)
            value[states[0]] = choose.reduceat(gain[state, act] + expected, states[1])
        ends.append(float(world.start @ value))
    return Span(*ends)


def spans_of(pair: WorldPair) -> dict[str, Span]:
    """The span of each measure by which classes are ranked: payoff and intent in both worlds."""
    return {
        f"{name}{suffix}": span_of(world, amount)
        for name, world in (("ancestral", pair.ancestral), ("modern", pair.modern))
        for suffix, amount in (("", world.payoff), ("_intent", world.intent))
    }
