"""A sampled life is one that the policy can live."""

from __future__ import annotations

import numpy as np

from evosim.analysis import sample_life
from tests.support.accounts import accountant_of


def test_the_middling_life_is_nearest_to_the_means() -> None:
    amounts = np.array([[0.0, 0.0], [1.0, 1.0], [5.0, 5.0]])
    assert sample_life.middling(amounts, np.array([1.1, 0.9])) == 1


def test_a_life_is_the_same_again() -> None:
    evaluator = accountant_of("micro").cache.evaluator
    one, again = (sample_life.life(evaluator, 3, seed=1, drawn=50) for _ in range(2))
    assert one.rows.equals(again.rows)
    for field in vars(one).keys() - {"rows"}:
        np.testing.assert_equal(getattr(one, field), getattr(again, field))
