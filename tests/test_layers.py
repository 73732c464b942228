"""Imports point down: the contracts of import-linter in pyproject.toml hold, and a broken one is
seen.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FORBIDDEN = """
[importlinter]
root_package = evosim

[importlinter:contract:planted]
name = The analysis does not import worlds
type = forbidden
source_modules = evosim.analysis
forbidden_modules = evosim.worlds
"""


def lint(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", program, "--no-cache", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_imports_point_down() -> None:
    done = lint()
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


def test_a_forbidden_import_is_seen(tmp_path: Path) -> None:
    (tmp_path / "planted.ini").write_text(FORBIDDEN, encoding="utf-8")
    done = lint("--config", str(tmp_path / "planted.ini"))
    assert done.returncode == 1, done.stdout
    assert "evosim.analysis" in done.stdout


def test_every_room_has_a_layer() -> None:
    layers = PROJECT["tool"]["importlinter"]["contracts"][0]["layers"]
    named = [room for layer in layers for room in layer.split(" | ")]
    rooms = {path.stem for path in (ROOT / "evosim").glob("*.py")} | {
        path.parent.name for path in (ROOT / "evosim").glob("*/__init__.py")
    }
    assert sorted(named) == sorted(rooms - {"__init__"})


@pytest.mark.parametrize("top", ["evosim", "worlds", "genomes"])
def test_no_import_is_relative(top: str) -> None:
    relative = [
        str(path)
        for path in (ROOT / top).rglob("*.py")
        if "\nfrom ." in path.read_text(encoding="utf-8")
    ]
    assert relative == []
