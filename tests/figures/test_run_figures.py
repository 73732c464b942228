"""Every figure of a run has numbers in words, and tooltips."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support.figures import units


@pytest.mark.slow
def test_every_figure_says_numbers_and_answers(specs: dict[str, dict[str, Any]]) -> None:
    assert {"fitness", "ladders", "behaviour", "loci", "search"} <= set(specs)
    for name, chart in specs.items():
        assert re.search(r"\d", chart["description"]), name
        assert len(chart["description"]) > 60, name
        tips = [tip for unit in units(chart) for tip in unit.get("encoding", {}).get("tooltip", [])]
        assert len(tips) >= 2, name
