"""Effects of factors, as rows of tables."""

from __future__ import annotations

import numpy as np
import polars as pl

from evosim.analysis.resampling import Resampling
from evosim.sweeps.analysis_tables import SCHEMAS
from evosim.sweeps.effects import compared, effects_of
from evosim.sweeps.factors import Factor
from evosim.sweeps.sweep_grid import SweepGrid


def grid(cells: int) -> SweepGrid:
    labels = tuple(str(i) for i in range(cells))
    return SweepGrid(
        [Factor("a", ("a",), labels, tuple(map(float, range(cells))))],
        np.arange(cells),
        pl.DataFrame({"cell": labels}),
        np.full((cells, 6), "complete", dtype=object),
        {},
        np.zeros(cells, dtype=bool),
    )


def test_few_levels_are_compared_in_all_pairs() -> None:
    assert compared(3) == [(0, 1), (0, 2), (1, 2)]
    assert compared(12) == [*((i, i + 1) for i in range(11)), (0, 11)]


def test_an_additive_effect_has_means_and_contrasts() -> None:
    values = np.arange(3.0)[:, None] + np.linspace(0.0, 1.0, 6)
    rows = effects_of(grid(3), "q", values, Resampling(100))
    assert [row["mean"] for row in rows["effects"]] == [0.5, 1.5, 2.5]
    assert [row["difference"] for row in rows["contrasts"]] == [1.0, 2.0, 1.0]
    assert rows["quantities"][0]["seeds"] == 6
    for table, found in rows.items():
        assert all(set(row) == set(SCHEMAS[table]) for row in found), table


def test_a_quantity_without_a_common_seed_is_refused() -> None:
    values = np.full((2, 2), np.nan)
    values[0, 0] = values[1, 1] = 1.0
    (row,) = effects_of(grid(2), "q", values, Resampling(100))["quantities"]
    assert row["refused"] == "no seed has it measured in every cell"
    assert row["seeds"] == 0
