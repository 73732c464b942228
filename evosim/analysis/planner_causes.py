"""How much of a planner's loss is its desire, its belief, or its planning, by Shapley values.

Each part of a planner is a switch that can be set to the right value for the scored world. The part
of a switch is its mean gain over all orders in which the switches are set (Shapley 1953). The right
values are:

* objective := payoff in the ancestral world, intent in the modern one, as in the ladders. Where a
  temperature gives feelings a unit, it is felt as strongly as the planner's own;
* belief := the true transitions;
* horizon := the rest of life;
* discount := 1;
* choice := temperature 0, and acts tie only to rounding;
* upkeep := 0;
* gate := shut, so that the first objective always rules (of gated planners; `objective` sets both).

With all of them right the planner is the best policy; that is checked. So the parts sum to `V* -
F`, the planner's whole loss. They may be negative: a wrong desire can repair a short horizon.
Genomes that act alike may be split differently, because behaviour alone does not show belief and
desire. Reflexes have no parts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evosim.genomes import PlannerRules, Rules
from evosim.reference.dynamic_programming import Floats, act_probabilities, largest_amount, span_of
from evosim.worlds import TabularMdp

SWITCHES = ("objective", "belief", "horizon", "discount", "choice", "upkeep", "gate")
EQUAL = 1e-12  # of the largest felt reward: ties to rounding
EXACT = 1e-9


class NotOptimal(ArithmeticError):
    """A planner with all its parts right is not the best policy: the program is wrong."""


@dataclass(frozen=True, eq=False)
class Mind:
    """All that a planner decides by, in one world.

    Attributes
    ----------
    felt : ndarray
        `[S, A]` felt reward.
    horizon : int
        Steps it looks ahead.
    belief : str
        Name of the transitions it takes for true.
    discount, temperature, ties : float or str
        As in `PlannerRules`.
    tolerance : float
        Acts within this times max|felt reward| of the best are tied.
    other, second : ndarray or None
        Of a gated planner, its second objective's felt reward, and the states `[S]` in which that
        one rules.
    """

    felt: Floats
    horizon: int
    belief: str
    discount: float
    temperature: float
    tolerance: float
    ties: str
    other: Floats | None = None
    second: NDArray[np.bool_] | None = None

    def key(self) -> tuple[object, ...]:
        """Equal for minds that decide alike for the same reasons."""
        gated = (
            b"" if self.other is None else self.other.tobytes(),
            b"" if self.second is None else self.second.tobytes(),
        )
        return (
            *gated,
            self.felt.tobytes(),
            self.horizon,
            self.belief,
            self.discount,
            self.temperature,
            self.tolerance,
            self.ties,
        )


@dataclass(frozen=True)
class Causes:
    """The loss of one planner in one world, by cause.

    Attributes
    ----------
    optimum : float
        Fitness of the best policy.
    fitness : float
        Fitness of the planner, net of upkeep.
    parts : dict of float
        Loss by switch; they sum to `optimum - fitness`.
    """

    optimum: float
    fitness: float
    parts: dict[str, float]


def lifetime_amounts(world: TabularMdp, minds: Sequence[Mind], amount: Floats) -> Floats:
    """`[n]` expected lifetime `amount` of planners.

    They are planned and evaluated side by side, from the last age to the first.
    """
    out = np.empty(len(minds))
    groups: dict[tuple[str, float, str], list[int]] = {}
    for i, mind in enumerate(minds):
        groups.setdefault((mind.belief, mind.temperature, mind.ties), []).append(i)
    for members in groups.values():
        members.sort(key=lambda i: -minds[i].horizon)  # planners that still look ahead first
        out[members] = _amounts_of_group(world, [minds[i] for i in members], amount)
    return out


def _amounts_of_group(world: TabularMdp, minds: list[Mind], amount: Floats) -> Floats:
    """The same of minds of one belief, temperature and tie rule, in order of falling horizon."""
    from scipy.sparse import csr_array  # slow to import, and sweeps never ask for causes

    (s, a), n = amount.shape, len(minds)
    # A gated planner looks ahead twice, once for each objective. In each state the objective that
    # rules there decides.
    felt = np.stack(
        [table for mind in minds for table in (mind.felt, mind.other) if table is not None]
    )
    many = np.array([1 if mind.other is None else 2 for mind in minds])
    own, gated = np.cumsum(many) - many, np.flatnonzero(many == 2)
    second = np.array([minds[i].second for i in gated], dtype=bool).reshape(len(gated), s, 1)
    discount = np.repeat([mind.discount for mind in minds], many)[:, None, None]
    largest = np.abs(felt[:, world.acts_in_reach]).max(axis=1)
    tolerance = np.repeat(np.repeat([mind.tolerance for mind in minds], many) * largest, s)[:, None]
    depth = np.repeat([min(mind.horizon, world.lifespan) for mind in minds], many)
    # Most states lead to few others, so sparse products cost little
    believed, true = (
        csr_array(table.reshape(s * a, s))
        for table in (world.beliefs[minds[0].belief], world.transitions)
    )
    imagined, value, choice = (
        np.zeros((len(felt), s)),
        np.zeros((n, s)),
        np.zeros((len(felt), s, a)),
    )
    for remaining in range(1, world.lifespan + 1):
        k = int((depth >= remaining).sum())
        if k:
            q = np.where(
                world.available,
                felt[:k] + discount[:k] * (believed @ imagined[:k].T).T.reshape(k, s, a),
                -np.inf,
            )
            imagined[:k] = q.max(axis=2)
            chosen = act_probabilities(
                q.reshape(k * s, a),
                imagined[:k].ravel(),
                tolerance[: k * s],
                minds[0].temperature,
                minds[0].ties,
            )
            choice[:k] = chosen.reshape(k, s, a)
        policy = choice[own] if len(gated) else choice
        if len(gated):
            policy[gated] = np.where(second, choice[own[gated] + 1], policy[gated])
        value = (policy * (amount + (true @ value.T).T.reshape(n, s, a))).sum(axis=2)
    return np.asarray(value @ world.start)


def causes_of(
    rules: Rules, world: TabularMdp, amount: Floats, cue: NDArray[np.bool_] | None = None
) -> list[Causes] | None:
    """The causes of each planner's loss of `amount` (payoff or intent, `[S, A]`) in a world.

    None for rules that do not plan. `cue` is the pair's, for gated planners. Raises `NotOptimal` if
    a planner with all parts right misses the optimum.
    """
    if not rules.planners():
        return None
    span = span_of(world, amount)
    optimum = span.best
    # Acts that tie to rounding may cost this much in each step. Sums are rounded in proportion to
    # their size.
    allowed = EXACT * span.size + EQUAL * largest_amount(world, amount) * world.lifespan
    wrong = [_wrong(rules, i, world, amount, cue) for i in range(len(rules))]
    minds: dict[tuple[object, ...], Mind] = {}
    wanted: list[dict[frozenset[str], tuple[object, ...]]] = []
    for i, switches in enumerate(wrong):
        keys = {}
        for right in _subsets([x for x in switches if x != "upkeep"]):
            mind = _mind(rules, i, world, amount, right | (set(SWITCHES) - set(switches)), cue)
            minds[mind.key()] = mind
            keys[right] = mind.key()
        wanted.append(keys)
    fitness = dict(
        zip(minds, lifetime_amounts(world, list(minds.values()), amount).tolist(), strict=True)
    )
    out = []
    for i, (switches, keys) in enumerate(zip(wrong, wanted, strict=True)):
        retained = float(rules.fitness_retained[i])
        value = {
            right: (
                fitness[keys[right - {"upkeep"}]]
                * (1.0 if "upkeep" in right or "upkeep" not in switches else retained)
            )
            for right in _subsets(switches)
        }
        everything = value[frozenset(switches)]
        if abs(everything - optimum) > allowed:
            raise NotOptimal(
                f"a planner with all parts right must have fitness {optimum!r} in {world.name},"
                f" but has {everything!r}. This is a fault of evosim: report it."
            )
        parts = dict.fromkeys(SWITCHES, 0.0) | shapley(switches, value)
        out.append(Causes(optimum, value[frozenset()], parts))
    return out


def shapley(players: Sequence[str], value: dict[frozenset[str], float]) -> dict[str, float]:
    """The Shapley value of each player of a game given by the value of every coalition."""
    n = len(players)
    out = {}
    for player in players:
        others = [x for x in players if x != player]
        out[player] = math.fsum(
            math.factorial(len(some))
            * math.factorial(n - 1 - len(some))
            / math.factorial(n)
            * (value[some | {player}] - value[some])
            for some in _subsets(others)
        )
    return out


def _subsets(items: Sequence[str]) -> list[frozenset[str]]:
    return [
        frozenset(x for bit, x in enumerate(items) if mask >> bit & 1)
        for mask in range(1 << len(items))
    ]


def _second(
    rules: Rules, i: int, cue: NDArray[np.bool_] | None
) -> tuple[PlannerRules, PlannerRules | None, NDArray[np.bool_] | None]:
    """The planner, the planner for a second objective, and where that objective decides `[S]`.

    The second planner is None if its objective decides nowhere.
    """
    first, *others = rules.planners()
    second = rules.second_objective(i, cue)
    if second is None:
        return first, None, None
    return first, (others[0] if second.any() else None), second


def _wrong(
    rules: Rules, i: int, world: TabularMdp, amount: Floats, cue: NDArray[np.bool_] | None
) -> list[str]:
    """The switches that are not right already; to set the others does nothing."""
    first, other, _ = _second(rules, i, cue)
    felt, believed = (
        [world.features_felt @ x.weights[i] for x in (first, other) if x],
        world.beliefs[first.beliefs[first.belief[i]]],
    )
    is_wrong = {
        "objective": not all(np.array_equal(table, amount) for table in felt),
        "belief": not np.array_equal(believed, world.transitions),
        "horizon": bool(first.horizon[i] < world.lifespan),
        "discount": first.discount != 1.0,
        "choice": bool(first.temperature[i] > 0.0) or first.tie_tolerance > EQUAL,
        "upkeep": bool(rules.fitness_retained[i] != 1.0),
        "gate": other is not None,
    }
    return [name for name in SWITCHES if is_wrong[name]]


def _mind(
    rules: Rules,
    i: int,
    world: TabularMdp,
    amount: Floats,
    right: frozenset[str] | set[str],
    cue: NDArray[np.bool_] | None = None,
) -> Mind:
    """The planner with some parts right."""
    first, other, second = _second(rules, i, cue)
    exact = "choice" in right
    felt = world.features_felt @ first.weights[i]
    if "objective" in right:
        # A temperature is in units of what is felt. So the right objective is felt as strongly as
        # the planner's own.
        own, new = (largest_amount(world, table) for table in (felt, amount))
        felt = (
            amount * (own / new)
            if first.temperature[i] > 0.0 and not exact and own > 0.0 and new > 0.0
            else amount
        )
    gated = other is not None and "gate" not in right and "objective" not in right
    return Mind(
        felt=np.ascontiguousarray(felt),
        horizon=world.lifespan if "horizon" in right else int(first.horizon[i]),
        belief="true" if "belief" in right else first.beliefs[first.belief[i]],
        discount=1.0 if "discount" in right else first.discount,
        temperature=0.0 if exact else float(first.temperature[i]),
        tolerance=min(first.tie_tolerance, EQUAL) if exact else first.tie_tolerance,
        ties=first.ties,
        other=(
            np.ascontiguousarray(world.features_felt @ other.weights[i])
            if gated and other
            else None
        ),
        second=second if gated else None,
    )
