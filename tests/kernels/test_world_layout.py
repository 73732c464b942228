"""Layout of worlds for kernels."""

from __future__ import annotations

import numpy as np

from evosim.fitness.world_arrays import WorldTables
from evosim.kernels.world_layout import GROUP, WORD
from tests.support.random_worlds import random_pair


def test_rows_hold_every_transition_in_whole_groups() -> None:
    world = random_pair(3).modern
    tables = WorldTables(world)
    rows = tables.rows["true"]
    assert tables.stride % WORD == 0
    assert (np.diff(rows.offsets) % GROUP == 0).all()
    sums = np.add.reduceat(rows.chances, rows.offsets[:-1])
    np.testing.assert_allclose(sums, 1.0)
