"""What a genome decodes to: decision rules, many at a time, as plain arrays.

A rule says how an individual decides; it knows no world. `evosim.fitness.scorer` turns rules and a
world into policies.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PlannerRules:
    """`n` inner planners: each plans for its own objective, in the world it believes in, to its own
    horizon.

    Attributes:
        weights: `[n, K]` objective weights over the world's features.
        horizon: `[n]` steps it looks ahead, at least 1.
        belief: `[n]` index into `beliefs`.
        temperature: `[n]` softmax temperature over act values, in units of felt reward; 0 is the
        act set. beliefs: names of the transition tables that `belief` points into. discount: felt
        discount per step. tie_tolerance: acts within this times max|felt reward| of the best are
        tied. ties: `split`, `first` or `last`. planning_cost: share of fitness lost per step of
        horizon. levels: the largest horizon of the genome: how many levels a policy has.
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
    def kept(self) -> Floats:
        """`[n]` share of lifetime payoff that is left after planning is paid for."""
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


GATES = ("closed", "open", "inverse")


@dataclass(frozen=True, eq=False)
class GatedRules:
    """`n` gated planners: two objectives, of which the cue of the current state selects one.

    Attributes:
        first: planners for the first objective.
        second: the same planners (horizon, belief and all else) for the second objective.
        gate: `[n]` index into `GATES`: `closed`, always the first objective; `open`, the second
        where the agent is told
            that this is the modern world; `inverse`, the second where it is not.
    """

    first: PlannerRules
    second: PlannerRules
    gate: Ints

    def __len__(self) -> int:
        return len(self.gate)

    @property
    def horizon(self) -> Ints:
        """`[n]` steps it looks ahead."""
        return self.first.horizon

    @property
    def temperature(self) -> Floats:
        """`[n]` softmax temperature over act values."""
        return self.first.temperature

    @property
    def levels(self) -> int:
        """How many levels a policy has."""
        return self.first.levels

    @property
    def kept(self) -> Floats:
        """`[n]` share of lifetime payoff that is left after planning is paid for.

        A second objective costs nothing.
        """
        return self.first.kept

    def key(self, i: int) -> bytes:
        """Equal for equal rules of one genome."""
        return self.first.key(i) + self.second.key(i) + self.gate[i].tobytes()

    def take(self, index: Ints) -> GatedRules:
        """The rules at some positions."""
        return GatedRules(self.first.take(index), self.second.take(index), self.gate[index])


@dataclass(frozen=True, eq=False)
class ReflexRules:
    """`n` reflexes: an act for each observation class. No objective, no search.

    Attributes:
        acts: `[n, C]` the act done in each class, as index into `names`.
        names: names of acts.
    """

    acts: Ints
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.acts)

    @property
    def kept(self) -> Floats:
        """`[n]` ones: reacting costs nothing."""
        return np.ones(len(self.acts))

    def key(self, i: int) -> bytes:
        """Equal for equal rules of one genome."""
        return self.acts[i].tobytes()

    def take(self, index: Ints) -> ReflexRules:
        """The rules at some positions."""
        return replace(self, acts=self.acts[index])


def second_rules(gate: int, cue: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """`[S]`: where a gate (an index into `GATES`) has the second objective rule, by what each
    state's agent is told.
    """
    return {"closed": np.zeros_like(cue), "open": cue, "inverse": ~cue}[GATES[gate]]


@dataclass(frozen=True, eq=False)
class TableRules:
    """`n` compiled policies: what to do in every state with so much of life left, written out.

    No objective, no search.

    Attributes:
        policies: `[n, L, S, A]` chances of acts; level `l` is for `l + 1` ages that remain, the
        last for all longer ones. names: names of the `A` acts. kept: `[n]` share of lifetime payoff
        that is left after what the table costs.

    Where an act is unavailable, the world's default act is done instead.
    """

    policies: Floats
    names: tuple[str, ...]
    kept: Floats

    def __len__(self) -> int:
        return len(self.policies)

    def key(self, i: int) -> bytes:
        """Equal for equal rules of one genome."""
        return self.policies[i].tobytes() + self.kept[i].tobytes()

    def take(self, index: Ints) -> TableRules:
        """The rules at some positions."""
        return replace(self, policies=self.policies[index], kept=self.kept[index])


Planned = PlannerRules | GatedRules
Rules = PlannerRules | GatedRules | ReflexRules | TableRules
