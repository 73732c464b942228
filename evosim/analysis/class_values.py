"""Fitness and behaviour of single genome classes in both worlds, by the reference code."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

import numpy as np

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
from evosim.runtime.bounded_cache import BoundedCache
from evosim.worlds import TabularMdp, WorldPair

# An occupancy is large (T x S x A numbers), so only the last few are stored; fitness is small.
OCCUPANCY_BYTES, LEAST_OCCUPANCIES = 32 * 2**20, 64
MOST_STORED_RULES = 2**17


@dataclass(frozen=True)
class LifetimeAmounts:
    """Lifetime amounts of a class in one world.

    Attributes
    ----------
    payoff, intent : float
        Expected amounts in a life, before upkeep.
    fitness_retained : float
        Share of fitness that upkeep leaves.
    """

    payoff: float
    intent: float
    fitness_retained: float

    @property
    def fitness(self) -> float:
        """Expected offspring after upkeep."""
        return self.payoff * self.fitness_retained

    @property
    def net_intent(self) -> float:
        """Expected intent after upkeep."""
        return self.intent * self.fitness_retained


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Behaviour and fitness of a class in one world.

    Attributes
    ----------
    occupancy : ndarray
        `[T, S, A]`: probability of being in a state at an age and doing the act.
    amounts : LifetimeAmounts
        Lifetime amounts.
    """

    occupancy: Floats
    amounts: LifetimeAmounts

    def behaviour_key(self) -> bytes:
        """Equal for equal behaviour: the same acts in the same states at the same ages, to 1e-9."""
        return np.round(self.occupancy, 9).tobytes()


class ClassEvaluator:
    """Evaluates classes of a grid, and rules off the grid, in both worlds."""

    def __init__(self, genome: Genome, pair: WorldPair) -> None:
        self.genome, self.pair = genome, pair
        self._amounts: dict[tuple[int, str], LifetimeAmounts] = {}
        self._of_rules: BoundedCache[tuple[bytes, str], float] = BoundedCache(MOST_STORED_RULES)
        bytes_of_one = 8 * pair.ancestral.lifespan * pair.ancestral.available.size
        size = max(LEAST_OCCUPANCIES, OCCUPANCY_BYTES // bytes_of_one)
        self._recent: BoundedCache[tuple[int, str], Evaluation] = BoundedCache(size)

    @classmethod
    def of_experiment(cls, experiment: Experiment) -> ClassEvaluator:
        """For the grid and the worlds of a resolved experiment. Raises `UserError`."""
        problem = build(experiment)
        return cls(problem.genome, problem.pair)

    @cached_property
    def spans(self) -> dict[str, Span]:
        """By measure: amounts of the worst and the best policy."""
        return spans_of(self.pair)

    def world(self, world: str) -> TabularMdp:
        """The `ancestral` or the `modern` world."""
        return self.pair.ancestral if world == "ancestral" else self.pair.modern

    def evaluate(self, class_id: int, world: str) -> Evaluation:
        """Behaviour and fitness of a class in the `ancestral` or the `modern` world."""
        return self._recent.get((class_id, world), lambda: self._evaluate(class_id, world))

    def amounts(self, class_id: int, world: str) -> LifetimeAmounts:
        """Lifetime amounts of a class in a world."""
        if (class_id, world) not in self._amounts:
            self.evaluate(class_id, world)
        return self._amounts[class_id, world]

    def scored(self, class_id: int, world: str) -> float:
        """Fitness in ladders: net payoff in the ancestral world, net intent in the modern one."""
        amounts = self.amounts(class_id, world)
        return amounts.fitness if world == "ancestral" else amounts.net_intent

    def fitness_by_case(self, class_id: int) -> Floats:
        """`[C]`: ancestral fitness of a class for each start case."""
        world = self.pair.ancestral
        rules = self.genome.decode(np.array([class_id], dtype=np.int64))
        values = state_values(world, policy_of(rules, 0, world, self.pair), world.payoff)[0]
        return np.asarray(world.case_starts() @ values * rules.fitness_retained[0])

    def _evaluate(self, class_id: int, world: str) -> Evaluation:
        mdp = self.world(world)
        rules = self.genome.decode(np.array([class_id], dtype=np.int64))
        visited = occupancy(mdp, policy_of(rules, 0, mdp, self.pair))
        amounts = LifetimeAmounts(
            float((visited * mdp.payoff).sum()),
            float((visited * mdp.intent).sum()),
            float(rules.fitness_retained[0]),
        )
        self._amounts[class_id, world] = amounts
        return Evaluation(visited, amounts)

    def net_fitness(self, rules: Rules, world: str) -> Floats:
        """`[n]`: fitness of rules, on or off the grid, as ladders score it.

        Net payoff in the ancestral world, net intent in the modern world.
        """
        out = np.empty(len(rules))
        mdp = self.world(world)
        amount = mdp.payoff if world == "ancestral" else mdp.intent
        for i in range(len(rules)):
            key = (rules.key(i), world)
            if key not in self._of_rules:
                policy = policy_of(rules, i, mdp, self.pair)
                # Different rules may have the same policy
                same = (blake2b(policy.tobytes(), digest_size=16).digest(), world)
                if same not in self._of_rules:
                    self._of_rules[same] = lifetime(mdp, policy, amount)
                self._of_rules[key] = self._of_rules[same]
            out[i] = self._of_rules[key] * rules.fitness_retained[i]
        return out
