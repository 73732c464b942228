"""The status of a sweep."""

from __future__ import annotations

from pathlib import Path

import pytest

from evosim.sweeps.status import status_of
from tests.support.sweeps import compute, start_sweep


@pytest.mark.slow
def test_a_cell_that_dies_out_is_a_result(tmp_path: Path) -> None:
    text = (
        'name = "gone"\nexperiment = "coarse-savanna"\nkeep ='
        ' ["ladder"]\n[set]\nphases.0.generations = 4\nphases.1.generations = 3\n'
    )
    text += (
        '"optimizer.population" = 20\n"world.modern.contraception" ='
        " false\n[grid]\nworld.modern.conception = [0.0, 0.5]\n"
    )
    store = start_sweep(tmp_path / "s", text)
    compute(store)
    state = status_of(store)
    assert (state.extinct, state.failed, state.done) == (1, 0, 2)
