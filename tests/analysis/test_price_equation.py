"""Totals of the Price equation."""

from __future__ import annotations

import polars as pl
import pytest

from evosim.analysis import price_equation
from evosim.runtime import blocks
from tests.support.accounts import accountant_of


def test_terms_close_the_change() -> None:
    table = accountant_of("coarse-drive").tables["search"]
    assert price_equation.closure(table).abs().max() < 1e-9  # type: ignore[operator]


def test_totals_do_not_depend_on_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    table = accountant_of("coarse-drive").tables["search"]
    whole = price_equation.totals(table.filter, 1, 15)
    monkeypatch.setattr(blocks, "BLOCK", 4)
    parts = price_equation.totals(table.filter, 1, 15)
    columns = [pl.col(pl.Float64).round(12)]
    assert parts.with_columns(columns).equals(whole.with_columns(columns))


def test_without_a_table_there_is_no_summary() -> None:
    assert price_equation.price_summary(None, 5, 9) is None
