"""`evosim verify`: tables, JSON, exit codes, and the pool of deviations."""

from __future__ import annotations

import json

import numpy as np
import pytest

from evosim import verify
from evosim.verify import FAULTS, pooled
from tests.support.command import evosim


def test_deviations_that_are_too_small_together_are_seen() -> None:
    x = np.random.default_rng(3).normal(size=60)
    assert all(check.holds for check in pooled(x.tolist()))
    assert not all(check.holds for check in pooled((0.3 * x).tolist()))
    assert not all(check.holds for check in pooled((x + 1.0).tolist()))


@pytest.mark.slow
def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = evosim(capsys, "verify", "complete linkage", "next pool", "--faults", "--json")
    assert code == 0
    found = json.loads(out)
    assert found["green"]
    rows = found["comparisons"]
    assert {row["law"] for row in rows} == {"complete linkage", "next pool"}
    assert {row["green"] for row in rows if not row["fault"]} == {True}
    code, out, _ = evosim(capsys, "verify", "next-pool", "--faults", "--details")
    assert code == 0
    assert "1 of 1 laws hold" in out
    assert "1 of 1 planted faults were seen" in out
    code, _, err = evosim(capsys, "verify", "nxt pool")
    assert code == 2
    assert "next pool" in err


@pytest.mark.slow
def test_a_law_that_does_not_hold_is_exit_code_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "SOUND", FAULTS["k for 1 - k"])
    code, out, _ = evosim(capsys, "verify", "next pool")
    assert code == 1
    assert "Red: next pool" in out
