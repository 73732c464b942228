"""The identifiers in the glossary exist, in the modules that it names."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").split("## Identifiers")[1]
ROWS = re.findall(r"^\| (`.+?`) \| .+ \| `([\w/]+\.py)` \|$", PAGE, flags=re.MULTILINE)


def identifiers(path: Path) -> set[str]:
    """All names that a module defines or uses."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        for field in ("id", "arg", "attr", "name"):
            if isinstance(name := getattr(node, field, None), str):
                found.add(name)
    return found


def test_the_table_has_the_commonest_identifiers() -> None:
    assert len(ROWS) >= 30


@pytest.mark.slow
def test_all_identifiers_exist() -> None:
    paths = [path for top in ("evosim", "worlds", "genomes") for path in (ROOT / top).rglob("*.py")]
    known = set().union(*map(identifiers, paths))
    listed = {name for names, _ in ROWS for name in re.findall(r"`(\w+)`", names)}
    assert listed - known == set()


@pytest.mark.parametrize(("names", "where"), ROWS)
def test_the_named_module_has_the_identifier(names: str, where: str) -> None:
    known = identifiers(ROOT / where)
    assert any(name in known for name in re.findall(r"`(\w+)`", names))
