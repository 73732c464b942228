"""Pages load nothing, run nothing from their data, and lines have tooltips."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from evosim.figures import Source, charts_of, html, to_svg
from evosim.figures.theme import themed
from evosim.runs import figures
from tests.support.figures import units


@pytest.mark.slow
def test_a_page_asks_nobody_and_runs_nothing_of_its_data(micro: Source, tmp_path: Path) -> None:
    chart = next(chart for _, chart in charts_of(micro, ["fitness"]))
    evil = "</script><script>alert(1)</script><!-- & \u2028"
    told = themed(chart, evil, [evil], evil).to_dict()
    page = html.page("fitness", told, to_svg(told))
    assert "alert(1)</script>" not in page
    assert "&lt;/script&gt;" in page
    assert html.POLICY in page
    assert "default-src 'none'" in html.POLICY
    assert not re.search(r'(src|href)="?(https?:)?//', page)
    data = re.search(r'<script type="application/json" id="described">(.*?)</script>', page)
    assert data
    assert json.loads(data[1])["fitness"]["title"]["text"] == evil
    files = figures.draw(micro.run, ("html",), names=["fitness"])
    assert [file.name for file in files] == ["fitness.html"]


def test_lines_answer_along_their_way(specs: dict[str, dict[str, Any]]) -> None:
    def hidden(chart: Any) -> list[dict[str, Any]]:
        return [
            unit
            for unit in units(chart)
            if isinstance(unit["mark"], dict) and unit["mark"].get("opacity") == 0
        ]

    assert hidden(specs["fitness"]) == []
    points = hidden(html.interactive(specs["fitness"]))
    assert len(points) == 1
    assert {tip["field"] for tip in points[0]["encoding"]["tooltip"]} >= {
        "world",
        "generation",
        "mean",
    }
    svg = to_svg(html.interactive(specs["search"]))
    assert 'class="mark-symbol role-mark' in svg
