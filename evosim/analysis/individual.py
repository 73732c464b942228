"""Individuals: what one class of the grid does and is worth in both worlds, by the reference code."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evosim.reference.planning import Floats, lifetime, occupancy
from evosim.reference.policies import policy_of
from genomes import Genome, Rules
from worlds import TabularMdp, WorldPair


@dataclass(frozen=True, eq=False)
class Conduct:
    """What a rule does in one world.

    Attributes:
        occupancy: `[T, S, A]` chance of being in a state at an age and doing the act.
        payoff, intent: expected lifetime amounts, gross of upkeep.
        kept: share left after upkeep.
    """

    occupancy: Floats
    payoff: float
    intent: float
    kept: float

    @property
    def fitness(self) -> float:
        """Expected offspring, net."""
        return self.payoff * self.kept

    @property
    def net_intent(self) -> float:
        """Expected intent, net."""
        return self.intent * self.kept

    def key(self) -> bytes:
        """Equal for equal behaviour: the same acts in the same states at the same ages, to 1e-9."""
        return np.round(self.occupancy, 9).tobytes()


class Conducts:
    """Conduct of classes in both worlds, remembered; equal policies are worked out once."""

    def __init__(self, genome: Genome, pair: WorldPair) -> None:
        self.genome, self.pair = genome, pair
        self._by_class: dict[tuple[int, str], Conduct] = {}
        self._by_policy: dict[tuple[bytes, str], tuple[Floats, float, float]] = {}
        self._payoffs: dict[tuple[bytes, str], float] = {}

    def world(self, which: str) -> TabularMdp:
        """The ancestral or the modern world."""
        return self.pair.ancestral if which == "ancestral" else self.pair.modern

    def of(self, number: int, which: str) -> Conduct:
        """Conduct of a class in the `ancestral` or the `modern` world."""
        found = self._by_class.get((number, which))
        if found is None:
            rules = self.genome.decode(np.array([number], dtype=np.int64))
            policy = policy_of(rules, 0, self.world(which), self.pair)
            key = (policy.tobytes(), which)
            if key not in self._by_policy:
                done = occupancy(self.world(which), policy)
                world = self.world(which)
                self._by_policy[key] = (done, float((done * world.payoff).sum()), float((done * world.intent).sum()))
            found = self._by_class[number, which] = Conduct(*self._by_policy[key], kept=float(rules.kept[0]))
        return found

    def fitness(self, rules: Rules, which: str) -> NDArray[np.float64]:
        """`[n]` net payoff of rules, which need not be on the grid."""
        out = np.empty(len(rules))
        world = self.world(which)
        for i in range(len(rules)):
            policy = policy_of(rules, i, world, self.pair)
            key = (policy.tobytes(), which)
            if key not in self._payoffs:
                self._payoffs[key] = lifetime(world, policy, world.payoff)
            out[i] = self._payoffs[key] * rules.kept[i]
        return out
