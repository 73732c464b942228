"""CMA-ES over real vectors restarts when its distribution collapses."""

from __future__ import annotations

import numpy as np

from evosim.optimizers.cma_strategy import CmaStrategy


def test_a_strategy_that_collapses_begins_again() -> None:
    strategy = CmaStrategy(np.zeros(3), 0.3, 8, 0)
    for _ in range(2000):
        samples = strategy.ask()
        assert np.isfinite(samples).all()
        strategy.tell(samples, -(samples**2).sum(axis=1))
    assert strategy.restarts > 0
