"""Fixtures of the tests of configuration."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from evosim.runs.source_hash import forget_sources
from tests.support.example_package import EXAMPLE, declared, install


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path that holds the installed example package."""
    folder = tmp_path / "site"
    install(folder, EXAMPLE, "coin-worlds", "1.2", declared())
    monkeypatch.syspath_prepend(str(folder))
    importlib.invalidate_caches()
    forget_sources()
    yield folder
    forget_sources()
    for name in [name for name in sys.modules if name.split(".")[0] in ("coin_worlds", "bad")]:
        del sys.modules[name]
