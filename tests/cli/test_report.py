"""The command `evosim report`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command import evosim


def test_a_folder_without_results_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, error = evosim(capsys, "report", str(tmp_path))
    assert (code, out) == (2, "")
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())
