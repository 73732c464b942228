"""Decision rules: what a genome decodes to, many at a time, as plain arrays.

A rule says how an individual decides. It knows no world. `evosim.fitness` and
`evosim.reference.policies` turn a rule and a world into a policy.

A kind of rule is one class. It needs the members of `Rules`; the base class `DecisionRules` answers
most of them for rules without planners. A kind with a method `policy` needs nothing else: its
policies are evaluated as they are. `evosim.fitness.act_sets` lists the kinds that have faster,
compiled code.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Rules(Protocol):
    """`n` decision rules of one kind.

    Attributes
    ----------
    acts_by_observation : bool
        The rules see observation classes, not states.
    """

    acts_by_observation: ClassVar[bool]

    @property
    def fitness_retained(self) -> Floats:
        """`[n]` share of lifetime payoff that is left after upkeep."""

    def __len__(self) -> int: ...

    def key(self, i: int) -> bytes:
        """Equal for equal rules of one genome."""

    def take(self, index: Ints) -> Rules:
        """The rules at some positions."""

    def planners(self) -> tuple[PlannerRules, ...]:
        """The planners in these rules, one `PlannerRules` per objective; empty if none plans."""

    def with_planners(self, *planners: PlannerRules) -> Rules:
        """The same rules with other planners."""

    def second_objective(self, i: int, cue: Bools | None) -> Bools | None:
        """`[S]`: where the second objective of rule `i` decides. None without a second one."""

    def policy(self, i: int, world: Any, pair: Any) -> Floats:
        """`[L, S, A]`: chances of acts of rule `i`; see `DecisionRules.policy`."""


class DecisionRules:
    """Base of all kinds of rules. Its members describe rules without planners."""

    acts_by_observation: ClassVar[bool] = False

    def planners(self) -> tuple[PlannerRules, ...]:
        """The planners in these rules: none."""
        return ()

    def with_planners(self, *planners: PlannerRules) -> Any:
        """The same rules: there are no planners to replace."""
        return self

    def second_objective(self, i: int, cue: Bools | None) -> Bools | None:
        """None: there is no second objective."""
        return None

    def policy(self, i: int, world: Any, pair: Any) -> Floats:
        """The policy of one rule in a world. A kind that `evosim` does not know must define it.

        Parameters
        ----------
        i
            Index of the rule.
        world
            The world, a `evosim.worlds.TabularMdp`.
        pair
            The pair of worlds, a `evosim.worlds.WorldPair`.

        Returns
        -------
        `[L, S, A]` chances of acts. Level `l` is for `l + 1` remaining ages, the last level for all
        larger numbers. The chances of unavailable acts are 0.
        """
        raise NotImplementedError(f"{type(self).__name__} must define the method 'policy'")


@dataclass(frozen=True, eq=False)
class PlannerRules(DecisionRules):
    """`n` inner planners. Each has its own objective, believed world and horizon.

    Attributes
    ----------
    weights : numpy.ndarray
        `[n, K]` objective weights over the world's features.
    horizon : numpy.ndarray
        `[n]` steps the planner looks ahead, at least 1.
    belief : numpy.ndarray
        `[n]` index into `beliefs`.
    temperature : numpy.ndarray
        `[n]` softmax temperature over act values, in units of felt reward; 0 is the act set.
    beliefs : tuple of str
        Names of the transition tables that `belief` points into.
    discount : float
        Felt discount per step.
    tie_tolerance : float
        Acts within this times max|felt reward| of the best are tied.
    ties : str
        `split`, `first` or `last`.
    planning_cost : float
        Share of fitness lost per step of horizon.
    levels : int
        Largest horizon of the genome: the number of levels of a policy.
    """

    weights: Floats
    horizon: Ints
    belief: Ints
    temperature: Floats
    beliefs: tuple[str, ...]
    discount: float
    tie_tolerance: float
    ties: str
    planning_cost: float
    levels: int

    def __len__(self) -> int:
        return len(self.horizon)

    @property
    def fitness_retained(self) -> Floats:
        """`[n]` share of lifetime payoff that is left after the planning cost."""
        return np.asarray(1.0 - self.planning_cost * self.horizon, dtype=np.float64)

    def key(self, i: int) -> bytes:
        """Equal for equal rules of one genome."""
        own = (self.horizon[i], self.belief[i], self.temperature[i])
        return self.weights[i].tobytes() + b"".join(value.tobytes() for value in own)

    def take(self, index: Ints) -> PlannerRules:
        """The rules at some positions."""
        return replace(
            self,
            weights=self.weights[index],
            horizon=self.horizon[index],
            belief=self.belief[index],
            temperature=self.temperature[index],
        )

    def without(self, feature: int) -> PlannerRules:
        """The same planners with one desire switched off: its weight is 0."""
        weights = self.weights.copy()
        weights[:, feature] = 0.0
        return replace(self, weights=weights)

    def planners(self) -> tuple[PlannerRules, ...]:
        """These planners."""
        return (self,)

    def with_planners(self, *planners: PlannerRules) -> PlannerRules:
        """The one replacement."""
        (only,) = planners
        return only


GATES = ("closed", "open", "inverse")


@dataclass(frozen=True, eq=False)
class GatedRules(DecisionRules):
    """`n` gated planners with two objectives. The cue of the current state selects one of them.

    Attributes
    ----------
    first : PlannerRules
        Planners for the first objective.
    second : PlannerRules
        The same planners (horizon, belief and all else) for the second objective.
    gate : numpy.ndarray
        `[n]` index into `GATES`. `closed`: always the first objective. `open`: the second where
        the cue says that this is the modern world. `inverse`: the second where the cue does not.
    """

    first: PlannerRules
    second: PlannerRules
    gate: Ints

    def __len__(self) -> int:
        return len(self.gate)

    @property
    def horizon(self) -> Ints:
        """`[n]` steps the planner looks ahead."""
        return self.first.horizon

    @property
    def temperature(self) -> Floats:
        """`[n]` softmax temperature over act values."""
        return self.first.temperature

    @property
    def levels(self) -> int:
        """Number of levels of a policy."""
        return self.first.levels

    @property
    def fitness_retained(self) -> Floats:
        """`[n]` share of lifetime payoff that is left after the planning cost.

        A second objective costs nothing.
        """
        return self.first.fitness_retained

    def key(self, i: int) -> bytes:
        """Equal for equal rules of one genome."""
        return self.first.key(i) + self.second.key(i) + self.gate[i].tobytes()

    def take(self, index: Ints) -> GatedRules:
        """The rules at some positions."""
        return GatedRules(self.first.take(index), self.second.take(index), self.gate[index])

    def planners(self) -> tuple[PlannerRules, ...]:
        """The planners for the first and for the second objective."""
        return (self.first, self.second)

    def with_planners(self, *planners: PlannerRules) -> GatedRules:
        """The same gates with other planners."""
        first, second = planners
        return replace(self, first=first, second=second)

    def second_objective(self, i: int, cue: Bools | None) -> Bools | None:
        """`[S]`: where the second objective of rule `i` decides, by the cue of each state."""
        assert cue is not None
        return second_objective_active(int(self.gate[i]), cue)


@dataclass(frozen=True, eq=False)
class ReflexRules(DecisionRules):
    """`n` reflexes: one act for each observation class. No objective, no search.

    Attributes
    ----------
    acts : numpy.ndarray
        `[n, C]` the act done in each class, as index into `names`.
    names : tuple of str
        Names of acts.
    """

    acts_by_observation: ClassVar[bool] = True

    acts: Ints
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.acts)

    @property
    def fitness_retained(self) -> Floats:
        """`[n]` ones: reacting costs nothing."""
        return np.ones(len(self.acts))

    def key(self, i: int) -> bytes:
        """Equal for equal rules of one genome."""
        return self.acts[i].tobytes()

    def take(self, index: Ints) -> ReflexRules:
        """The rules at some positions."""
        return replace(self, acts=self.acts[index])


def second_objective_active(gate: int, cue: Bools) -> Bools:
    """`[S]`: where a gate selects the second objective.

    Parameters
    ----------
    gate : int
        Index into `GATES`.
    cue : numpy.ndarray
        `[S]`, true where the agent receives the cue `modern`.

    Returns
    -------
    numpy.ndarray
        `[S]`, true where the second objective decides.
    """
    return {"closed": np.zeros_like(cue), "open": cue, "inverse": ~cue}[GATES[gate]]


@dataclass(frozen=True, eq=False)
class TableRules(DecisionRules):
    """`n` policies, written out as chances of acts. No objective, no search.

    Where an act is unavailable, the rule does the world's default act.

    Attributes
    ----------
    policies : numpy.ndarray
        `[n, L, S, A]` chances of acts. Level `l` is for `l + 1` remaining ages, the last level for
        all larger numbers.
    names : tuple of str
        Names of the `A` acts.
    fitness_retained : numpy.ndarray
        `[n]` share of lifetime payoff that is left after the cost of the table.
    """

    policies: Floats
    names: tuple[str, ...]
    fitness_retained: Floats

    def __len__(self) -> int:
        return len(self.policies)

    def key(self, i: int) -> bytes:
        """Equal for equal rules of one genome."""
        return self.policies[i].tobytes() + self.fitness_retained[i].tobytes()

    def take(self, index: Ints) -> TableRules:
        """The rules at some positions."""
        return replace(
            self, policies=self.policies[index], fitness_retained=self.fitness_retained[index]
        )
