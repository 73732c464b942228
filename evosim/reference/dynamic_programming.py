"""Planning and exact values in plain NumPy: the readable twin of the kernels.

Analysis and tests use this module; it is slow but easy to check.

A policy is an array `[L, S, A]` of act probabilities. Level `l` is used at the ages `t` with
`min(L, T - t) - 1 = l`. So the level depends on the number of remaining ages, counted up to `L`. A
planner's level `l` is its choice when it looks `l + 1` steps ahead. A reflex has one level, the
optimal policy has `T`.
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
    belief: str = "true",
    temperature: float = 0.0,
    discount: float = 1.0,
    tie_tolerance: float = 1e-5,
    ties: str = "split",
) -> Floats:
    """Policy of one planner: value iteration on `weights . features` in the believed world.

    Parameters
    ----------
    world : TabularMdp
        The world.
    weights : numpy.ndarray
        `[K]` objective weights.
    horizon : int
        Steps that the planner looks ahead.
    belief : str
        Name of the transition table that the planner takes for true.
    temperature : float
        Softmax temperature over act values for the first act. Acts imagined after it are the best
        ones. 0: the act set.
    discount : float
        Discount of felt reward per step.
    tie_tolerance : float
        Acts within `tie_tolerance * max|felt reward|` of the best form the act set. The maximum is
        over states in reach.
    ties : str
        `split`: uniform over the act set. `first`, `last`: its first or last act in the world's
        order.

    Returns
    -------
    numpy.ndarray
        `[horizon, S, A]` probabilities of acts; at most as many levels as a life has ages.
    """
    felt = world.features_felt @ np.asarray(weights, dtype=np.float64)
    tolerance = tie_tolerance * largest_amount(world, felt)
    believed = world.beliefs[belief]
    out = np.zeros((min(horizon, world.lifespan), *felt.shape))
    value = np.zeros(len(world.states))
    for level in range(len(out)):
        q = np.where(world.available, felt + discount * (believed @ value), -np.inf)
        value = q.max(axis=1)
        out[level] = act_probabilities(q, value, tolerance, temperature, ties)
    return out


def with_levels(policy: Floats, levels: int) -> Floats:
    """A policy `[L, S, A]` with another number of levels; new levels repeat the last one."""
    return policy[np.minimum(np.arange(levels), len(policy) - 1)]


def act_probabilities(
    q: Floats, best: Floats, tolerance: float | Floats, temperature: float, ties: str
) -> Floats:
    """Probabilities of acts, given their values.

    Parameters
    ----------
    q : numpy.ndarray
        `[S, A]` values of acts; minus infinity where an act is unavailable.
    best : numpy.ndarray
        `[S]` value of the best act.
    tolerance : float or numpy.ndarray
        Acts within this difference of the best are tied.
    temperature : float
        Softmax temperature; 0 for the act set.
    ties : str
        `split`, `first` or `last`.

    Returns
    -------
    numpy.ndarray
        `[S, A]` probabilities.
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
    """Level of a policy with some number of levels at an age."""
    return min(levels, lifespan - age) - 1


def state_values(world: TabularMdp, policy: Floats, amount: Floats) -> Floats:
    """Expected amount of the rest of life under a policy.

    Parameters
    ----------
    world : TabularMdp
        The world.
    policy : numpy.ndarray
        `[L, S, A]` probabilities of acts.
    amount : numpy.ndarray
        `[S, A]` payoff or intent of each act.

    Returns
    -------
    numpy.ndarray
        `[T + 1, S]` by age and state; row `T` is 0.
    """
    value = np.zeros((world.lifespan + 1, len(world.states)))
    chain = np.einsum("lsa,sax->lsx", policy, world.transitions)
    gain = np.einsum("lsa,sa->ls", policy, amount)
    for t in range(world.lifespan - 1, -1, -1):
        level = level_at(t, world.lifespan, len(policy))
        value[t] = gain[level] + chain[level] @ value[t + 1]
    return value


def lifetime(world: TabularMdp, policy: Floats, amount: Floats) -> float:
    """Expected lifetime amount `J` from birth: for payoff, expected offspring."""
    return float(world.start @ state_values(world, policy, amount)[0])


def occupancy(world: TabularMdp, policy: Floats) -> Floats:
    """`[T, S, A]`: probability of each state and act at each age; each age sums to one."""
    chain = np.einsum("lsa,sax->lsx", policy, world.transitions)
    levels = [level_at(t, world.lifespan, len(policy)) for t in range(world.lifespan)]
    chances = np.empty((world.lifespan, len(world.states)))
    chances[0] = world.start
    for t, level in enumerate(levels[:-1]):
        chances[t + 1] = chances[t] @ chain[level]
    return chances[:, :, None] * policy[levels]


def extreme_values(
    world: TabularMdp, amount: Floats, *, worst: bool = False
) -> tuple[Floats, Floats]:
    """Values of the best (or worst) policy for an amount, by backward induction.

    Parameters
    ----------
    world : TabularMdp
        The world.
    amount : numpy.ndarray
        `[S, A]` payoff or intent of each act.
    worst : bool
        Whether to minimize.

    Returns
    -------
    tuple of numpy.ndarray
        `V [T + 1, S]` and `Q [T, S, A]`; `Q` is NaN where an act is unavailable.
    """
    choose = np.nanmin if worst else np.nanmax
    value = np.zeros((world.lifespan + 1, len(world.states)))
    q = np.empty((world.lifespan, len(world.states), len(world.acts)))
    for t in range(world.lifespan - 1, -1, -1):
        q[t] = np.where(world.available, amount + world.transitions @ value[t + 1], np.nan)
        value[t] = choose(q[t], axis=1)
    return value, q


def largest_amount(world: TabularMdp, amount: Floats) -> float:
    """The largest absolute amount (`[S, A]`) of one step, over acts in reach."""
    return float(np.abs(amount[world.acts_in_reach]).max())


@dataclass(frozen=True)
class Span:
    """Range of a lifetime amount over all policies in one world.

    Attributes
    ----------
    worst, best : float
        Lifetime amount of the worst and of the best policy.
    size : float
        The largest sum of absolute amounts that a policy can collect in a life. Rounding errors are
        proportional to it.
    """

    worst: float
    best: float
    size: float

    @property
    def width(self) -> float:
        """`best - worst`; 0 if the difference is rounding, as then all policies are equal."""
        width = self.best - self.worst
        return width if width > ROUNDING * self.size else 0.0

    def share(self, value: float) -> float:
        """Position of an amount: 0 at the worst policy, 1 at the best; NaN if all are equal."""
        return (value - self.worst) / self.width if self.width else float("nan")

    def share_of(self, best: float, value: float) -> float | None:
        """Relative position of an amount between the worst policy (0) and a genome (1).

        A constant added to the amount changes nothing. If the worst policy gets 0, the share is
        `value / best`.

        Parameters
        ----------
        best : float
            Amount of the best genome, net of upkeep.
        value : float
            The amount.

        Returns
        -------
        float or None
            None if the best genome is not above the worst policy. Then the share is not defined.
            Then all policies are equal, or upkeep brings every genome below the worst policy.
        """
        width = best - self.worst
        return (value - self.worst) / width if width > ROUNDING * self.size else None

    def as_good(self, best: float, value: float) -> bool:
        """Whether an amount equals or exceeds the best genome's, up to rounding.

        The answer exists even if shares are not defined.
        """
        return best - value <= ROUNDING * self.size

    def least(self) -> float:
        """The least amount of any genome.

        Upkeep takes a share of the collected amount, at most all of it.
        """
        return min(self.worst, 0.0)


def span_of(world: TabularMdp, amount: Floats) -> Span:
    """The span of a lifetime amount over all policies, from birth, by backward induction.

    Parameters
    ----------
    world : TabularMdp
        The world.
    amount : numpy.ndarray
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
    """Spans of the measures that rank classes: payoff and intent in both worlds."""
    return {
        f"{name}{suffix}": span_of(world, amount)
        for name, world in (("ancestral", pair.ancestral), ("modern", pair.modern))
        for suffix, amount in (("", world.payoff), ("_intent", world.intent))
    }
