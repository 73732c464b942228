"""The command `evosim claims`."""

from __future__ import annotations

import pytest

from tests.support.command import evosim


def test_one_claim_is_listed_with_its_predictions(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = evosim(capsys, "claims", "6", "--list")
    assert code == 0
    assert out.startswith("6. claim-06-demons")
    assert "claim-07" not in out


def test_an_unknown_claim_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, error = evosim(capsys, "claims", "claim-99", "--list")
    assert (code, out) == (2, "")
    assert error.count("\n") == 1
