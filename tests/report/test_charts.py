"""Charts of a report: rounded data, and pictures where data would be too large."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from evosim.report import build, page
from evosim.report import charts as report_charts
from tests.support.browser import data_of


def test_data_are_rounded_below_what_is_read_and_kept_once() -> None:
    rows: list[dict[str, Any]] = [
        {"x": 1, "y": 0.1 + 0.2, "z": None},
        {"x": 2, "y": -1.23456789123, "z": "a"},
        {"x": 3, "y": 6.02214076e23, "z": True},
    ]
    data = report_charts.by_columns(rows)
    assert data == {
        "columns": ["x", "y", "z"],
        "rows": [[1, 0.3, None], [2, -1.2345679, "a"], [3, 6.0221408e23, True]],
    }
    for row, kept in zip(rows, data["rows"], strict=True):
        assert f"{row['y']:.4g}" == f"{kept[1]:.4g}"


@pytest.mark.slow
def test_a_large_figure_stays_a_picture_and_says_so(
    made: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = build.contents([made["micro"]])
    whole = page.page(*told).decode()
    monkeypatch.setattr(page, "MOST", len(whole.encode()) - 1000)
    smaller = page.page(*told).decode()
    assert len(smaller.encode()) <= page.MOST
    assert len(data_of(smaller)["charts"]) == len(data_of(whole)["charts"]) - 1
    assert (whole.count("This figure is a picture"), smaller.count("This figure is a picture")) == (
        0,
        1,
    )
    assert smaller.count("<figure") == whole.count("<figure")
    monkeypatch.setattr(page, "MOST", 10_000)  # less than is available
    least = page.page(*told).decode()
    assert data_of(least) == {"data": {}, "charts": {}, "manyPoints": page.MANY_POINTS}
    assert least.count("data:image/") == whole.count("data:image/")
    assert "vegaEmbed" not in least.replace(
        Path(page.HERE / "page.js").read_text(encoding="utf-8"), ""
    )
    described = {
        "mark": "point",
        "datasets": {"a": [{"x": i, "y": 1.0} for i in range(9)]},
        "data": {"name": "a"},
    }
    monkeypatch.setattr(report_charts, "MOST_SPEC", 50)
    monkeypatch.setattr(report_charts, "spec_of", lambda chart: described)
    (still,) = report_charts.ChartEmbedder().embed("x", [("y", None)])
    assert still.chart is None
    assert "would make the report hard to send" in still.why


def test_a_large_drawing_is_painted() -> None:
    def drawing(count: int) -> str:
        circles = "".join(f'<circle cx="{i % 60}" cy="{i % 53}" r="1"/>' for i in range(count))
        return f'<svg xmlns="http://www.w3.org/2000/svg" width="60" height="60">{circles}</svg>'

    few, many = drawing(10), drawing(10_000)
    assert report_charts.as_image(few).startswith("data:image/svg+xml;base64,")
    painted = report_charts.as_image(many)
    assert painted.startswith("data:image/png;base64,")
    assert len(painted) < len(many) / 10
    coloured = few.replace(
        "<circle", '<rect fill="url(#gradient_7)"/><linearGradient id="gradient_7"/><circle', 1
    )
    assert report_charts.as_image(coloured) == report_charts.as_image(
        coloured.replace("gradient_7", "gradient_12")
    )
    assert b'url(#drawn_0)"/><linearGradient id="drawn_0"' in base64.b64decode(
        report_charts.as_image(coloured).partition("base64,")[2]
    )
