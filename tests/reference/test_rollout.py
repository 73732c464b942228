"""Sampled lives: transitions are possible, and means agree with exact values."""

from __future__ import annotations

import numpy as np

from evosim.reference.dynamic_programming import lifetime
from evosim.reference.rollout import live
from tests.support.random_worlds import random_pair, random_policy


def test_sampled_lives_agree_with_the_exact_value() -> None:
    world = random_pair(5).ancestral
    policy = random_policy(world, 1, levels=2)
    states, acts = live(world, policy, 4000, generation=0, seed=1)
    assert states.shape == acts.shape == (4000, world.lifespan)
    assert world.available[states, acts].all()
    assert (world.transitions[states[:, :-1], acts[:, :-1], states[:, 1:]] > 0.0).all()
    payoff = world.payoff[states, acts].sum(axis=1)
    error = payoff.std() / np.sqrt(len(payoff))
    assert abs(payoff.mean() - lifetime(world, policy, world.payoff)) < 4.5 * error
