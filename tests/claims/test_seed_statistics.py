"""Regressions by seed are least squares."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from evosim.claims import seed_statistics


def test_slopes_and_intercepts_are_least_squares_by_seed() -> None:
    rng = np.random.default_rng(1)
    table = pl.DataFrame(
        {"seed": np.repeat([4, 9], 7), "x": np.tile(np.arange(7.0), 2), "y": rng.normal(size=14)}
    )
    wanted = [
        np.polyfit(np.arange(7.0), table.filter(pl.col("seed") == s)["y"].to_numpy(), 1)
        for s in (4, 9)
    ]
    assert seed_statistics.slopes(table, pl.col("x"), pl.col("y")) == pytest.approx(
        [w[0] for w in wanted]
    )
    assert seed_statistics.intercepts(table, pl.col("x"), pl.col("y")) == pytest.approx(
        [w[1] for w in wanted]
    )


def test_values_are_in_the_order_of_seeds() -> None:
    table = pl.DataFrame({"seed": [3, 1, 2], "x": [30.0, 10.0, 20.0]})
    assert seed_statistics.seed_values(table, "x").tolist() == [10.0, 20.0, 30.0]
