"""Sampled lives against their NumPy twin, number for number."""

from __future__ import annotations

import numpy as np

from evosim.reference import rollout
from tests.support.random_worlds import random_pair, random_policy
from tests.support.twins import lives


def test_lives_number_for_number() -> None:
    pair = random_pair(4)
    policy = random_policy(pair.modern, 5, levels=3)
    states, acts = lives(pair, policy, 200, seed=9)
    expected = rollout.live(pair.modern, policy, 200, 3, 9)
    np.testing.assert_array_equal(states, expected[0])
    np.testing.assert_array_equal(acts, expected[1])
    assert pair.modern.available[states, acts].all()
