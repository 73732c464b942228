"""A home folder for libraries that need one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from evosim.runtime.home import has_home, use_temporary_home


def test_a_temporary_home_is_used_if_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError

    assert has_home()
    monkeypatch.setattr(Path, "home", no_home)
    assert not has_home()
    monkeypatch.setenv("HOME", "somewhere")
    use_temporary_home()
    assert os.environ["HOME"] == tempfile.gettempdir()
