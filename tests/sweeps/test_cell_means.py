"""Means of cells are those of their runs."""

from __future__ import annotations

import polars as pl
import pytest

from evosim.analysis.resampling import Resampling
from evosim.sweeps.analysis_tables import CELL_COLUMNS, LEDGER, Analysis
from evosim.sweeps.cell_means import cells_table, ledger_table
from evosim.sweeps.store import RUNS, Store
from evosim.sweeps.sweep_grid import grid_of

POPULATION = "ladder.modern.rungs.population"


def test_a_cell_has_the_mean_of_its_runs(analysed: tuple[Store, Analysis]) -> None:
    store, _ = analysed
    grid = grid_of(store)
    table = cells_table(grid, POPULATION, grid.quantities[POPULATION], Resampling(100))
    assert set(CELL_COLUMNS) <= set(table.columns)
    runs = store.collected(RUNS).collect()
    means = runs.group_by("cell").agg(pl.col(POPULATION).mean())
    both = table.join(means, on="cell")
    assert both["mean"].to_list() == pytest.approx(both[POPULATION].to_list())
    assert table["low"].null_count() == 4  # two seeds give no interval


def test_a_ledger_has_no_rows_of_zeros(analysed: tuple[Store, Analysis]) -> None:
    store, _ = analysed
    table = ledger_table(store, grid_of(store), "behaviour", Resampling(100))
    assert table.columns == list(LEDGER)
    assert table.height > 0
    assert table["measured"].min() == 2
