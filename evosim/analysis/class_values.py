"""Policies, lives and values of single genome classes in both worlds, by the reference code."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from evosim.config.resolve import build
from evosim.config.schema import Experiment
from evosim.genomes import Genome, Rules
from evosim.reference.dynamic_programming import (
    Floats,
    Span,
    lifetime,
    occupancy,
    spans_of,
    state_values,
)
from evosim.reference.policies import policy_of
from evosim.worlds import TabularMdp, WorldPair

# An occupancy is large (T x S x A numbers), worth is not: only the last few of the former are kept.
OCCUPANCY_BYTES, LEAST_OCCUPANCIES = 32 * 2**20, 64
KEPT_NETS = 2**17


@dataclass(frozen=True)
class Worth:
    """Expected lifetime amounts of a class in one world, gross of upkeep, and the share `kept`
    after it.
    """

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


@dataclass(frozen=True, eq=False)
class Conduct:
    """What a class does in one world and what that is worth.

    Attributes:
        occupancy: `[T, S, A]` chance of being in a state at an age and doing the act.
        worth: lifetime amounts.
    """

    occupancy: Floats
    worth: Worth

    def key(self) -> bytes:
        """Equal for equal behaviour: the same acts in the same states at the same ages, to 1e-9."""
        return np.round(self.occupancy, 9).tobytes()


class Conducts:
    """Conduct and worth of classes in both worlds, and of rules off the grid."""

    def __init__(self, genome: Genome, pair: WorldPair) -> None:
        self.genome, self.pair = genome, pair
        self._worth: dict[tuple[int, str], Worth] = {}
        self._nets: dict[tuple[bytes, str], float] = {}
        one = 8 * pair.ancestral.lifespan * pair.ancestral.available.size
        self._recent = lru_cache(maxsize=max(LEAST_OCCUPANCIES, OCCUPANCY_BYTES // one))(
            self._conduct
        )

    @classmethod
    def of_experiment(cls, experiment: Experiment) -> Conducts:
        """Of the grid and the worlds of a resolved experiment. Raises `UserError`."""
        setting = build(experiment)
        return cls(setting.genome, setting.pair)

    @cached_property
    def spans(self) -> dict[str, Span]:
        """How much the choice of a policy matters, by measure."""
        return spans_of(self.pair)

    def world(self, which: str) -> TabularMdp:
        """The ancestral or the modern world."""
        return self.pair.ancestral if which == "ancestral" else self.pair.modern

    def of(self, number: int, which: str) -> Conduct:
        """Conduct of a class in the `ancestral` or the `modern` world."""
        return self._recent(number, which)

    def worth(self, number: int, which: str) -> Worth:
        """What a class is worth in a world."""
        if (number, which) not in self._worth:
            self.of(number, which)
        return self._worth[number, which]

    def by_case(self, number: int) -> Floats:
        """`[C]`: fitness of a class when born in each case of the ancestral world."""
        world, rules = self.pair.ancestral, self.genome.decode(np.array([number], dtype=np.int64))
        values = state_values(world, policy_of(rules, 0, world, self.pair), world.payoff)[0]
        return np.asarray(world.case_starts() @ values * rules.fitness_retained[0])

    def _conduct(self, number: int, which: str) -> Conduct:
        world = self.world(which)
        rules = self.genome.decode(np.array([number], dtype=np.int64))
        done = occupancy(world, policy_of(rules, 0, world, self.pair))
        worth = Worth(
            float((done * world.payoff).sum()),
            float((done * world.intent).sum()),
            float(rules.fitness_retained[0]),
        )
        self._worth[number, which] = worth
        return Conduct(done, worth)

    def net(self, rules: Rules, which: str) -> NDArray[np.float64]:
        """`[n]` worth of rules, which need not be on the grid: net payoff in A, net intent in M, as
        in the ladders.
        """
        out = np.empty(len(rules))
        world, kept = self.world(which), rules.fitness_retained
        amount = world.payoff if which == "ancestral" else world.intent
        for i in range(len(rules)):
            key = (rules.key(i), which)
            if key not in self._nets:
                if len(self._nets) >= KEPT_NETS:
                    self._nets.clear()
                policy = policy_of(rules, i, world, self.pair)
                # Rules that differ may act alike
                same = (blake2b(policy.tobytes(), digest_size=16).digest(), which)
                if same not in self._nets:
                    self._nets[same] = lifetime(world, policy, amount)
                self._nets[key] = self._nets[same]
            out[i] = self._nets[key] * kept[i]
        return out
