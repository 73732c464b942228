"""The facts of a checkpoint describe its state, and back."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from evosim.runs.checkpoint_facts import Part, RunFacts, arrays_of
from evosim.simulation.state import Position, RecordState, RunState


def test_a_state_is_the_same_after_facts_and_arrays() -> None:
    record = RecordState({"lived": np.arange(3)}, {"generations": pl.DataFrame()}, 8, 2, "abc")
    state = RunState(Position("seed 3", 3, "", 20, 9), {"genotypes": np.ones(2)}, record)
    facts, arrays = RunFacts.from_state(state), arrays_of(state)
    assert set(arrays) == {"optimizer:genotypes", "lived"}
    again = RunFacts.model_validate_json(facts.model_dump_json()).state(arrays, record.tables)
    assert again.position == state.position
    assert again.optimizer.keys() == {"genotypes"}
    assert again.record.arrays.keys() == {"lived"}
    assert (again.record.first, again.record.blocks, again.record.seal) == (8, 2, "abc")


@pytest.mark.parametrize("seconds", [-1.0, float("inf"), "long"])
def test_impossible_seconds_are_refused(seconds: object) -> None:
    facts = {"by": None, "saved": "", "run": None, "generation": None, "finished": 0}
    assert Part.model_validate(facts | {"seconds": {"evolution": 1.5, "other": 0.5}}).total == 2.0
    with pytest.raises(ValidationError):
        Part.model_validate(facts | {"seconds": {"evolution": seconds}})
