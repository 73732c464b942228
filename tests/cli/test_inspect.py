"""The commands `evosim list`, `show` and `verify`."""

from __future__ import annotations

import pytest

from tests.support.command import evosim


def test_an_unknown_law_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, error = evosim(capsys, "verify", "no-such-law")
    assert (code, out) == (2, "")
    assert "a law must be one of" in error


def test_an_unknown_name_gets_the_closest_one(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, error = evosim(capsys, "list", "savana")
    assert code == 2
    assert "Did you mean 'savanna'?" in error


def test_a_world_is_not_an_experiment_to_show(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, error = evosim(capsys, "show", "savanna")
    assert code == 2
    assert "'savanna' is a world, not an experiment" in error
