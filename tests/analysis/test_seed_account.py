"""Accounts of single replicates."""

from __future__ import annotations

import pytest

from evosim.analysis.seed_account import Recovery, recovery_table
from tests.support.accounts import accountant_of


def test_each_seed_has_its_ladders_and_ledgers() -> None:
    accountant = accountant_of("coarse-drive")
    accounts = accountant.seed_accounts()
    assert [account.seed for account in accounts] == list(accountant.experiment.seeds)
    for account in accounts:
        assert set(account.ledger_by_rung) == {"control", "population"}
        assert account.drive_rows
        for world, ladder in account.ladders.items():
            ledger = account.ledger_by_rung["population"]
            tables = [ledger.waste] if world == "ancestral" else list(ledger.modern.values())
            upkeep = getattr(ledger, f"upkeep_{world}")
            lost = sum(float(table.sum()) for table in tables) + upkeep
            loss = ladder.rungs["optimum"] - ladder.rungs["population"]
            assert lost == pytest.approx(loss, abs=1e-9)


def test_the_recovery_table_has_a_row_per_seed() -> None:
    accounts = accountant_of("micro").seed_accounts()
    table = recovery_table(accounts)
    assert table.columns == list(Recovery.__dataclass_fields__)
    assert table["seed"].to_list() == [account.seed for account in accounts]
    assert table["modern_at_end_fair"].null_count() == table.height
