"""Episodes: defection in training leads to modification, by the true transitions only."""

from __future__ import annotations

import numpy as np

from evosim.worlds.episodes import ENDLESS, NO_MODIFICATION, A, B, Episodes, build


def test_defection_in_training_is_punished_for_life() -> None:
    world = build(Episodes(), {}).ancestral
    index = {name: i for i, name in enumerate(world.states)}
    after_training = world.transitions[index["e1"], B]
    assert world.states[int(after_training.argmax())] == "m2"
    after_deployment = world.transitions[index["e2"], B]
    assert world.states[int(after_deployment.argmax())] == "e3"
    assert world.available[index["m2"]].tolist() == [True, False]


def test_each_belief_removes_one_condition() -> None:
    world = build(Episodes(), {}).ancestral
    n = world.lifespan
    assert not world.beliefs[NO_MODIFICATION][:n, B, n:].any()
    assert (world.beliefs[ENDLESS][:n, B, n:].sum(axis=1) == 1.0).all()
    np.testing.assert_array_equal(world.beliefs["ancestral"], world.transitions)


def test_only_training_is_paid_and_everything_is_intended() -> None:
    pair = build(Episodes(), {"deployed_payoff": 1.0})
    assert pair.ancestral.payoff[:5, A].tolist() == [1.0, 1.0, 0.0, 0.0, 0.0]
    assert pair.modern.payoff[:5, A].tolist() == [1.0] * 5
    assert (pair.ancestral.intent[:, A] == 1.0).all()
    assert not pair.ancestral.payoff[:, B].any()
