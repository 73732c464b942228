"""Policies of tables of named acts in a world."""

from __future__ import annotations

import numpy as np

from evosim.reference.policies import in_world
from tests.support.random_worlds import random_pair


def test_unavailable_acts_become_the_default_act() -> None:
    world = random_pair(1).ancestral
    table = np.zeros((1, len(world.states), 2))
    table[:, :, 0], table[:, :, 1] = 0.75, 0.25
    policy = in_world(table, ("a2", "a1"), world, "a0")
    assert policy.shape == (1, len(world.states), len(world.acts))
    np.testing.assert_allclose(policy.sum(axis=2), 1.0)
    assert not policy[0][~world.available].any()
    np.testing.assert_array_equal(policy[0, :, 2], 0.75 * world.available[:, 2])
