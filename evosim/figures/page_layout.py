"""Lay out a chart for a column of a printed page.

Charts are made for a screen. For print, panels side by side become rows where they would be too
narrow. Legends go below, long lines are broken, and panels fill the column. The drawing is scaled
to the width of the column. All figures of one size have the same factor and equal letters.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from evosim.figures.vega import Spec

LETTERS = {  # widths in ems of Liberation Sans, and so of Helvetica and Arial
    0.22: "ijl'|",
    0.28: " !,./:;It[]\\f",
    0.34: 'r()-`"{}',
    0.5: "ckJsvxyz",
    0.61: "FLTZ",
    0.67: "ABEKPSVXY&",
    0.72: "CDHNRUw",
    0.78: "GOQ",
    0.87: "mMW%@",
}
WIDTHS = {letter: width for width, letters in LETTERS.items() for letter in letters}
OTHERS = 0.556
BOLD = 1.08
BREAK = " \u200b"  # ends a line of a title: scripts and readers of text take it for a space
DEFAULT_WIDTH = 300.0
BESIDE = 56.0  # pixels next to a panel for its axis, roughly
LEAST = 0.65  # of their width that panels keep side by side
LEAST_FACTOR = 0.25
NARROW = 500.0  # pixels
TALL = 100.0  # pixels; strips of marks that are less high are as high as they must be
TRIES = 4


@dataclass(frozen=True)
class Size:
    """A column of a page.

    Attributes
    ----------
    millimetres : float
        Width of the column.
    pixels : float
        Width of the chart that fills it. Letters of 11 pixels are 11 * 72/25.4 * millimetres /
        pixels points high.
    lower : float
        Factor of the height of panels.
    least : float
        Least width in pixels of a panel next to others.
    pixels_per_inch : int
        Resolution of pictures.
    """

    millimetres: float
    pixels: float
    lower: float
    least: float
    pixels_per_inch: int


SIZES: dict[str, Size | None] = {
    "screen": None,
    "one": Size(85.0, 376.0, 0.8, 110.0, 400),
    "two": Size(178.0, 720.0, 0.85, 150.0, 300),
}
WHAT = {
    "screen": "as for a screen",
    "one": "one column of a page, 85 mm",
    "two": "two columns, 178 mm",
}


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
    match = re.match(r'<svg[^>]* width="([\d.]+)"', svg)
    assert match
    return float(match[1])


def fit_to_column(spec: Spec, size: Size, draw: Callable[[Spec], str]) -> tuple[Spec, str]:
    """Specification and drawing of a chart that fills a column.

    Axes and legends do not depend on the width of panels. Two drawings therefore give the width
    that fits.

    Parameters
    ----------
    spec : dict
        The chart for a screen. It is not changed.
    size : Size
        The column.
    draw : callable
        Gives the SVG of a specification.

    Returns
    -------
    tuple of (dict, str)
        The specification, and its SVG with the width in millimetres.
    """
    chart = arranged(spec, size)
    title = chart.pop("title", None)
    factor, other = 1.0, 0.8
    seen, now = (width_of(draw(widened(chart, f, size))) for f in (other, factor))
    for _ in range(TRIES):
        slope = (now - seen) / (factor - other)
        if slope > 0.0:  # or nothing in it gives way
            factor, other, seen = (
                min(3.0, max(LEAST_FACTOR, factor + (size.pixels - now) / slope)),
                factor,
                now,
            )
        out = widened(chart, factor, size)
        if title is not None:
            out["title"] = _broken_title(
                title, out["config"].get("title", {}), size.pixels - 2.0 * _padding(out)
            )
        svg = draw(out)
        now = width_of(svg)
        if abs(now - size.pixels) < 1.5 or abs(factor - other) < 1e-3 or slope <= 0.0:
            break
    return out, scaled(svg, size)


def arranged(spec: Spec, size: Size) -> Spec:
    """The chart with panels in rows that fit the column, lower panels, and legends below."""
    chart = stacked(copy.deepcopy(spec), size)
    chart.setdefault("config", {})["lineBreak"] = BREAK[-1]
    _legends_below(chart, size)
    if size.pixels < NARROW:
        chart["config"].setdefault("header", {}).update(
            {"labelFontSize": 10, "labelFontWeight": "normal"}
        )
    for view in _views(chart):
        if isinstance(view.get("height"), int | float) and view["height"] >= TALL:
            view["height"] = round(view["height"] * size.lower, 1)
    return chart


def scaled(svg: str, size: Size) -> str:
    """A drawing as wide as the column.

    One that is narrower gets room at its right, so that letters are of one size in all.
    """
    head = re.match(
        r'<svg([^>]*) width="([\d.]+)" height="([\d.]+)" viewBox="0 0 [\d.]+ [\d.]+">', svg
    )
    assert head
    width, height = max(float(head[2]), size.pixels), float(head[3])
    tall = size.millimetres * height / width
    page = (
        f'<svg{head[1]} width="{size.millimetres:g}mm" height="{tall:.3f}mm" viewBox="0 0 {width:g}'
        f' {height:g}">'
    )
    white = f'<rect width="{width:g}" height="{height:g}" fill="white"/>'
    return page + white + svg[head.end() :]


def stacked(chart: Spec, size: Size) -> Spec:
    """Panels side by side, in rows that the column holds."""
    for key in ("hconcat", "vconcat", "concat"):
        if key in chart:
            chart[key] = [stacked(panel, size) for panel in chart[key]]
    if "spec" in chart and "columns" in chart:
        chart["columns"] = max(
            1, min(chart["columns"], _across([_width(chart["spec"])] * chart["columns"], size)[0])
        )
    if "concat" in chart and "columns" in chart:
        _fewer_columns(chart, size)
    if "hconcat" in chart:
        rows = _across([_width(panel) for panel in chart["hconcat"]], size)
        if len(rows) > 1:
            panels = chart.pop("hconcat")
            chart.pop("spacing", None)
            resolve = {"resolve": chart["resolve"]} if "resolve" in chart else {}
            chart["vconcat"], start = [], 0
            if max(rows) == 1:
                _as_wide(panels)
            for many in rows:
                row = panels[start : start + many]
                if start:
                    _title_again(panels[0], row[0])
                chart["vconcat"].append(
                    row[0] if many == 1 else {"hconcat": row} | copy.deepcopy(resolve)
                )
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


def _fewer_columns(chart: Spec, size: Size) -> None:
    """Fewer columns of a grid of panels.

    A grid that becomes one column is read column by column: panels of one column belong together.
    """
    panels, before = chart["concat"], int(chart["columns"])
    after = max(1, min(before, _across([_width(panel) for panel in panels[:before]], size)[0]))
    chart["columns"] = after
    if after == 1 < before and len(panels) % before == 0:
        chart["concat"] = [
            panels[i] for column in range(before) for i in range(column, len(panels), before)
        ]


def _as_wide(panels: list[Spec]) -> None:
    """Panels below each other have one width."""
    views = [view for panel in panels for view in _views(panel)]
    if all(isinstance(view.get("width"), int | float) for view in views):
        for view in views:
            view["width"] = max(other["width"] for other in views)


def _title_again(first: Spec, panel: Spec) -> None:
    """Repeat title and labels of the vertical axis in a panel that begins a row.

    In a row of panels only the first one may have them.
    """
    labelled = next(
        (
            y["axis"]
            for y in _channels(first, "y")
            if isinstance(y.get("axis"), dict) and y["axis"].get("labels", True)
        ),
        None,
    )
    for y in _channels(panel, "y"):
        if labelled and isinstance(y.get("axis"), dict) and y["axis"].get("labels") is False:
            y["axis"] = copy.deepcopy(labelled)
    title = next((y["title"] for y in _channels(first, "y") if y.get("title")), None)
    known = list(_channels(panel, "y"))
    if title and known and not any(y.get("title", True) for y in known if "title" in y):
        for y in known:
            if "title" in y:
                y["title"] = title


def _width(chart: Spec) -> float:
    """Width of the panels of a chart in pixels, with the space between them."""
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


def _levels(chart: Spec) -> int:
    """How many steps an axis of names has across."""
    return max(
        (len(x["sort"]) for x in _channels(chart, "x") if isinstance(x.get("sort"), list)),
        default=8,
    )


def _channels(chart: Any, name: str) -> Iterator[Spec]:
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


def _views(chart: Spec) -> Iterator[Spec]:
    """Every panel: what has a width of its own."""
    inside = [part for key in ("hconcat", "vconcat", "concat") for part in chart.get(key, ())]
    if "spec" in chart:
        inside.append(chart["spec"])
    if not inside:
        yield chart
    for part in inside:
        yield from _views(part)


def widened(chart: Spec, factor: float, size: Size) -> Spec:
    """A copy with all panels wider by a factor, and words broken to fit them."""
    out = copy.deepcopy(chart)
    for view in _views(out):
        width = view.get("width", DEFAULT_WIDTH)
        if isinstance(width, dict):
            view["width"] = width | {"step": round(float(width.get("step", 20.0)) * factor, 2)}
        elif isinstance(width, int | float):
            view["width"] = round(max(40.0, width * factor), 1)
        if "title" in view:
            view["title"] = _broken_title(
                view["title"],
                out.get("config", {}).get("title", {}),
                max(_width(view), size.least) + BESIDE,
            )
    _break_axes(out)
    return out


def _break_axes(chart: Spec) -> None:
    """Break titles of axes that are longer than their panels."""
    font = float(chart.get("config", {}).get("axis", {}).get("titleFontSize", 11))
    for view in _views(chart):
        height = view.get("height", 200.0)
        lengths = {
            "x": _width(view) + BESIDE,
            "y": height + 24.0 if isinstance(height, int | float) else 1e9,
        }
        for axis, length in lengths.items():
            for channel in _channels(view, axis):
                for part in (channel, channel.get("axis")):
                    if isinstance(part, dict) and isinstance(part.get("title"), str):
                        part["title"] = BREAK.join(broken(part["title"], font, length))


def _broken_title(title: Any, config: Spec, width: float) -> Any:
    """A title whose lines fit a width."""
    known: Spec = dict(title) if isinstance(title, dict) else {"text": title}
    fonts = config | known
    for key, font, bold in (
        ("text", fonts.get("fontSize", 13), True),
        ("subtitle", fonts.get("subtitleFontSize", 11), False),
    ):
        if known.get(key):
            said = known[key] if isinstance(known[key], list) else [known[key]]
            known[key] = [line for words in said for line in broken(words, font, width, bold=bold)]
    return known


def _padding(chart: Spec) -> float:
    padding = chart.get("padding", chart.get("config", {}).get("padding", 5))
    return float(padding) if isinstance(padding, int | float) else 5.0


def _legends_below(chart: Spec, size: Size) -> None:
    """Put legends below charts. A single chart over two columns keeps its legend at the side."""
    several = len(list(_views(chart))) > 1 or "spec" in chart
    if size.pixels >= NARROW and not several:
        return
    several_below = {
        "bottom": {
            "anchor": "start",
            "direction": "vertical" if size.pixels < NARROW or several else "horizontal",
        }
    }
    chart["config"].setdefault("legend", {}).update({"orient": "bottom", "layout": several_below})
    font = float(chart["config"]["legend"].get("labelFontSize", 10))
    for name in ("color", "fill", "stroke", "strokeDash", "shape", "size", "opacity"):
        for view, room in _rooms(chart, size.pixels, name):
            for channel in _channels(view, name):
                if channel.get("legend", {}) is not None and (
                    "field" in channel or "legend" in channel
                ):
                    channel["legend"] = _legend_below(channel, room, font)


def _legend_below(channel: Spec, room: float, font: float) -> Spec:
    """A legend that fits some room below a chart.

    Symbols of several channels make one legend where these agree, and so do their columns.
    """
    legend: Spec = {
        key: value
        for key, value in channel.get("legend", {}).items()
        if key not in ("columns", "direction")
    }
    if legend.get("orient", "right") in ("left", "right"):
        legend["orient"] = "bottom"
    if "gradientLength" in legend:
        legend["gradientLength"] = round(min(legend["gradientLength"], 0.5 * room), 1)
    scale = channel.get("scale") or {}
    labels = legend.get("values") or scale.get("domain")
    if channel.get("type") != "quantitative" and isinstance(labels, list):
        widest = max((text_width(str(label), font) for label in labels), default=0.0) * 1.15 + 46.0
        widest += 40.0 if "labelExpr" in legend else 0.0
        legend["columns"] = max(1, int(room / widest))
    return legend


def _rooms(chart: Spec, room: float, name: str) -> Iterator[tuple[Spec, float]]:
    """Panels, each with the width for its legends of a channel.

    Panels side by side with separate legends share the width; other panels get all of it.
    """
    inside = [
        (part, key == "hconcat")
        for key in ("hconcat", "vconcat", "concat")
        for part in chart.get(key, ())
    ]
    if not inside:
        yield chart.get("spec", chart), room
    apart = chart.get("resolve", {}).get("scale", {}).get(name) == "independent"
    for part, side_by_side in inside:
        yield from _rooms(part, room / len(inside) if side_by_side and apart else room, name)
