"""Figures of a report, made small: data by columns, rounded beyond what a reader sees.

A figure is a picture (what readers without scripts see, and what is printed) and, within limits, a
description that an engine makes interactive.
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

from evosim.figures import Failed, described_of, drawn, failure, warned
from evosim.figures.html import as_data
from evosim.report.elements import Picture

DIGITS = 8  # significant; screens have 4, tooltips at most 6
MOST_DESCRIBED = (
    600_000  # bytes of one description with its data; beyond, the figure stays a picture
)
MOST_DRAWN = 250_000  # bytes of one drawing; beyond, it is painted as points
AROUND = (
    2_000  # bytes of the page around a drawing, about: its title, what it says, labels of steps
)
POINTS_PER_INCH = 144
# Of a drawing that is shown as an image
UNREAD = re.compile(r' (?:aria-[a-z]+|role|pointer-events|class)="[^"]*"')

NUMBERED = re.compile(r"\b(?:gradient_|clip)\d+\b")
NOTHING: Mapping[str, Any] = MappingProxyType({})

ROW_MARKS = ("bar", "circle", "point", "rect", "square", "tick")

Dataset = dict[str, list[Any]]


class Gallery:
    """Figures of one report, and the data that they share.

    Attributes:
        datasets: by name, `columns` and `rows`.
        room: bytes that drawings may still fill; nothing if there is no limit.
        left_out: chapters whose figures had no room.
    """

    def __init__(self) -> None:
        self.datasets: dict[str, Dataset] = {}
        self.room: int | None = None
        self.left_out: list[str] = []
        self._sizes: dict[str, int] = {}

    def hang(
        self,
        chapter: str,
        charts: Iterable[tuple[str, Any]],
        steps: Mapping[str, Sequence[str]] = NOTHING,
        what: Mapping[str, str] = NOTHING,
        failed: Failed = warned,
    ) -> Iterator[Picture]:
        """Charts by name as pictures.

        `steps`: by name of a figure, the steps of the ladder that it names; `what`: what it shows,
        in a line.

        `failed` hears in one line of each chart that cannot be drawn. A chapter has all its figures
        or, without room, none; from the first that has none, no later one is drawn.
        """
        if self.room is None:
            yield from self._pictures(chapter, charts, steps, what, failed)
            return
        if not self.left_out:
            pictures = list(self._pictures(chapter, charts, steps, what, failed))
            filled = sum(len(picture.source) + AROUND for picture in pictures)
            if filled <= self.room:
                self.room -= filled
                yield from pictures
                return
        self.left_out.append(chapter)

    def _pictures(
        self,
        chapter: str,
        charts: Iterable[tuple[str, Any]],
        steps: Mapping[str, Sequence[str]],
        what: Mapping[str, str],
        failed: Failed,
    ) -> Iterator[Picture]:
        for name, chart in charts:
            try:
                described = described_of(chart)
                let_point(described)
                picture = self._hung(f"{chapter}-{name}", described)
            except Exception as error:  # (of the drawing engine)
                failed(failure(name, error))
                continue
            yield replace(picture, steps=steps.get(name, ()), what=what.get(name, ""))

    def _hung(self, name: str, described: dict[str, Any]) -> Picture:
        drawing = drawn(described)
        width, height = (
            round(float(number))
            for number in re.findall(r'<svg[^>]*? width="([\d.]+)" height="([\d.]+)"', drawing)[0]
        )
        title, lines = words_of(described)
        picture = Picture(
            name,
            title,
            lines,
            str(described.get("description") or title),
            image(drawing),
            width,
            height,
            None,
        )
        datasets = {key: by_columns(rows) for key, rows in described.pop("datasets", {}).items()}
        size = len(json.dumps(described)) + sum(
            self._size(key, data) for key, data in datasets.items()
        )
        if size > MOST_DESCRIBED:
            return replace(
                picture,
                why=(
                    f"This figure is a picture: with its {size / 1e6:.1f} MB of data it would make"
                    " the report hard to send."
                ),
            )
        self.datasets |= datasets
        described.pop("$schema", None)
        return replace(picture, chart={"data": list(datasets), "spec": described})

    def _size(self, key: str, data: Dataset) -> int:
        if key not in self._sizes:
            self._sizes[key] = len(as_data(data))
        return self._sizes[key]

    def used(self, pictures: Iterable[Picture]) -> dict[str, Dataset]:
        """The data of these pictures alone."""
        names = {key for picture in pictures if picture.chart for key in picture.chart["data"]}
        return {key: data for key, data in self.datasets.items() if key in names}

    def size(self, picture: Picture) -> int:
        """Bytes of a picture's description with its data."""
        return (
            len(as_data(picture.chart))
            + sum(self._size(key, self.datasets[key]) for key in picture.chart["data"])
            if picture.chart
            else 0
        )


def let_point(described: dict[str, Any]) -> None:
    """Give marks that stand for one row each a tooltip of what they show, if the figure has none of
    its own. A line is no row.
    """
    if "tooltip" in json.dumps(described):
        return
    for part in _parts_of(described):
        mark = part.get("mark")
        plain = {"type": mark} if isinstance(mark, str) else mark
        if plain and plain.get("type") in ROW_MARKS:
            part["mark"] = plain | {"tooltip": True}


def _parts_of(described: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A described figure and all figures in it."""
    yield described
    for key in ("layer", "hconcat", "vconcat", "concat"):
        for part in described.get(key, ()):
            yield from _parts_of(part)
    if isinstance(described.get("spec"), dict):
        yield from _parts_of(described["spec"])


def words_of(described: dict[str, Any]) -> tuple[str, list[str]]:
    """Title and subtitle of a described figure."""
    title = described.get("title") or ""
    words, lines = (
        (title.get("text", ""), title.get("subtitle", []))
        if isinstance(title, dict)
        else (title, [])
    )
    return " ".join(words) if isinstance(words, list) else str(words), (
        [lines] if isinstance(lines, str) else [str(line) for line in lines]
    )


def by_columns(rows: list[dict[str, Any]]) -> Dataset:
    """Rows without the names of their columns, and numbers rounded to `DIGITS`.

    What a row does not have is null.
    """
    columns = list(dict.fromkeys(key for row in rows for key in row))
    return {
        "columns": columns,
        "rows": [[rounded(row.get(key)) for key in columns] for row in rows],
    }


def rounded(value: Any) -> Any:
    """A real number with `DIGITS` significant digits; anything else as it is."""
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def image(drawing: str) -> str:
    """A drawing as a data URI: as it is, or painted if it is large and that is smaller."""
    # The engine counts on from drawing to drawing
    ids = {found: f"{i}" for i, found in enumerate(dict.fromkeys(NUMBERED.findall(drawing)))}
    plain = re.sub(
        r"<[a-z][^>]*>",
        lambda tag: NUMBERED.sub(lambda name: f"drawn_{ids[name[0]]}", UNREAD.sub("", tag[0])),
        drawing,
    )
    data, kind = plain.encode(), "svg+xml"
    if len(data) > MOST_DRAWN:
        painted = vl_convert.svg_to_png(drawing, ppi=POINTS_PER_INCH)
        data, kind = (painted, "png") if len(painted) < len(data) else (data, kind)
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
