"""Random numbers and weighted draws of the kernels."""

from __future__ import annotations

import numpy as np

from evosim.kernels import philox


def test_guided_pick_equals_pick() -> None:
    weights = np.array([0.0, 1.0, 0.0, 3.0, 0.5, 0.0])
    cumulative = np.cumsum(weights)
    guide = np.empty(len(weights), dtype=np.int32)
    philox.guide_chunk(0, len(weights), cumulative, guide)
    for u in np.linspace(0.0, 1.0, 200, endpoint=False):
        assert philox.guided_pick(cumulative, guide, u) == philox.pick(cumulative, u)


def test_items_without_weight_are_never_picked() -> None:
    cumulative = np.cumsum([0.0, 2.0, 0.0])
    assert {philox.pick(cumulative, u) for u in (0.0, 0.5, 1.0)} == {1}


def test_the_only_item_with_weight_is_found() -> None:
    assert philox.alone(np.cumsum([0.0, 2.0, 0.0])) == 1
    assert philox.alone(np.cumsum([1.0, 2.0])) == -1
    assert philox.alone(np.zeros(3)) == -1
