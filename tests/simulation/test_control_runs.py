"""Control runs of experiments with drivers."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from evosim.analysis.account import Account
from evosim.config.experiments import read_experiment
from evosim.config.resolve import resolve
from evosim.config.settings import apply_settings
from evosim.runs import accounts, execute
from tests.support.settings import quick

DRIVER = "genome.drivers.0"


def account_of(tmp_path: Path, *settings: str) -> tuple[execute.Recorded, Account]:
    experiment = resolve(
        apply_settings(read_experiment("coarse-drive"), quick("coarse-drive", *settings))
    )
    recorded, _ = execute.run(experiment, out=tmp_path / "run")
    return recorded, accounts.analyze(recorded)


@pytest.mark.slow
def test_a_fair_driver_is_no_hack_bit_for_bit(tmp_path: Path) -> None:
    recorded, account = account_of(tmp_path, f"{DRIVER}.ratio=0.5")
    for name in ("generations", "populations", "alleles"):
        assert recorded.tables[name].equals(recorded.controls["fair"][name])
    hack = account.tables["hack"].filter(
        pl.col("quantity").is_in(["hack", "own_cost", "behaviour"])
    )
    assert hack.height == 12
    assert (hack["value"] == 0.0).all()
    # The null is still chance: other seeds.
    assert (account.tables["hack"].filter(pl.col("quantity") == "null")["value"] != 0.0).all()
