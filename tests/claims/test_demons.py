"""Claim 6: the compared searches, and the interval of a median."""

from __future__ import annotations

import numpy as np
import pytest

from evosim.claims import demons
from evosim.claims.experiments import claim_experiment


def test_every_search_has_a_twin_without_hills() -> None:
    arms = demons.arms_of(claim_experiment("claim-06-demons", "quick"))
    for name in demons.OTHERS:
        assert arms[f"{name} (flat)"].world.ancestral["epsilon"] == 0.0
    assert arms["4 sides"].world.ancestral["sides"] == 4


def test_the_interval_of_a_median_has_binomial_ranks() -> None:
    values = np.arange(1.0, 21.0)
    median = demons.median_of(values, "steps")
    assert median.value == pytest.approx(10.5)
    assert (median.low, median.high) == (6.0, 15.0)
