"""Steps by act sum to the steps of the ladder."""

from __future__ import annotations

import polars as pl
import pytest

from evosim.analysis import steps
from tests.support.accounts import account_of, accountant_of


@pytest.mark.slow
@pytest.mark.parametrize("name", ["micro", "coarse-drive"])
def test_acts_sum_to_the_step(name: str) -> None:
    account = account_of(name)
    ladders = {
        (row["seed"], row["world"], row["name"]): row["value"]
        for row in account.tables["ladder"].filter(pl.col("part") == "step").to_dicts()
    }
    sums = account.tables["steps"].group_by("seed", "world", "step").agg(pl.col("value").sum())
    for seed, world, step, value in sums.iter_rows():
        if seed is None:
            fixed = next(x for (_, w, s), x in ladders.items() if (w, s) == (world, step))
            assert value == pytest.approx(fixed, abs=1e-9)
        else:
            assert value == pytest.approx(ladders[seed, world, step], abs=1e-9)


def test_a_control_puts_hack_below_search() -> None:
    record = accountant_of("coarse-drive").record
    assert steps.steps_below_grid(record) == (("search", "control"), ("hack", "population"))
    assert steps.steps_below_grid(accountant_of("micro").record) == (("search", "population"),)
