"""Claim 8: optima of payoffs, and desires under mutation alone."""

from __future__ import annotations

import numpy as np
import pytest

from evosim.claims import villages
from evosim.claims.experiments import build_packaged
from evosim.reference.dynamic_programming import extreme_values


def test_the_optimum_has_the_largest_value() -> None:
    world = build_packaged("villages").pair.ancestral
    done = villages.optimum(world, world.payoff)
    best = float(world.start @ extreme_values(world, world.payoff)[0][0])
    assert float((done * world.payoff).sum()) == pytest.approx(best, rel=1e-9)


def test_mutation_alone_moves_desires_towards_even_shares() -> None:
    made = build_packaged("villages")
    share = villages.neutral(made, "brotherhood")
    assert 0.0 < share < 1.0
    assert np.isfinite(share)
