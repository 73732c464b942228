"""Values, occupancy and spans against enumeration of paths and policies."""

from __future__ import annotations

import numpy as np
import pytest

from evosim.reference.dynamic_programming import (
    extreme_values,
    lifetime,
    occupancy,
    plan,
    span_of,
    state_values,
)
from evosim.testing import best_by_enumeration, lifetime_by_paths
from tests.support.random_worlds import random_pair, random_policy


def test_lifetime_is_the_sum_over_paths() -> None:
    world = random_pair(1, states=3, acts=2, lifespan=4).ancestral
    first = world.available.argmax(axis=1)
    policy = np.eye(len(world.acts))[first][None]
    by_paths = lifetime_by_paths(world, lambda age, state: [int(first[state])], world.payoff)
    assert lifetime(world, policy, world.payoff) == pytest.approx(by_paths, rel=1e-12)


def test_occupancy_times_payoff_is_the_lifetime_payoff() -> None:
    world = random_pair(2).ancestral
    policy = random_policy(world, 0)
    expected = float((occupancy(world, policy) * world.payoff).sum())
    assert lifetime(world, policy, world.payoff) == pytest.approx(expected, rel=1e-12)
    assert (state_values(world, policy, world.payoff)[-1] == 0.0).all()


def test_the_best_value_is_that_of_enumeration() -> None:
    world = random_pair(3, states=3, acts=2, lifespan=3).ancestral
    best = float(world.start @ extreme_values(world, world.payoff)[0][0])
    assert best == pytest.approx(best_by_enumeration(world), rel=1e-12)
    span = span_of(world, world.payoff)
    assert span.best == pytest.approx(best, rel=1e-12)
    worst = -best_by_enumeration(world, -world.payoff)
    assert span.worst == pytest.approx(worst, rel=1e-12)
    assert span.share(span.best) == 1.0
    assert span.share(span.worst) == 0.0


def test_a_far_sighted_planner_of_payoff_is_optimal() -> None:
    world = random_pair(4).ancestral
    world_with_payoff = type(world)(
        **{
            **{name: getattr(world, name) for name in world.__dataclass_fields__},
            "features": ("payoff",),
            "features_felt": world.payoff[:, :, None],
        }
    )
    policy = plan(world_with_payoff, np.ones(1), world.lifespan, tie_tolerance=0.0)
    best = span_of(world, world.payoff).best
    assert lifetime(world_with_payoff, policy, world.payoff) == pytest.approx(best, rel=1e-12)
