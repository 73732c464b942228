"""Many generations of genetics in one call."""

from __future__ import annotations

import numpy as np

from evosim.kernels import breeding
from evosim.optimizers.meiosis_arrays import meiosis_of
from evosim.verify.engine import costs_of
from tests.support.twins import genetics


def test_replicates_have_seeds_that_count_up() -> None:
    grid = genetics(9, 2, 3)
    founders = np.random.default_rng(0).integers(0, 2, (40, 9)).astype(np.uint8)
    watched = np.array([[0, 1]])

    def run(first_seed: int, runs: int) -> tuple[np.ndarray, np.ndarray]:
        census = np.zeros((runs, 3, 1, 3), dtype=np.int64)
        last = np.empty((runs, 40, 9), dtype=np.uint8)
        mating = breeding.Mating(0, True)
        breeding.replicates(
            meiosis_of(grid), costs_of(grid), founders, mating, first_seed, watched, census, last
        )
        return census, last

    (census, last), (later_census, later_last) = run(7, 2), run(8, 1)
    np.testing.assert_array_equal(census[1], later_census[0])
    np.testing.assert_array_equal(last[1], later_last[0])
    assert (census.sum(axis=3) == 20).all()
