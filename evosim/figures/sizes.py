"""Sizes: a described chart set for a column of a page.

Charts are described once, for a screen. For print, panels that stand side by side are put below each other where they would become too
narrow, legends go below, words are broken into lines, and panels are made as wide as the column allows. The drawing is then scaled
to the column's width, by the same factor for all figures of a size, so that their letters are alike.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Description = dict[str, Any]

LETTERS = {  # widths in ems of Liberation Sans, and so of Helvetica and Arial
    0.22: "ijl'|", 0.28: " !,./:;It[]\\f", 0.34: "r()-`\"{}", 0.5: "ckJsvxyz", 0.61: "FLTZ", 0.67: "ABEKPSVXY&", 0.72: "CDHNRUw", 0.78: "GOQ", 0.87: "mMW%@",
}  # fmt: skip
WIDTHS = {letter: width for width, letters in LETTERS.items() for letter in letters}
OTHERS = 0.556
BOLD = 1.08
BREAK = " \u200b"  # ends a line of a title: scripts and readers of text take it for a space
DEFAULT_WIDTH = 300.0
BESIDE = 56.0  # pixels beside a panel for its axis, roughly
LEAST = 0.65  # of their width that panels keep side by side
TRIES = 4


@dataclass(frozen=True)
class Size:
    """A column.

    Attributes:
        millimetres: its width.
        pixels: of the chart that fill it; letters of 11 pixels become 11 * 72/25.4 * millimetres / pixels points.
        lower: by which panels are less high.
        least: width in pixels of a panel beside others.
        below: legends stand below charts.
        pixels_per_inch: of pictures.
    """

    millimetres: float
    pixels: float
    lower: float
    least: float
    pixels_per_inch: int


SIZES: dict[str, Size | None] = {"screen": None, "one": Size(85.0, 376.0, 0.8, 110.0, 400), "two": Size(178.0, 720.0, 0.85, 150.0, 300)}
WHAT = {"screen": "as for a screen", "one": "one column of a page, 85 mm", "two": "two columns, 178 mm"}


def text_width(text: str, font: float, *, bold: bool = False) -> float:
    """Width of a line in pixels."""
    return font * sum(WIDTHS.get(letter, OTHERS) for letter in text) * (BOLD if bold else 1.0)


def broken(text: str, font: float, width: float, *, bold: bool = False) -> list[str]:
    """Lines no wider than so many pixels, but for words that are."""
    lines = [""]
    for word in text.replace(BREAK, " ").split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_width(longer, font, bold=bold) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def width_of(svg: str) -> float:
    """Of a drawing, in pixels."""
    found = re.match(r'<svg[^>]* width="([\d.]+)"', svg)
    assert found
    return float(found[1])


def set_for(described: Description, size: Size, draw: Callable[[Description], str]) -> str:
    """The drawing of a described chart, set for a column: SVG that says its width in millimetres. `draw` makes SVG of a description."""
    return scaled(draw(arranged(described, size, draw)), size)


def arranged(described: Description, size: Size, draw: Callable[[Description], str]) -> Description:
    """The chart as it fills a column: stacked, with broken lines, and panels as wide as they can be.

    What stands beside panels does not depend on how wide they are, so that the width of the whole is found by drawing it twice.
    """
    chart = stacked(copy.deepcopy(described), size)
    _legends_below(chart, size)
    title = chart.pop("title", None)
    for view in _views(chart):
        if isinstance(view.get("height"), int | float):
            view["height"] = round(view["height"] * size.lower, 1)
    chart.setdefault("config", {})["lineBreak"] = BREAK[-1]
    factor, other = 1.0, 0.8
    _break_axes(chart, factor)
    seen = width_of(draw(_widened(chart, other, size)))
    for _ in range(TRIES):
        now = width_of(draw(_widened(chart, factor, size)))
        if abs(now - size.pixels) < 1.0 or abs(factor - other) < 1e-3:
            break
        slope = (now - seen) / (factor - other)
        if slope <= 0.0:
            break  # nothing in it gives way
        factor, other, seen = min(3.0, max(0.25, factor + (size.pixels - now) / slope)), factor, now
    out = _widened(chart, factor, size)
    if title is not None:
        out["title"] = _broken_title(title, out.get("config", {}).get("title", {}), size.pixels - 2.0 * _padding(out))
    return out


def scaled(svg: str, size: Size) -> str:
    """A drawing as wide as the column. One that is narrower gets room at its right, so that letters are of one size in all."""
    head = re.match(r'<svg([^>]*) width="([\d.]+)" height="([\d.]+)" viewBox="0 0 [\d.]+ [\d.]+">', svg)
    assert head
    width, height = max(float(head[2]), size.pixels), float(head[3])
    tall = size.millimetres * height / width
    page = f'<svg{head[1]} width="{size.millimetres:g}mm" height="{tall:.3f}mm" viewBox="0 0 {width:g} {height:g}">'
    white = f'<rect width="{width:g}" height="{height:g}" fill="white"/>'
    return page + white + svg[head.end() :]


def stacked(chart: Description, size: Size) -> Description:
    """Panels side by side, in rows that the column holds."""
    for key in ("hconcat", "vconcat", "concat"):
        if key in chart:
            chart[key] = [stacked(panel, size) for panel in chart[key]]
    if "spec" in chart and "columns" in chart:
        chart["columns"] = max(1, min(chart["columns"], _across([_width(chart["spec"])] * chart["columns"], size)[0]))
    if "concat" in chart and "columns" in chart:
        _fewer_columns(chart, size)
    if "hconcat" in chart:
        rows = _across([_width(panel) for panel in chart["hconcat"]], size)
        if len(rows) > 1:
            panels = chart.pop("hconcat")
            chart.pop("spacing", None)
            resolve = {"resolve": chart["resolve"]} if "resolve" in chart else {}
            chart["vconcat"], start = [], 0
            for many in rows:
                row = panels[start : start + many]
                if start:
                    _title_again(panels[0], row[0])
                chart["vconcat"].append(row[0] if many == 1 else {"hconcat": row} | copy.deepcopy(resolve))
                start += many
    return chart


def _across(widths: list[float], size: Size) -> list[int]:
    """How many panels of these widths stand in each row."""
    rows, room = [0], size.pixels
    for width in widths:
        needs = max(LEAST * width, min(width, size.least)) + BESIDE
        if rows[-1] and needs > room:
            rows, room = [*rows, 0], size.pixels
        rows[-1] += 1
        room -= needs
    return rows


def _fewer_columns(chart: Description, size: Size) -> None:
    """Fewer columns of a grid of panels. A grid that becomes one column is read column by column: panels of one column belong together."""
    panels, before = chart["concat"], int(chart["columns"])
    after = max(1, min(before, _across([_width(panel) for panel in panels[:before]], size)[0]))
    chart["columns"] = after
    if after == 1 < before and len(panels) % before == 0:
        chart["concat"] = [panels[i] for column in range(before) for i in range(column, len(panels), before)]


def _title_again(first: Description, panel: Description) -> None:
    """Panels beside one another may leave the title of the vertical axis to the first; who begins a row says it again."""
    title = next((y["title"] for y in _channels(first, "y") if y.get("title")), None)
    known = list(_channels(panel, "y"))
    if title and known and not any(y.get("title", True) for y in known if "title" in y):
        for y in known:
            if "title" in y:
                y["title"] = title


def _width(chart: Description) -> float:
    """Of the panels of a chart, in pixels; what stands beside them not counted but between them."""
    if "hconcat" in chart:
        return sum(map(_width, chart["hconcat"])) + BESIDE * (len(chart["hconcat"]) - 1)
    if "vconcat" in chart or "concat" in chart:
        return max(map(_width, chart.get("vconcat") or chart["concat"]), default=0.0)
    if "spec" in chart:
        return _width(chart["spec"])
    width = chart.get("width", DEFAULT_WIDTH)
    if isinstance(width, dict):
        return float(width.get("step", 20.0)) * _levels(chart)
    return float(width) if isinstance(width, int | float) else DEFAULT_WIDTH


def _levels(chart: Description) -> int:
    """How many steps an axis of names has across."""
    return max((len(x["sort"]) for x in _channels(chart, "x") if isinstance(x.get("sort"), list)), default=8)


def _channels(chart: Any, name: str) -> Iterator[Description]:
    """Every channel of a name in a chart and its layers."""
    if isinstance(chart, dict):
        channel = chart.get("encoding", {}).get(name)
        if isinstance(channel, dict):
            yield channel
        for key in ("layer", "hconcat", "vconcat", "concat"):
            for part in chart.get(key, ()):
                yield from _channels(part, name)
        if "spec" in chart:
            yield from _channels(chart["spec"], name)


def _views(chart: Description) -> Iterator[Description]:
    """Every panel: what has a width of its own."""
    inside = [part for key in ("hconcat", "vconcat", "concat") for part in chart.get(key, ())]
    if "spec" in chart:
        inside.append(chart["spec"])
    if not inside:
        yield chart
    for part in inside:
        yield from _views(part)


def _widened(chart: Description, factor: float, size: Size) -> Description:
    """A copy with all panels wider by a factor."""
    out = copy.deepcopy(chart)
    for view in _views(out):
        width = view.get("width", DEFAULT_WIDTH)
        if isinstance(width, dict):
            view["width"] = width | {"step": round(float(width.get("step", 20.0)) * factor, 2)}
        elif isinstance(width, int | float):
            view["width"] = round(max(40.0, width * factor), 1)
        if "title" in view:
            view["title"] = _broken_title(view["title"], out.get("config", {}).get("title", {}), max(_width(view), size.least) + BESIDE)
    _break_axes(out, 1.0)
    return out


def _break_axes(chart: Description, factor: float) -> None:
    """Break titles of axes that are longer than their panels."""
    font = float(chart.get("config", {}).get("axis", {}).get("titleFontSize", 11))
    for view in _views(chart):
        height = view.get("height", 200.0)
        lengths = {"x": factor * _width(view) + BESIDE, "y": height + 24.0 if isinstance(height, int | float) else 1e9}
        for axis, length in lengths.items():
            for channel in _channels(view, axis):
                for part in (channel, channel.get("axis")):
                    if isinstance(part, dict) and isinstance(part.get("title"), str):
                        part["title"] = BREAK.join(broken(part["title"], font, length))


def _broken_title(title: Any, config: Description, width: float) -> Any:
    """A title whose lines fit a width."""
    known: Description = dict(title) if isinstance(title, dict) else {"text": title}
    fonts = config | known
    for key, font, bold in (("text", fonts.get("fontSize", 13), True), ("subtitle", fonts.get("subtitleFontSize", 11), False)):
        if known.get(key):
            said = known[key] if isinstance(known[key], list) else [known[key]]
            known[key] = [line for words in said for line in broken(words, font, width, bold=bold)]
    return known


def _padding(chart: Description) -> float:
    padding = chart.get("padding", chart.get("config", {}).get("padding", 5))
    return float(padding) if isinstance(padding, int | float) else 5.0


def _legends_below(chart: Description, size: Size) -> None:
    """Legends below charts, where there is room for them; scales of colour stay beside a map that has the page to itself."""
    several = len(list(_views(chart))) > 1 or "spec" in chart
    font = float(chart.get("config", {}).get("legend", {}).get("labelFontSize", 10))
    narrow = size.pixels < 500.0
    if not (several or narrow):
        return
    chart.setdefault("config", {}).setdefault("legend", {}).update({"orient": "bottom", "columns": 2 if narrow else 4})
    for name in ("color", "strokeDash", "shape", "fill", "opacity"):
        for channel in _channels(chart, name):
            legend, labels = channel.get("legend", {}), channel.get("scale", {})
            domain = labels.get("domain") if isinstance(labels, dict) else None
            if legend is None or channel.get("type") == "quantitative" or not isinstance(domain, list):
                continue
            widest = max((text_width(str(label), font) for label in domain), default=0.0) * 1.15 + 46.0
            if "labelExpr" in legend:
                widest += 40.0
            channel["legend"] = {key: value for key, value in legend.items() if key != "columns"} | {"columns": max(1, int(size.pixels / widest))}
