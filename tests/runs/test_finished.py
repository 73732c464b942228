"""Complete replicates are collected, stored and restored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from evosim.runs.finished import Finished
from evosim.runtime.blocks import Blocks
from evosim.simulation.state import Run
from tests.support.runs import equal


def some_runs() -> Finished:
    finished = Finished()
    for control, seed, generations in (("", 0, 5), ("", 1, 3), ("fair", 0, 5)):
        table = pl.DataFrame({"seed": [seed], "value": [generations]})
        lived = np.array([seed, 7], dtype=np.int64)
        finished.add(control, Run(seed, "complete", generations, {"generations": table}, lived))
    return finished


def test_tables_and_endings_are_by_control() -> None:
    finished = some_runs()
    assert len(finished) == finished.batches == 3
    assert finished.tables()["generations"]["value"].to_list() == [5, 3]
    assert finished.tables("fair")["generations"].height == 1
    assert finished.tables("absent") == {}
    assert finished.endings()["1"] == {"status": "complete", "generations": 3}
    assert finished.lived().tolist() == [0, 1, 7]


def test_blocks_are_in_the_order_of_seeds_and_not_of_completion(tmp_path: Path) -> None:
    finished, none = Finished(), np.empty(0, dtype=np.int64)
    for seed in (10, 2, -1):
        blocks = Blocks(tmp_path / f"run-{seed}")
        finished.add("", Run(seed, "complete", 5, {}, none, blocks))
    assert list(finished.blocks()) == [-1, 2, 10]


def test_stored_replicates_are_restored(tmp_path: Path) -> None:
    finished, again = some_runs(), Finished()
    again.restore(*finished.state(0), tmp_path)
    assert len(again) == 3
    for control in ("", "fair"):
        assert again.endings(control) == finished.endings(control)
        assert equal(again.tables(control), finished.tables(control))
    later, _, tables = finished.state(2)
    assert [ending[0] for ending in later.endings] == ["fair"]
    assert set(tables) == {"fair/generations"}
