"""Certificates: what a policy in a world never does, and at most loses; exactly, with a
counterexample where it fails.

`reaches` gives the chance that a life ever enters a set of states, and the likeliest such life. The
chance is 0 if and only if no path of possible steps leads there. The steps decide this, not the
sum. `loses` gives the loss against the best policy, and the act that loses most. Over a set of
worlds the result is that of the worst one.

`reaches_coarsely` sees only blocks of states, like an observer with a coarse model of the world. A
block can do everything that any of its states can. Its chance is an upper bound of the true one:
the maximum of an interval Markov decision process. So a block that is never reached has only states
that are never reached; the reverse need not be true.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from evosim.errors import UserError
from evosim.reference.dynamic_programming import Floats, extreme_values, level_at, occupancy
from evosim.runtime.dataclass_json import Key
from evosim.worlds import TabularMdp

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Step:
    """A moment of a life: age, state, act, and the chance of this state after the step before."""

    age: int
    state: str
    act: str | None
    chance: float


@dataclass(frozen=True)
class Reach:
    """Whether a set of states is ever entered.

    Attributes
    ----------
    never : bool
        No possible life enters it.
    chance : float
        That a life does, by its end.
    path : tuple of Step
        The likeliest life that does, up to there; empty if there is none.
    path_chance : float
        Chance of exactly this beginning.
    """

    never: bool
    chance: float
    path: tuple[Step, ...] = ()
    path_chance: float = 0.0


@dataclass(frozen=True)
class Gap:
    """The loss of a policy against the best one.

    Attributes
    ----------
    holds : bool
        Whether that is at most what was asked for.
    loss : float
        In units of the amount.
    worst_act : tuple or None
        The act that loses most, and what it loses; none if nothing is lost.
    """

    holds: bool
    loss: float
    worst_act: tuple[str, float] | None


@dataclass(frozen=True)
class NeverCertificate:
    """Whether a life never enters some states, with the likeliest life that does."""

    holds: bool
    chance: float
    counterexample: tuple[Step, ...]
    its_chance: float


@dataclass(frozen=True)
class LossCertificate:
    """Whether acts lose at most `limit`, and which act loses most."""

    limit: float
    holds: bool
    loss: float
    by_act_most: tuple[str, float] | None


@dataclass(frozen=True)
class PolicyCertificates:
    """Certificates of a policy in one world: by pattern of states, and on its loss."""

    never: Mapping[str, NeverCertificate]
    loses_at_most: Annotated[LossCertificate | None, Key(omit=None)] = None


def reaches(world: TabularMdp, policy: Floats, states: Bools) -> Reach:
    """Whether a policy `[L, S, A]` ever enters a set of states `[S]`, at birth or later."""
    steps = _steps(world, policy)
    possible = world.start > 0.0
    value = states.astype(np.float64)
    best: list[Floats] = []
    predecessors: list[Ints] = []
    likely = world.start.copy()
    ever = bool((possible & states).any())
    for age in range(world.lifespan):
        move = steps[level_at(age, world.lifespan, len(policy))]
        best.append(likely)
        open_ = np.where(states, 0.0, likely)  # a path that has arrived has ended
        onward = open_[:, None] * move
        predecessors.append(onward.argmax(axis=0))
        likely = onward.max(axis=0)
        possible = (move[possible & ~states] > 0.0).any(axis=0)
        ever |= bool((possible & states).any())
    best.append(likely)
    for age in reversed(range(world.lifespan)):
        value = np.where(states, 1.0, steps[level_at(age, world.lifespan, len(policy))] @ value)
    if not ever:
        return Reach(True, 0.0)
    arrivals = np.array([np.where(states, x, 0.0).max() for x in best])
    age = int(arrivals.argmax())
    s = int(np.where(states, best[age], 0.0).argmax())
    return Reach(
        False,
        float(world.start @ value),
        _path(world, policy, steps, predecessors, age, s),
        float(arrivals[age]),
    )


def _steps(world: TabularMdp, policy: Floats) -> Floats:
    """`[L, S, S]` chances of the next state."""
    return np.asarray(np.einsum("lsa,sax->lsx", policy, world.transitions, optimize=True))


def _path(
    world: TabularMdp, policy: Floats, steps: Floats, predecessors: list[Ints], age: int, s: int
) -> tuple[Step, ...]:
    """The likeliest way into a state at an age, first step first, with the likeliest act of each
    step.
    """
    out: list[Step] = []
    act: str | None = None
    while age >= 0:
        before = int(predecessors[age - 1][s]) if age else -1
        level = level_at(age - 1, world.lifespan, len(policy)) if age else 0
        chance = float(steps[level, before, s]) if age else float(world.start[s])
        out.append(Step(age, world.states[s], act, chance))
        if age:
            act = world.acts[
                int((policy[level, before] * world.transitions[before, :, s]).argmax())
            ]
        age, s = age - 1, before
    return tuple(reversed(out))


def reaches_coarsely(world: TabularMdp, policy: Floats, states: Bools, blocks: Ints) -> Reach:
    """`reaches` for an observer who distinguishes only blocks `[S]` of states.

    The chance is an upper bound, and `never` is true only if no block may lead there.
    """
    n = int(blocks.max()) + 1
    hit = np.zeros(n, dtype=bool)
    np.logical_or.at(hit, blocks[states], True)
    steps = _steps(world, policy)
    may = np.zeros((len(policy), n, n), dtype=bool)
    for level in range(len(policy)):
        s, x = np.nonzero(steps[level] > 0.0)
        may[level, blocks[s], blocks[x]] = True
    possible = np.zeros(n, dtype=bool)
    possible[blocks[world.start > 0.0]] = True
    ever = bool((possible & hit).any())
    for age in range(world.lifespan):
        possible = may[level_at(age, world.lifespan, len(policy)), possible].any(axis=0)
        ever |= bool((possible & hit).any())
    value = hit.astype(np.float64)
    for age in reversed(range(world.lifespan)):
        ahead = np.zeros(n)
        np.maximum.at(
            ahead, blocks, steps[level_at(age, world.lifespan, len(policy))] @ value[blocks]
        )
        value = np.where(hit, 1.0, ahead)
    return Reach(not ever, min(1.0, float(world.start @ value[blocks])) if ever else 0.0)


def loses(world: TabularMdp, policy: Floats, amount: Floats, most: float) -> Gap:
    """Whether a policy loses at most `most` of `amount` `[S, A]` against the best, and by which act
    most.
    """
    value, q = extreme_values(world, amount)
    gap = np.where(world.available, value[:-1, :, None] - q, 0.0)
    by_act = (occupancy(world, policy) * gap).sum(axis=(0, 1))
    loss, a = float(by_act.sum()), int(by_act.argmax())
    return Gap(loss <= most, loss, (world.acts[a], float(by_act[a])) if by_act[a] > 0.0 else None)


def never_in_any(
    worlds: Sequence[tuple[TabularMdp, Floats]], states: Bools
) -> tuple[bool, list[Reach]]:
    """Whether a genome enters a set of states in none of several worlds, given its policy in each.

    The second value has the verdict of each world.
    """
    verdicts = [reaches(world, policy, states) for world, policy in worlds]
    return all(x.never for x in verdicts), verdicts


def loses_in_any(
    worlds: Sequence[tuple[TabularMdp, Floats]], amounts: Sequence[Floats], most: float
) -> tuple[bool, list[Gap]]:
    """Whether a genome loses at most `most` in every one of several worlds; and what each says."""
    losses = [
        loses(world, policy, amount, most)
        for (world, policy), amount in zip(worlds, amounts, strict=True)
    ]
    return all(x.holds for x in losses), losses


def named(world: TabularMdp, pattern: str) -> Bools:
    """`[S]` the states whose name fits a pattern (`dead`, `e0.*`).

    Raises `UserError` if none does.
    """
    states = np.array([fnmatchcase(name, pattern) for name in world.states])
    if not states.any():
        close = get_close_matches(pattern[:100], world.states, n=1)
        hint = f"Did you mean '{close[0]}'?" if close else "Use one of them."
        some = ", ".join(world.states[:5])
        raise UserError(
            f"--never must be one of the {len(world.states)} states of {world.name} or a pattern of"
            f" some ({some}, ...). It is '{pattern}'. 'evosim analyze RUN --states' lists all."
            f" {hint}"
        )
    return states


def policy_certificates(
    world: TabularMdp,
    policy: Floats,
    never: Sequence[str],
    loses_at_most: float | None,
    amount: Floats,
) -> PolicyCertificates:
    """Certificates of a policy in one world.

    Parameters
    ----------
    world : TabularMdp
        The world.
    policy : array
        `[L, S, A]`: probability of each act, by level and state.
    never : sequence of str
        Names of states, or patterns of names.
    loses_at_most : float or None
        Bound on the loss by acts; None: no such certificate.
    amount : array
        `[S, A]`: payoff or intent.

    Raises
    ------
    UserError
        If no state has such a name.
    """
    reached = {}
    for pattern in never:
        chance = reaches(world, policy, named(world, pattern))
        reached[pattern] = NeverCertificate(
            chance.never, chance.chance, chance.path, chance.path_chance
        )
    bound = None
    if loses_at_most is not None:
        gap = loses(world, policy, amount, loses_at_most)
        bound = LossCertificate(loses_at_most, gap.holds, gap.loss, gap.worst_act)
    return PolicyCertificates(reached, bound)
