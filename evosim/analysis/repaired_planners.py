"""Repaired planners: fitness of many planners with each set of their parts set right.

`evosim.analysis.causes` defines the right values of the parts, and has the readable form for one
planner at a time. Here all planners of several populations are done at once. Equal minds are
planned once: with the right objective few are left, and most genomes share the rest.

The compiled scorer plans and evaluates them, if the caller gives one. The right objective is then
one more feature of the world. Otherwise the reference code of `causes` does it, which is slower.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from evosim.analysis.planner_causes import EQUAL, EXACT, Mind, NotOptimal, lifetime_amounts
from evosim.genomes import GatedRules, PlannerRules, Rules
from evosim.reference.dynamic_programming import Floats, largest_amount, span_of
from evosim.worlds import TabularMdp, WorldPair

Ints = NDArray[np.int64]

# Bit `i` of a set of parts is the part at position `i`. Upkeep is a factor, and no part of a mind.
PARTS = ("objective", "belief", "horizon", "discount", "choice", "gate")
SETS = 1 << len(PARTS)
BLOCK_BYTES = 32 * 2**20  # of act values, when the reference code plans


class RuleScores(Protocol):
    """Lifetime amounts `[n]` of rules, gross of upkeep."""

    @property
    def payoff(self) -> Floats:
        """Expected lifetime payoff."""
        ...

    @property
    def intent(self) -> Floats:
        """Expected lifetime intent."""
        ...


class RuleScorer(Protocol):
    """The part of `evosim.fitness.scorer.Scorer` that is used; this room may not import it."""

    def score(self, rules: Rules, *, named: bool = True) -> RuleScores:
        """Lifetime amounts of rules."""
        ...


MakeScorer = Callable[[TabularMdp, WorldPair], RuleScorer]


@dataclass(frozen=True, eq=False)
class RepairedPlanners:
    """Lifetime amounts of planners with parts set right, gross of upkeep.

    Attributes
    ----------
    amounts : ndarray
        `[n, SETS]`, one column for each set of `PARTS`. Column 0 has the planner as it is.
    minds : int
        Number of distinct minds that were planned.
    """

    amounts: Floats
    minds: int


def repair(
    rules: Rules,
    pair: WorldPair,
    world_name: str,
    *,
    make_scorer: MakeScorer | None = None,
    most_minds: int | None = None,
) -> RepairedPlanners:
    """Lifetime payoff (in the ancestral world) or intent (in the modern world) of planners.

    Parameters
    ----------
    rules : Rules
        Planners.
    pair : WorldPair
        The worlds.
    world_name : str
        `ancestral` or `modern`.
    make_scorer : Callable, optional
        Makes a compiled scorer of a world.
    most_minds : int, optional
        Only the first planners are analysed, up to this number of distinct minds; but always the
        first planner.

    Returns
    -------
    RepairedPlanners
        Of all planners, or of the first.

    Raises
    ------
    NotOptimal
        If a planner with all parts right is not the best policy.
    """
    world = pair.ancestral if world_name == "ancestral" else pair.modern
    amount = world.payoff if world_name == "ancestral" else world.intent
    minds = _Minds(rules, world, amount, pair.cue)
    codes = minds.codes()
    numbers, first, inverse = np.unique(codes.ravel(), return_index=True, return_inverse=True)
    if most_minds is not None and len(numbers) > most_minds:
        fresh = np.bincount(first // SETS, minlength=len(codes))
        enough = max(1, int(np.searchsorted(np.cumsum(fresh), most_minds, side="right")))
        codes = codes[:enough]
        numbers, inverse = np.unique(codes.ravel(), return_inverse=True)
    values = (
        minds.by_scorer(numbers, pair, world_name, make_scorer)
        if make_scorer and has_compiled_code(rules)
        else minds.by_reference(numbers)
    )
    out = values[inverse.reshape(codes.shape)]
    span = span_of(world, amount)
    allowed = EXACT * span.size + EQUAL * largest_amount(world, amount) * world.lifespan
    wrong = np.abs(out[:, -1] - span.best) > allowed
    if wrong.any():
        raise NotOptimal(
            f"a planner with all parts right must have fitness {span.best!r} in {world.name}, but"
            f" has {float(out[wrong, -1][0])!r}. This is a fault of evosim: report it."
        )
    return RepairedPlanners(out, len(numbers))


def has_compiled_code(rules: Rules) -> bool:
    """Whether a scorer plans rules of this kind by compiled code."""
    return type(rules) in (PlannerRules, GatedRules)


class _Minds:
    """Codes of the minds of planners: equal codes decide alike, for the same reasons."""

    def __init__(
        self, rules: Rules, world: TabularMdp, amount: Floats, cue: NDArray[np.bool_] | None
    ) -> None:
        self.rules, self.world, self.amount = rules, world, amount
        self.first: PlannerRules = rules.planners()[0]
        n = len(rules)
        self.weights, of = np.unique(self.first.weights, axis=0, return_inverse=True)
        self.own_objective = of.reshape(n)
        felt = [world.features_felt @ weights for weights in self.weights]
        right = np.array([np.array_equal(table, amount) for table in felt])
        self._seconds(cue)
        self.objective_is_right = right[self.own_objective] & self._second_is_right()
        # A temperature is in units of what is felt. So the right objective is felt as strongly as
        # the planner's own.
        new = largest_amount(world, amount)
        own = np.array([largest_amount(world, table) for table in felt])
        strength = np.where(own > 0.0, own / new, 1.0) if new > 0.0 else np.ones(len(felt))
        self.strengths, strengths = np.unique(strength, return_inverse=True)
        self.strength = strengths.reshape(len(felt))[self.own_objective]
        self.temperatures, temperatures = np.unique(
            np.concatenate([[0.0], self.first.temperature]), return_inverse=True
        )
        self.temperature = temperatures.reshape(n + 1)[1:]
        self.beliefs = tuple(dict.fromkeys((*self.first.beliefs, "true")))
        place = np.array([self.beliefs.index(name) for name in self.first.beliefs])
        true = self.beliefs.index("true")
        for belief, name in enumerate(self.first.beliefs):
            if np.array_equal(world.beliefs[name], world.transitions):
                place[belief] = true
        self.belief, self.true = place[self.first.belief], true
        self.horizon = np.minimum(self.first.horizon, world.lifespan)
        self.exact = min(self.first.tie_tolerance, EQUAL)
        self.shape = (
            2,  # the discount is right
            2,  # the choice is right
            len(self.weights) + 1 + len(self.strengths),
            len(self.beliefs),
            world.lifespan + 1,
            len(self.temperatures),
            len(self.second_of),
        )

    def _seconds(self, cue: NDArray[np.bool_] | None) -> None:
        """Second objectives by number, with the states in which each rules; 0: none rules."""
        known: dict[bytes, int] = {b"": 0}
        self.second = np.zeros(len(self.rules), dtype=np.int64)
        self.second_of: list[tuple[int, NDArray[np.bool_] | None]] = [(-1, None)]
        for i in range(len(self.rules)):
            where = self.rules.second_objective(i, cue)
            if where is None or not where.any():
                continue
            key = where.tobytes() + self.rules.planners()[1].weights[i].tobytes()
            if key not in known:
                known[key] = len(self.second_of)
                self.second_of.append((i, where))
            self.second[i] = known[key]

    def _second_is_right(self) -> NDArray[np.bool_]:
        """`[n]`: whether the second objective is right, or rules nowhere."""
        right = [
            where is None
            or np.array_equal(
                self.world.features_felt @ self.rules.planners()[1].weights[i], self.amount
            )
            for i, where in self.second_of
        ]
        return np.array(right)[self.second]

    def codes(self) -> Ints:
        """`[n, SETS]` codes of minds."""
        first, n = self.first, len(self.rules)
        choice_is_right = (first.temperature <= 0.0) & (first.tie_tolerance <= EQUAL)
        own = len(self.weights)
        out = np.empty((n, SETS), dtype=np.int64)
        for some in range(SETS):
            right = {part for bit, part in enumerate(PARTS) if some >> bit & 1}
            objective = self.objective_is_right | ("objective" in right)
            choice = choice_is_right | ("choice" in right)
            soft = ~choice & (first.temperature > 0.0)
            out[:, some] = np.ravel_multi_index(
                (
                    np.full(n, "discount" in right or first.discount == 1.0, dtype=np.int64),
                    choice.astype(np.int64),
                    np.where(
                        objective, np.where(soft, own + 1 + self.strength, own), self.own_objective
                    ),
                    np.where("belief" in right, self.true, self.belief),
                    np.where("horizon" in right, self.world.lifespan, self.horizon),
                    np.where(choice, 0, self.temperature),
                    np.where(objective | ("gate" in right), 0, self.second),
                ),
                self.shape,
            )
        return out

    def _parts(self, codes: Ints) -> tuple[Ints, ...]:
        return tuple(part.astype(np.int64) for part in np.unravel_index(codes, self.shape))

    def by_scorer(
        self, codes: Ints, pair: WorldPair, world_name: str, make_scorer: MakeScorer
    ) -> Floats:
        """`[m]` lifetime amounts of minds, by a compiled scorer."""
        world, first = self.world, self.first
        scorer = make_scorer(_with_feature(world, self.amount), pair)
        # The right objective is a weight of the new feature
        own = np.column_stack([self.weights, np.zeros(len(self.weights))])
        right = np.zeros((1 + len(self.strengths), own.shape[1]))
        right[:, -1] = np.concatenate([[1.0], self.strengths])
        weights = np.concatenate([own, right])
        discount, choice, objective, belief, horizon, temperature, second = self._parts(codes)
        out = np.empty(len(codes))
        kinds = np.unique(np.stack([discount, choice, second > 0]), axis=1)
        for undiscounted, exact, gated in kinds.T.tolist():
            at = np.flatnonzero(
                (discount == undiscounted) & (choice == exact) & ((second > 0) == gated)
            )
            planners = PlannerRules(
                weights=weights[objective[at]],
                horizon=horizon[at],
                belief=belief[at],
                temperature=self.temperatures[temperature[at]],
                beliefs=self.beliefs,
                discount=1.0 if undiscounted else first.discount,
                tie_tolerance=self.exact if exact else first.tie_tolerance,
                ties=first.ties,
                planning_cost=0.0,
                levels=world.lifespan,
            )
            rules: Rules = planners
            if gated:
                assert isinstance(self.rules, GatedRules)
                one = np.array([self.second_of[number][0] for number in second[at]])
                other = np.column_stack([self.rules.second.weights[one], np.zeros(len(one))])
                rules = GatedRules(planners, replace(planners, weights=other), self.rules.gate[one])
            scores = scorer.score(rules, named=False)
            out[at] = scores.payoff if world_name == "ancestral" else scores.intent
        return out

    def by_reference(self, codes: Ints) -> Floats:
        """`[m]` the same, by the reference code."""
        block = max(64, BLOCK_BYTES // (8 * self.amount.size))
        parts = np.stack(self._parts(codes), axis=1)
        out = [
            lifetime_amounts(
                self.world,
                [self._mind(*row) for row in parts[at : at + block].tolist()],
                self.amount,
            )
            for at in range(0, len(codes), block)
        ]
        return np.concatenate(out)

    def _mind(
        self,
        undiscounted: int,
        exact: int,
        objective: int,
        belief: int,
        horizon: int,
        temperature: int,
        second: int,
    ) -> Mind:
        first, features = self.first, self.world.features_felt
        own = len(self.weights)
        i, where = self.second_of[second]
        if objective < own:
            felt = features @ self.weights[objective]
        else:
            felt = self.amount * (1.0 if objective == own else self.strengths[objective - own - 1])
        return Mind(
            felt=np.ascontiguousarray(felt),
            horizon=horizon,
            belief=self.beliefs[belief],
            discount=1.0 if undiscounted else first.discount,
            temperature=float(self.temperatures[temperature]),
            tolerance=self.exact if exact else first.tie_tolerance,
            ties=first.ties,
            other=(
                None
                if where is None
                else np.ascontiguousarray(features @ self.rules.planners()[1].weights[i])
            ),
            second=where,
        )


def _with_feature(world: TabularMdp, amount: Floats) -> TabularMdp:
    """The world with one more feature, that feels as an amount."""
    name = "right"
    while name in world.features:
        name += "_"
    felt = np.concatenate([world.features_felt, amount[:, :, None]], axis=2)
    return replace(world, features=(*world.features, name), features_felt=felt)
