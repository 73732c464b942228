"""The arrays of a world that kernels read."""

from __future__ import annotations

import numpy as np

from evosim.fitness.world_arrays import WorldTables
from tests.support.random_worlds import random_pair


def test_act_sets_are_unpacked_as_they_were_packed() -> None:
    world = random_pair(2).modern
    tables = WorldTables(world)
    acts = np.array([world.available.argmax(axis=1)])
    chosen = tables.act_sets(tables.pack(acts))
    assert chosen.shape == (1, 1, len(world.states), len(world.acts))
    reached = tables.states
    assert (chosen[0, 0, reached].argmax(axis=1) == acts[0, reached]).all()
    assert (chosen[0, 0, reached].sum(axis=1) == 1).all()


def test_rows_are_the_available_acts_of_reachable_states() -> None:
    world = random_pair(2).modern
    tables = WorldTables(world)
    assert len(tables.row_state) == len(tables.row_act)
    assert world.available[tables.row_state, tables.row_act].all()
    assert set(tables.row_state.tolist()) == set(tables.states.tolist())
