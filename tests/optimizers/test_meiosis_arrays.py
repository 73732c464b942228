"""Arrays of meiosis, and forces as bits."""

from __future__ import annotations

import itertools

import numpy as np

from evosim.optimizers.meiosis_arrays import FORCES, flags, forces_of, meiosis_of
from tests.support.settings import setting


def test_every_set_of_forces_has_its_own_bits() -> None:
    subsets = [frozenset(s) for n in range(4) for s in itertools.combinations(FORCES, n)]
    assert len({flags(subset) for subset in subsets}) == len(subsets) == 8
    assert flags(frozenset()) == 0


def test_drivers_are_on_their_chromosomes() -> None:
    grid = setting("coarse-drive").genome.grid
    meiosis = meiosis_of(grid)
    placed = {driver.locus for driver in grid.drive.drivers}
    assert set(meiosis.driver[meiosis.driver >= 0].tolist()) == placed
    assert (meiosis.crossover[meiosis.starts[:-1]] == 0.0).all()
    assert "drive" in forces_of(grid, meiosis)


def test_a_grid_without_mutation_has_no_such_force() -> None:
    grid = setting("coarse-savanna").genome.grid
    meiosis = meiosis_of(grid)._replace(rates=np.zeros(len(grid.loci)))
    assert "mutation" not in forces_of(grid, meiosis)
