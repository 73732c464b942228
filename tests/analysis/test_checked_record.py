"""Recorded fitness is compared with the reference code."""

from __future__ import annotations

import polars as pl
import pytest

from evosim.analysis.checked_record import CheckedRecord
from evosim.config.resolve import Problem
from evosim.errors import UserError
from tests.support.accounts import accountant_of
from tests.support.settings import quick, setting


def record_of(tables: dict[str, pl.DataFrame]) -> CheckedRecord:
    problem: Problem = setting("micro", *quick("micro"))
    return CheckedRecord(problem, tables, {}, accountant_of("micro").cache)


def test_a_wrong_fitness_is_refused() -> None:
    tables = dict(accountant_of("micro").tables)
    tables["landscape"] = tables["landscape"].with_columns(pl.col("modern") + 1e-6)
    with pytest.raises(UserError, match="but the reference code finds"):
        record_of(tables).check_class(0)
    record_of(dict(accountant_of("micro").tables)).check_class(0)


def test_a_population_that_died_out_has_no_snapshot() -> None:
    tables = dict(accountant_of("micro").tables)
    record = record_of(tables)
    seed = accountant_of("micro").experiment.seed
    assert record.snapshot(tables, seed, "swap") is not None
    gone = {**tables, "populations": tables["populations"].filter(pl.col("moment") != "swap")}
    assert record.snapshot(gone, seed, "swap") is None


def test_selection_by_fitness_has_no_best_on_a_sample() -> None:
    record = record_of(dict(accountant_of("micro").tables))
    assert record.selects_by_fitness
    assert record.best_on_sample(0) is None
