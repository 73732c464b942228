"""A claim with known numbers."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest

import evosim.claims as claims
from evosim.claims.claim import Claim
from evosim.config.toml_files import named_experiments
from tests.support.claims import NAME, TEXT, figures, measure, parts


@pytest.fixture
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A claim of which everything is known."""
    module = types.ModuleType("evosim.claims.made_up")
    module.CLAIM = Claim(parts, measure, figures)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "evosim.claims.made_up", module)
    monkeypatch.setitem(claims.CLAIMS, NAME, "made_up")
    file = tmp_path / f"{NAME}.toml"
    file.write_text(TEXT, encoding="utf-8")
    known = named_experiments() | {NAME: file}
    for module_name in ("toml_files", "experiments", "file_kinds"):
        monkeypatch.setattr(f"evosim.config.{module_name}.named_experiments", lambda: known)
    return NAME
