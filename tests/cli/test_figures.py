"""The command `evosim figures`."""

from __future__ import annotations

import pytest

from tests.support.command import evosim


def test_all_figures_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = evosim(capsys, "figures", "--list")
    assert code == 0
    for name in ("fitness", "ladders", "phase"):
        assert name in out


def test_a_folder_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, error = evosim(capsys, "figures")
    assert code == 2
    assert "the argument FOLDER is missing" in error
