"""The cells of a sweep as arrays."""

from __future__ import annotations

import numpy as np

from evosim.sweeps.analysis_tables import Analysis
from evosim.sweeps.store import Store
from evosim.sweeps.sweep_grid import grid_of, range_of, range_of_difference


def test_values_are_laid_out_by_levels(analysed: tuple[Store, Analysis]) -> None:
    store, _ = analysed
    grid = grid_of(store)
    assert grid.shape == (2, 2)
    population = np.repeat(grid.cells["optimizer.population"].to_numpy()[:, None], 2, axis=1)
    laid = grid.laid_out(population.astype(float))
    assert laid.shape == (2, 2, 2)
    assert (laid[0] == 10.0).all()
    assert (laid[1] == 20.0).all()
    assert grid.counts().planned == grid.counts().complete == 8


def test_only_what_depends_on_no_seed_is_exact(analysed: tuple[Store, Analysis]) -> None:
    grid = grid_of(analysed[0])
    assert grid.exact("ladder.modern.rungs.optimum").all()
    assert not grid.exact("ladder.modern.rungs.population").any()


def test_shares_have_a_range_and_so_have_differences() -> None:
    assert range_of("extinct") == (0.0, 1.0)
    assert range_of("anything else") is None
    assert range_of_difference((0.0, 1.0), 2.0) == (-2.0, 2.0)
    assert range_of_difference(None) is None
