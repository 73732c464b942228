"""Stored values of classes change no number."""

from __future__ import annotations

import numpy as np
import pytest

from evosim.analysis import shared_cache
from evosim.analysis.shared_cache import SharedCache
from tests.support.settings import quick, setting


def test_a_full_cache_gives_the_same_ledgers(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = setting("micro", *quick("micro"))
    large = SharedCache(problem.genome, problem.pair)
    expected = [large.ledger(class_id) for class_id in range(6)]
    monkeypatch.setattr(shared_cache, "MOST_LEDGERS", 2)
    small = SharedCache(problem.genome, problem.pair)
    for class_id in (0, 1, 2, 0, 5, 3, 4, 0):
        np.testing.assert_array_equal(small.ledger(class_id).waste, expected[class_id].waste)
    assert large.ledger(3) is expected[3]
