"""Figures in print: width, letters, stacked panels, broken lines."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from evosim.figures import to_svg
from evosim.figures.page_layout import SIZES, broken, fit_to_column, text_width, width_of

MILLIMETRES = {"one": 85.0, "two": 178.0}


LEAST_POINTS = 6.0


def points_of(svg: str) -> list[float]:
    """Sizes of all letters, in points of the page."""
    found = re.match(r'<svg[^>]* width="([\d.]+)mm"[^>]*viewBox="0 0 ([\d.]+) ', svg)
    assert found
    scale = float(found[1]) / 25.4 * 72.0 / float(found[2])
    return [float(size) * scale for size in re.findall(r'font-size="([\d.]+)px"', svg)]


@pytest.mark.slow
@pytest.mark.parametrize("size", MILLIMETRES)
def test_print_has_its_width_and_letters_to_read(
    specs: dict[str, dict[str, Any]], size: str
) -> None:
    column = SIZES[size]
    assert column
    for name in ("fitness", "ladders", "behaviour", "loci", "search"):
        _, svg = fit_to_column(specs[name], column, to_svg)
        found = re.match(r'<svg[^>]* width="([\d.]+)mm" height="([\d.]+)mm"', svg)
        assert found, name
        assert float(found[1]) == MILLIMETRES[size]
        assert float(found[2]) < 240.0, name
        sizes = points_of(svg)
        assert min(sizes) >= LEAST_POINTS, name
        assert max(sizes) < 12.0, name


def test_small_letters_are_seen(specs: dict[str, dict[str, Any]]) -> None:
    tiny = json.loads(json.dumps(specs["ladders"]))
    tiny["config"]["axis"]["labelFontSize"] = 7
    column = SIZES["one"]
    assert column
    assert min(points_of(fit_to_column(tiny, column, to_svg)[1])) < LEAST_POINTS


def test_panels_are_stacked_in_one_column(specs: dict[str, dict[str, Any]]) -> None:
    one, two = SIZES["one"], SIZES["two"]
    assert one
    assert two
    before = json.dumps(specs["ladders"])
    stacked, _ = fit_to_column(specs["ladders"], one, to_svg)
    assert len(stacked["vconcat"]) == 2
    assert "hconcat" in fit_to_column(specs["ladders"], two, to_svg)[0]
    assert json.dumps(specs["ladders"]) == before  # the specification is not changed
    assert stacked["config"]["legend"]["orient"] == "bottom"


def test_lines_are_broken_where_they_are_too_wide() -> None:
    words = (
        "representation: what no genome can do; shift: a perfect ancestral optimizer loses it too"
    )
    lines = broken(words, 11.0, 200.0)
    assert " ".join(lines) == words
    assert len(lines) > 2
    assert max(text_width(line, 11.0) for line in lines) <= 200.0
    long = {
        "mark": "text",
        "encoding": {},
        "data": {"values": [{}]},
        "width": 10,
        "title": {"text": words, "fontSize": 11, "fontWeight": "normal", "anchor": "start"},
    }
    # Widths of letters are those of the engine
    assert width_of(to_svg(long)) == pytest.approx(text_width(words, 11.0) + 10.0, rel=0.06)
