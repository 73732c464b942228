"""Causes: how much of a planner's loss is its desire, its belief, or its planning; by exact Shapley values.

Each part of a planner is a switch that can be set to what would be right in the scored world (Shapley 1953: the mean, over all
orders in which the switches are set, of what setting one gains):

* objective := payoff in the ancestral world, intent in the modern one, as in the ladders (felt as strongly as the planner's own, where a
  temperature gives feelings a unit);
* belief := the true transitions;
* horizon := the rest of life;
* discount := 1;
* choice := temperature 0, and acts tie only to rounding;
* upkeep := 0.

With all of them right the planner is the best policy; that is checked. So the parts sum to `V* - F`, the planner's whole loss. They
may be negative: a wrong desire can repair a short horizon. Genomes that act alike may be split differently: belief and desire cannot be
told apart from behaviour, and neither can these causes. Reflexes have no parts; for them this account does not exist.

A genome with two objectives and a gate between them has one switch more (gate := shut); it belongs into `SWITCHES` and `_mind`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from evosim.reference.planning import Floats, act_probabilities, extreme_values
from genomes import PlannerRules, Rules
from worlds import TabularMdp

SWITCHES = ("objective", "belief", "horizon", "discount", "choice", "upkeep")
EQUAL = 1e-12  # of the largest felt reward: ties to rounding
EXACT = 1e-9
SCHEMA = {
    "subject": pl.String, "seed": pl.Int64, "world": pl.String, "classes": pl.Int64, "covered": pl.Float64, "cause": pl.String,
    "value": pl.Float64,
}  # fmt: skip


class NotOptimal(ArithmeticError):
    """A planner with all its parts right is not the best policy: the program is wrong."""


@dataclass(frozen=True, eq=False)
class Mind:
    """All that a planner decides by, in one world.

    Attributes:
        felt: `[S, A]` felt reward.
        horizon: steps it looks ahead.
        belief: name of the transitions it takes for true.
        discount, temperature, ties: as in `PlannerRules`.
        tolerance: acts within this times max|felt reward| of the best are tied.
    """

    felt: Floats
    horizon: int
    belief: str
    discount: float
    temperature: float
    tolerance: float
    ties: str

    def key(self) -> tuple[object, ...]:
        """Equal for minds that decide alike for the same reasons."""
        return (self.felt.tobytes(), self.horizon, self.belief, self.discount, self.temperature, self.tolerance, self.ties)


@dataclass(frozen=True)
class Causes:
    """The loss of one planner in one world, by cause.

    Attributes:
        optimum: what the best policy is worth.
        worth: what the planner is worth, net of upkeep.
        parts: by switch, what it loses; they sum to `optimum - worth`.
    """

    optimum: float
    worth: float
    parts: dict[str, float]


def worths(world: TabularMdp, minds: Sequence[Mind], amount: Floats) -> Floats:
    """`[n]` expected lifetime `amount` of planners. They are planned and evaluated side by side, from the last age to the first."""
    out = np.empty(len(minds))
    groups: dict[tuple[str, float, str], list[int]] = {}
    for i, mind in enumerate(minds):
        groups.setdefault((mind.belief, mind.temperature, mind.ties), []).append(i)
    for members in groups.values():
        members.sort(key=lambda i: -minds[i].horizon)  # who still plans stands in front
        out[members] = _group_worths(world, [minds[i] for i in members], amount)
    return out


def _group_worths(world: TabularMdp, minds: list[Mind], amount: Floats) -> Floats:
    """The same of minds of one belief, temperature and tie rule, in order of falling horizon."""
    n, (s, a) = len(minds), amount.shape
    felt = np.stack([mind.felt for mind in minds])
    discount = np.array([mind.discount for mind in minds])[:, None, None]
    largest = np.abs(felt[:, world.available]).max(axis=1)
    tolerance = np.repeat(np.array([mind.tolerance for mind in minds]) * largest, s)[:, None]
    depth = np.array([min(mind.horizon, world.lifespan) for mind in minds])
    believed, true = (table.reshape(s * a, s).T for table in (world.beliefs[minds[0].belief], world.transitions))
    imagined, value, policy = np.zeros((n, s)), np.zeros((n, s)), np.zeros((n, s, a))
    for remaining in range(1, world.lifespan + 1):
        k = int((depth >= remaining).sum())
        if k:
            q = np.where(world.available, felt[:k] + discount[:k] * (imagined[:k] @ believed).reshape(k, s, a), -np.inf)
            imagined[:k] = q.max(axis=2)
            chosen = act_probabilities(q.reshape(k * s, a), imagined[:k].ravel(), tolerance[: k * s], minds[0].temperature, minds[0].ties)
            policy[:k] = chosen.reshape(k, s, a)
        value = (policy * (amount + (value @ true).reshape(n, s, a))).sum(axis=2)
    return np.asarray(value @ world.start)


def causes_of(rules: Rules, world: TabularMdp, amount: Floats) -> list[Causes] | None:
    """The causes of each planner's loss of `amount` (payoff or intent, `[S, A]`) in a world; nothing for rules that do not plan.

    Raises `NotOptimal` if all parts right are not worth the optimum.
    """
    if not isinstance(rules, PlannerRules):
        return None
    best, _ = extreme_values(world, amount)
    optimum = float(world.start @ best[0])
    wrong = [_wrong(rules, i, world, amount) for i in range(len(rules))]
    minds: dict[tuple[object, ...], Mind] = {}
    wanted: list[dict[frozenset[str], tuple[object, ...]]] = []
    for i, switches in enumerate(wrong):
        keys = {}
        for right in _subsets([x for x in switches if x != "upkeep"]):
            mind = _mind(rules, i, world, amount, right | (set(SWITCHES) - set(switches)))
            minds[mind.key()] = mind
            keys[right] = mind.key()
        wanted.append(keys)
    worth = dict(zip(minds, worths(world, list(minds.values()), amount).tolist(), strict=True))
    out = []
    for i, (switches, keys) in enumerate(zip(wrong, wanted, strict=True)):
        kept = float(rules.kept[i])
        value = {
            right: worth[keys[right - {"upkeep"}]] * (1.0 if "upkeep" in right or "upkeep" not in switches else kept)
            for right in _subsets(switches)
        }
        everything = value[frozenset(switches)]
        if abs(everything - optimum) > EXACT * max(1.0, abs(optimum)):
            raise NotOptimal(f"a planner with all parts right must be worth {optimum!r} in {world.name}, but is worth {everything!r}. This is a fault of evosim: report it.")
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
            math.factorial(len(some)) * math.factorial(n - 1 - len(some)) / math.factorial(n) * (value[some | {player}] - value[some])
            for some in _subsets(others)
        )
    return out


def _subsets(items: Sequence[str]) -> list[frozenset[str]]:
    return [frozenset(x for bit, x in enumerate(items) if mask >> bit & 1) for mask in range(1 << len(items))]


def _wrong(rules: PlannerRules, i: int, world: TabularMdp, amount: Floats) -> list[str]:
    """The switches that are not right already; to set the others does nothing."""
    felt, believed = world.features_felt @ rules.weights[i], world.beliefs[rules.beliefs[rules.belief[i]]]
    is_wrong = {
        "objective": not np.array_equal(felt, amount),
        "belief": not np.array_equal(believed, world.transitions),
        "horizon": bool(rules.horizon[i] < world.lifespan),
        "discount": rules.discount != 1.0,
        "choice": bool(rules.temperature[i] > 0.0) or rules.tie_tolerance > EQUAL,
        "upkeep": bool(rules.kept[i] != 1.0),
    }
    return [name for name in SWITCHES if is_wrong[name]]


def _mind(rules: PlannerRules, i: int, world: TabularMdp, amount: Floats, right: frozenset[str] | set[str]) -> Mind:
    """The planner with some parts right."""
    exact = "choice" in right
    felt = world.features_felt @ rules.weights[i]
    if "objective" in right:
        # A temperature is in units of what is felt, so the right objective is felt as strongly as the planner's own.
        own, new = (np.abs(table[world.available]).max() for table in (felt, amount))
        felt = amount * (own / new) if rules.temperature[i] > 0.0 and not exact and own > 0.0 and new > 0.0 else amount
    return Mind(
        felt=np.ascontiguousarray(felt),
        horizon=world.lifespan if "horizon" in right else int(rules.horizon[i]),
        belief="true" if "belief" in right else rules.beliefs[rules.belief[i]],
        discount=1.0 if "discount" in right else rules.discount,
        temperature=0.0 if exact else float(rules.temperature[i]),
        tolerance=min(rules.tie_tolerance, EQUAL) if exact else rules.tie_tolerance,
        ties=rules.ties,
    )


def rows(subject: str, seed: int | None, world: str, found: list[Causes], share: Floats, covered: float) -> list[dict[str, object]]:
    """Rows of the table: the weighted mean over classes, by cause."""
    w = share / share.sum()
    head = {"subject": subject, "seed": seed, "world": world, "classes": len(found), "covered": covered}
    return [{**head, "cause": cause, "value": float(w @ [x.parts[cause] for x in found])} for cause in SWITCHES]
