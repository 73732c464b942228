"""Charts of a report: a picture each and, within limits, data for an interactive chart.

Readers without scripts see the pictures, and printers print them. Data are stored by columns and
rounded to more digits than a reader sees, so that the file stays small.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import vl_convert

from evosim.figures import OnFailure, Spec, failure_line, spec_of, to_svg, warn_of_failure
from evosim.figures.html import as_data
from evosim.figures.vega import COMPOSED
from evosim.report.elements import Interactive, Picture

DIGITS = 8  # Significant digits. The page shows 4, tooltips at most 6.
MOST_SPEC = 600_000  # Bytes of a specification with its data. A larger one stays a picture.
MOST_SVG = 250_000  # Bytes of a drawing. A larger one becomes a PNG.
MARGIN = 2_000  # Bytes of the page around a drawing: title, alternative text, step labels.
PNG_PIXELS_PER_INCH = 144
# Attributes that an image does not need.
UNREAD = re.compile(r' (?:aria-[a-z]+|role|pointer-events|class)="[^"]*"')
NUMBERED = re.compile(r"\b(?:gradient_|clip)\d+\b")
NOTHING: Mapping[str, Any] = MappingProxyType({})
ROW_MARKS = ("bar", "circle", "point", "rect", "square", "tick")  # marks that show one row each

Dataset = dict[str, list[Any]]


class ChartEmbedder:
    """Charts of one report, and the data that they share.

    Attributes
    ----------
    datasets : dict
        Data by name, each with `columns` and `rows`.
    bytes_left : int or None
        Bytes that drawings may still fill. None if there is no limit.
    left_out : list of str
        Chapters whose charts did not fit.
    """

    def __init__(self) -> None:
        self.datasets: dict[str, Dataset] = {}
        self.bytes_left: int | None = None
        self.left_out: list[str] = []
        self._sizes: dict[str, int] = {}

    def embed(
        self,
        chapter: str,
        charts: Iterable[tuple[str, Any]],
        steps: Mapping[str, Sequence[str]] = NOTHING,
        descriptions: Mapping[str, str] = NOTHING,
        on_failure: OnFailure = warn_of_failure,
    ) -> Iterator[Picture]:
        """Pictures of a chapter's charts.

        A chapter gets all its charts or, if they do not fit, none. After the first chapter that
        does not fit, nothing more is drawn.

        Parameters
        ----------
        chapter : str
            Name of the chapter.
        charts : iterable of (str, chart)
            Charts by name.
        steps : mapping
            Steps of the ladder that a chart names, by name of the chart.
        descriptions : mapping
            Content of each chart, in one line.
        on_failure : callable
            Called with one line about each chart that fails.
        """
        if self.bytes_left is None:
            yield from self._pictures(chapter, charts, steps, descriptions, on_failure)
            return
        if not self.left_out:
            pictures = list(self._pictures(chapter, charts, steps, descriptions, on_failure))
            filled = sum(len(picture.source) + MARGIN for picture in pictures)
            if filled <= self.bytes_left:
                self.bytes_left -= filled
                yield from pictures
                return
        self.left_out.append(chapter)

    def _pictures(
        self,
        chapter: str,
        charts: Iterable[tuple[str, Any]],
        steps: Mapping[str, Sequence[str]],
        descriptions: Mapping[str, str],
        on_failure: OnFailure,
    ) -> Iterator[Picture]:
        for name, chart in charts:
            try:
                spec = spec_of(chart)
                add_tooltips(spec)
                picture = self._picture(f"{chapter}-{name}", spec)
            except Exception as error:  # from the drawing engine
                on_failure(failure_line(name, error))
                continue
            description = descriptions.get(name, "")
            yield replace(picture, steps=steps.get(name, ()), description=description)

    def _picture(self, name: str, spec: Spec) -> Picture:
        svg = to_svg(spec)
        width, height = (
            round(float(number))
            for number in re.findall(r'<svg[^>]*? width="([\d.]+)" height="([\d.]+)"', svg)[0]
        )
        title, lines = title_of(spec)
        picture = Picture(
            name,
            title,
            lines,
            str(spec.get("description") or title),
            as_image(svg),
            width,
            height,
            None,
        )
        datasets = {key: by_columns(rows) for key, rows in spec.pop("datasets", {}).items()}
        size = len(json.dumps(spec)) + sum(self._size(key, data) for key, data in datasets.items())
        if size > MOST_SPEC:
            return replace(
                picture,
                why=(
                    f"This figure is a picture: with its {size / 1e6:.1f} MB of data it would make"
                    " the report hard to send."
                ),
            )
        self.datasets |= datasets
        spec.pop("$schema", None)
        return replace(picture, chart=Interactive(list(datasets), spec))

    def _size(self, key: str, data: Dataset) -> int:
        if key not in self._sizes:
            self._sizes[key] = len(as_data(data))
        return self._sizes[key]

    def used(self, pictures: Iterable[Picture]) -> dict[str, Dataset]:
        """The data of these pictures alone."""
        names = {key for picture in pictures if picture.chart for key in picture.chart.data}
        return {key: data for key, data in self.datasets.items() if key in names}

    def size(self, picture: Picture) -> int:
        """Bytes of a picture's interactive chart with its data; 0 without one."""
        if not picture.chart:
            return 0
        data = sum(self._size(key, self.datasets[key]) for key in picture.chart.data)
        return len(as_data(picture.chart.as_dict())) + data


def add_tooltips(spec: Spec) -> None:
    """Give marks that show one row each a tooltip, in place, unless the chart has tooltips."""
    if "tooltip" in json.dumps(spec):
        return
    for part in _parts_of(spec):
        mark = part.get("mark")
        plain = {"type": mark} if isinstance(mark, str) else mark
        if plain and plain.get("type") in ROW_MARKS:
            part["mark"] = plain | {"tooltip": True}


def _parts_of(spec: Spec) -> Iterator[Spec]:
    """A chart and all charts in it."""
    yield spec
    for key in COMPOSED:
        for part in spec.get(key, ()):
            yield from _parts_of(part)
    if isinstance(spec.get("spec"), dict):
        yield from _parts_of(spec["spec"])


def title_of(spec: Spec) -> tuple[str, list[str]]:
    """Title of a chart, and the lines of its subtitle."""
    title = spec.get("title") or ""
    text, lines = (
        (title.get("text", ""), title.get("subtitle", []))
        if isinstance(title, dict)
        else (title, [])
    )
    return " ".join(text) if isinstance(text, list) else str(text), (
        [lines] if isinstance(lines, str) else [str(line) for line in lines]
    )


def by_columns(rows: Sequence[Mapping[str, Any]]) -> Dataset:
    """Rows as lists of values without names, and numbers rounded to `DIGITS`.

    A value that a row does not have becomes null.
    """
    columns = list(dict.fromkeys(key for row in rows for key in row))
    return {
        "columns": columns,
        "rows": [[rounded(row.get(key)) for key in columns] for row in rows],
    }


def rounded(value: Any) -> Any:
    """A float with `DIGITS` significant digits; other values unchanged."""
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def as_image(svg: str) -> str:
    """A drawing as a data URI: SVG, or PNG if the SVG is large and the PNG is smaller."""
    # The engine numbers gradients and clips across drawings.
    ids = {old_name: f"{i}" for i, old_name in enumerate(dict.fromkeys(NUMBERED.findall(svg)))}
    plain = re.sub(
        r"<[a-z][^>]*>",
        lambda tag: NUMBERED.sub(lambda name: f"drawn_{ids[name[0]]}", UNREAD.sub("", tag[0])),
        svg,
    )
    data, kind = plain.encode(), "svg+xml"
    if len(data) > MOST_SVG:
        png = vl_convert.svg_to_png(svg, ppi=PNG_PIXELS_PER_INCH)
        data, kind = (png, "png") if len(png) < len(data) else (data, kind)
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
