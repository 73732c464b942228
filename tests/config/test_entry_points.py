"""Entry points of installed packages."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from evosim.config import entry_points


def test_points_are_listed_by_name_of_the_world(site: Path) -> None:
    points = entry_points.points_by_name("world")
    assert [point.value for point in points["coin"]] == ["coin_worlds:COIN"]
    assert entry_points.package_of(points["coin"][0]) == "coin-worlds 1.2"
    assert "coin" not in entry_points.points_by_name("genome")


def test_a_damaged_package_is_reported_alone(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = tmp_path / "damaged" / "damaged-1.dist-info"
    facts.mkdir(parents=True)
    (facts / "entry_points.txt").write_text("[evosim.worlds]\nx = no colon\n")
    monkeypatch.syspath_prepend(str(facts.parent))
    importlib.invalidate_caches()
    (line,) = entry_points.broken()
    assert line.startswith(f"the entry points of {facts} cannot be read (ValueError: 'x'")
    assert line.endswith("reinstall that package")
    assert "coin" in entry_points.points_by_name("world")


def test_the_first_line_of_an_error_names_its_class() -> None:
    assert entry_points.first_line(ValueError("no such name.\nmore")) == "ValueError: no such name"
