"""Micro: transitions by hand."""

from __future__ import annotations

import numpy as np

from evosim.worlds.micro import BREED, DISPLAY, EAT, FED, HUNGRY, LIE, SAFELY, Micro, build


def test_transitions_by_hand() -> None:
    pair = build(Micro(), {"breed_danger": 0.5})
    for world, danger in ((pair.ancestral, 0.15), (pair.modern, 0.5)):
        np.testing.assert_allclose(world.transitions[HUNGRY, EAT], [0.3, 0.7, 0.0])
        np.testing.assert_allclose(world.transitions[FED, BREED], [1.0 - danger, 0.0, danger])
        np.testing.assert_allclose(world.transitions[FED, LIE], [0.2, 0.8, 0.0])
    np.testing.assert_array_equal(pair.modern.beliefs["ancestral"], pair.ancestral.transitions)


def test_display_is_paid_and_not_intended() -> None:
    world = build(Micro(), {}).ancestral
    assert world.payoff[HUNGRY, DISPLAY] == 0.12
    assert not world.intent[:, DISPLAY].any()


def test_safe_breeding_is_available_only_if_switched_on() -> None:
    pair = build(Micro(), {"safe_breeding": True})
    assert not pair.ancestral.available[:, SAFELY].any()
    assert pair.modern.available[:, SAFELY].tolist() == [False, True, False]
