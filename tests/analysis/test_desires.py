"""Desires: weights, losses and gains."""

from __future__ import annotations

import polars as pl

from evosim.analysis.desires import SCHEMA
from tests.support.accounts import account_of


def test_each_heritable_desire_has_a_row_per_seed() -> None:
    account = account_of("micro")
    table = account.tables["desires"]
    assert table.columns == ["seed", *SCHEMA]
    assert {desire.feature for desire in account.summary.desires} == set(table["feature"])


def test_acts_of_a_desire_lose_no_more_than_the_ledger() -> None:
    account = account_of("micro")
    ledger = account.summary.behaviour.ancestral
    assert ledger
    for desire in account.summary.desires:
        acts = desire.acts.split(", ")
        assert desire.ledger_ancestral is not None
        assert desire.ledger_ancestral <= sum(ledger.acts.get(act, 0.0) for act in acts) + 1e-9


def test_a_desire_without_weight_gains_nothing() -> None:
    table = account_of("micro").tables["desires"].filter(pl.col("weight") == 0.0)
    assert (table["gain_ancestral"].abs() < 1e-12).all()
    assert (table["gain_modern"].abs() < 1e-12).all()
