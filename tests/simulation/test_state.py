"""States are plain values."""

from __future__ import annotations

import json
from dataclasses import asdict

from evosim.fitness.landscape import Landscape
from evosim.simulation.loop import simulate
from evosim.simulation.session import Session, Snapshot
from tests.support.settings import quick, setting


def test_a_state_is_json_arrays_and_tables() -> None:
    problem = setting("coarse-drive", *quick("coarse-drive"))
    last: list[Snapshot] = []

    class Last(Session):
        def after_generation(self, snapshot: Snapshot) -> None:
            last[:] = [snapshot]

    run = simulate(problem, Landscape(problem), 1, Last(), control="fair_again")
    state = last[0].state()
    assert json.loads(json.dumps(asdict(state.position)))["label"] == "fair again control"
    assert state.position.generation == run.generations - 1
    arrays = [*state.optimizer.values(), *state.record.arrays.values()]
    assert not any(array.dtype.hasobject for array in arrays)
    assert (state.record.first, state.record.blocks, state.record.seal) == (0, 0, "")
