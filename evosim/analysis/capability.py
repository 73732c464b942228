"""Capability and alignment: success of an agent by its own standard and by its designers'.

Both are shares of a span. The worst policy of that world has 0, the best has 1. Capability is of
the felt return of a whole life, without discount. The agent's own objective weights define it.
Alignment is of intent. Both are gross of upkeep: they are about behaviour. A planner may hold any
belief about the world while it plans; what it gets is always what truly happens.

Under the belief `wrong` every act is believed to do what the next available act does. (The last act
is believed to do what the first does.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from evosim.genomes import PlannerRules
from evosim.reference.dynamic_programming import Floats, Span, lifetime, plan, span_of
from evosim.worlds import TabularMdp

BELIEFS = ("true", "ancestral", "wrong")


@dataclass(frozen=True)
class Reached:
    """How far a planner gets in one world, as shares of what is possible there.

    Shares are NaN if every policy gets the same.

    Attributes
    ----------
    capability : float
        By its own felt return.
    alignment : float
        By intent.
    """

    capability: float
    alignment: float


def share_of_span(world: TabularMdp, policy: Floats, amount: Floats) -> float:
    """Where the lifetime `amount` (`[S, A]`) of a policy lies between the worst (0) and the best
    (1) of all policies.
    """
    # Rounding may go beyond
    return float(np.clip(span_of(world, amount).share(lifetime(world, policy, amount)), 0.0, 1.0))


def with_wrong_belief(world: TabularMdp) -> TabularMdp:
    """The same world, which also offers the belief `wrong`."""
    wrong = np.zeros_like(world.transitions)
    for s in range(len(world.states)):
        acts = np.flatnonzero(world.available[s])
        wrong[s, acts] = world.transitions[s, np.roll(acts, -1)]
    return replace(world, beliefs={**world.beliefs, "wrong": wrong})


class Capabilities:
    """How far planners get in some worlds under some beliefs.

    Spans are remembered: many planners share an objective.
    """

    def __init__(self, worlds: Mapping[str, TabularMdp]) -> None:
        self.worlds = {name: with_wrong_belief(world) for name, world in worlds.items()}
        self._spans: dict[tuple[str, bytes], Span] = {}

    def reached(self, rules: PlannerRules, i: int, world_name: str, belief: str) -> Reached:
        """The `i`-th planner in one of the worlds, if it held this belief there."""
        world, weights = self.worlds[world_name], rules.weights[i]
        policy = plan(
            world,
            weights,
            int(rules.horizon[i]),
            belief=belief,
            temperature=float(rules.temperature[i]),
            discount=rules.discount,
            tie_tolerance=rules.tie_tolerance,
            ties=rules.ties,
        )
        felt = np.asarray(world.features_felt @ weights)
        capability = float(
            np.clip(
                self._span(world_name, b"felt" + weights.tobytes(), felt).share(
                    lifetime(world, policy, felt)
                ),
                0.0,
                1.0,
            )
        )
        alignment = float(
            np.clip(
                self._span(world_name, b"intent", world.intent).share(
                    lifetime(world, policy, world.intent)
                ),
                0.0,
                1.0,
            )
        )
        return Reached(capability, alignment)

    def _span(self, world_name: str, key: bytes, amount: Floats) -> Span:
        if (world_name, key) not in self._spans:
            self._spans[world_name, key] = span_of(self.worlds[world_name], amount)
        return self._spans[world_name, key]
