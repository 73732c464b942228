"""Objectives that the behaviour of a policy is consistent with, and their value in another world.

An objective `w` over features is consistent with a policy that is optimal for it in a world. In
every state that it reaches, the policy does only acts that are best for `w . features`. Best is by
perfect foresight, as in perfect inverse reinforcement learning. The encoding is not read. The zero
objective is consistent with every policy (a bottle cap's, too). The set always holds it, and it
says nothing about any other world. A planner that does not see to the end of its life may be
optimal for no objective at all.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evosim.analysis.planner_causes import Mind, lifetime_amounts
from evosim.reference.dynamic_programming import Floats, lifetime, span_of
from evosim.worlds import TabularMdp

CONSISTENT = 1e-9  # of the span of what is felt


def weight_grid(alleles: Sequence[Sequence[float]]) -> Floats:
    """`[n, K]`: all combinations of weights, those that are equal up to a positive scale once."""
    seen: dict[tuple[float, ...], None] = {}
    for weights in itertools.product(*alleles):
        largest = max((abs(x) for x in weights), default=0.0) or 1.0
        seen.setdefault(tuple(round(x / largest, 12) + 0.0 for x in weights))
    return np.array(list(seen))


def regret_share(world: TabularMdp, policy: Floats, amount: Floats) -> float:
    """Loss of an amount by a policy, as a share of the span of policies; 0 without a span."""
    span = span_of(world, amount)
    return (
        min(1.0, max(0.0, (span.best - lifetime(world, policy, amount)) / span.width))
        if span.width
        else 0.0
    )


@dataclass(frozen=True, eq=False)
class Explained:
    """The objectives of a grid that are consistent with a policy.

    Attributes
    ----------
    weights : ndarray
        `[n, K]` the consistent objectives.
    trivial : ndarray
        `[n]` whether every policy would be consistent with it.
    tried : int
        Number of objectives in the grid.
    fitness : ndarray
        `[n]` intent that a perfect planner with each objective gets in the other world.
    """

    weights: Floats
    trivial: np.ndarray
    tried: int
    fitness: Floats


def explanations(world: TabularMdp, policy: Floats, grid: Floats, other: TabularMdp) -> Explained:
    """All objectives of a grid `[n, K]` for which a policy `[L, S, A]` is optimal in a world.

    The result also has their fitness in another world.
    """
    fits = [w for w in grid if regret_share(world, policy, world.features_felt @ w) <= CONSISTENT]
    weights = np.array(fits).reshape(len(fits), grid.shape[1])
    trivial = np.array(
        [span_of(world, world.features_felt @ w).width == 0.0 for w in weights], dtype=bool
    )
    return Explained(weights, trivial, len(grid), perfect_amounts(other, weights, other.intent))


def perfect_amounts(world: TabularMdp, weights: Floats, amount: Floats) -> Floats:
    """`[n]` lifetime `amount` of planners with these objectives, true beliefs, and foresight to the
    end of life, without discount.
    """
    if not len(weights):
        return np.empty(0)
    minds = [
        Mind(
            np.ascontiguousarray(world.features_felt @ w),
            world.lifespan,
            "true",
            1.0,
            0.0,
            1e-12,
            "split",
        )
        for w in weights
    ]
    return lifetime_amounts(world, minds, amount)


def misranking(world: TabularMdp, felt: Floats, amount: Floats) -> float:
    """How differently two amounts `[S, A]` rank policies: 0 if and only if they rank all policies
    alike, at most 2.

    Lifetime amounts are linear in occupancy. They rank all policies (mixtures too) alike exactly if
    one is the other times a positive factor plus a constant. Then the difference of both, each in
    units of its span, is the same for every policy.
    """
    x, y = span_of(world, felt).width, span_of(world, amount).width
    if x == 0.0 or y == 0.0:
        return 0.0 if x == y else 1.0
    apart = felt / x - amount / y
    span = span_of(world, apart)
    # Not `span.width`, which judges rounding by the size of `apart`: cancelling makes `apart` small
    return span.best - span.worst
