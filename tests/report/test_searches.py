"""A report of a search has its path, its parameters and its result."""

from __future__ import annotations

from pathlib import Path

import pytest

import evosim
from tests.support.reports import Tags


@pytest.mark.slow
def test_a_search_has_result_and_figures(made: dict[str, Path], files: dict[str, Path]) -> None:
    text = files["search"].read_text(encoding="utf-8")
    cells = " ".join(Tags(text).texts["th"])
    for row in evosim.load(made["search"]).summary["search"]:  # type: ignore[union-attr]
        assert row["quantity"] in cells
    assert 'id="figure-part1-paths"' in text
    assert 'id="figure-part1-demon"' in text
    assert "evosim run experiment.toml" in text
