"""Expected trajectories of a driver."""

from __future__ import annotations

import polars as pl

from evosim.analysis import expected_drive
from tests.support.accounts import accountant_of


def test_without_drivers_there_is_no_theory() -> None:
    accountant = accountant_of("micro")
    genome = accountant.cache.evaluator.genome
    assert expected_drive.path(accountant.experiment, genome) is None
    assert expected_drive.cast_of(accountant.experiment, genome) is None


def test_expected_frequencies_are_frequencies() -> None:
    accountant = accountant_of("coarse-drive")
    found = expected_drive.path(accountant.experiment, accountant.cache.evaluator.genome)
    if found is None:  # where genomes vary there is no recursion
        return
    values = found.select(pl.col(pl.Float64))
    assert values.min_horizontal().min() >= 0.0  # type: ignore[operator]
    assert values.max_horizontal().max() <= 1.0 + 1e-12  # type: ignore[operator]
