"""Page: chapters as one HTML file that needs no network.

Scripts run by their hashes, and the browser may load nothing (`policy`). Text from files is
escaped.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shlex
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from evosim.analysis.terminology import AUTHORS
from evosim.errors import UserError
from evosim.figures.html import as_data, engine, licences
from evosim.report.charts import ChartEmbedder
from evosim.report.elements import NO_AUTHOR, Chapter, Picture, Words
from evosim.version import __version__

HERE = Path(__file__).resolve().parent
MOST = 4_900_000  # bytes of a file that mail lets through
MANY_POINTS = 6000  # in one figure; more are drawn as points and not as elements
SCRIPT = re.compile(r'<script type="module">(.*?)</script>', re.DOTALL)


def page(chapters: Sequence[Chapter], comparisons: Sequence[Any], embedder: ChartEmbedder) -> bytes:
    """The file.

    Where it would be larger than `MOST`, the figures with most data stay pictures, and say so.
    """
    page_bytes = _page(chapters, comparisons, embedder)
    while len(page_bytes) > MOST and (
        charts := [picture for picture in _pictures(chapters) if picture.chart]
    ):
        still, over = set[str](), len(page_bytes) - MOST
        for picture in sorted(charts, key=embedder.size, reverse=True):
            if over > 0:
                still.add(picture.name)
                # At most: other figures may use the same data, and then there is another round
                over -= embedder.size(picture)
        chapters = [_stilled(chapter, still) for chapter in chapters]
        page_bytes = _page(chapters, comparisons, embedder)
    return page_bytes


def whole_ones(
    chapters: Sequence[Chapter], comparisons: Sequence[Any]
) -> tuple[list[Chapter], int]:
    """Cut chapters to their summaries, from the last backwards, until the text is below `MOST`.

    Parameters
    ----------
    chapters : Sequence[Chapter]
        Without figures.
    comparisons : Sequence[Any]
                Their comparison.

    Returns
    -------
    chapters : list[Chapter]
        All of them, the last ones cut.
    room : int
        Bytes that are left for figures.

    Raises
    ------
    UserError
        If not even summaries fit.
    """
    nothing = ChartEmbedder()
    engines = len(engine())

    def cut_chapters(cut: int) -> list[Chapter]:
        whole = len(chapters) - cut
        return [*chapters[:whole], *map(_cut, chapters[whole:])]

    def size(cut: int) -> int:
        return len(_page(cut_chapters(cut), comparisons, nothing)) + engines

    cut = bisect_left(range(len(chapters)), True, key=lambda n: size(n) <= MOST)
    room = MOST - size(cut)
    if room < 0 and cut:
        raise UserError(
            f"a report must stay below {MOST / 1e6:.1f} MB, but summaries of {len(chapters)}"
            " folders do not. Give fewer folders."
        )
    return cut_chapters(cut), room


def _cut(chapter: Chapter) -> Chapter:
    """A chapter of its summary alone, which says so."""
    note = _left_out(chapter, "accounts, parameters and figures")
    return replace(
        chapter,
        sections=[replace(chapter.sections[0], parts=[*chapter.sections[0].parts, note])],
        labelled=False,
    )


def without_figures(chapter: Chapter) -> Chapter:
    """Say in a chapter that has no figures why it has none.

    Parameters
    ----------
    chapter : Chapter
        One for whose figures there was no room.

    Returns
    -------
    Chapter
        The same with a sentence more, unless it is cut, and says it already.
    """
    first, *rest = chapter.sections
    return (
        replace(
            chapter,
            sections=[replace(first, parts=[*first.parts, _left_out(chapter, "figures")]), *rest],
        )
        if rest
        else chapter
    )


def _left_out(chapter: Chapter, what: str) -> Words:
    alone = f"evosim report {shlex.quote(chapter.folder)}"
    return Words(
        [
            f"The {what} of this {chapter.what} are left out, so that the report stays below"
            f" {MOST / 1e6:.1f} MB. A report of it alone has them: '{alone}'."
        ]
    )


def _page(
    chapters: Sequence[Chapter], comparisons: Sequence[Any], embedder: ChartEmbedder
) -> bytes:
    pictures = list(_pictures(chapters))
    charts = {picture.name: picture.chart.as_dict() for picture in pictures if picture.chart}
    one, script = len(chapters) == 1, _source("page.js")
    many = [
        (chapter.what, sum(other.what == chapter.what for other in chapters))
        for chapter in chapters
    ]
    whats = [
        f"{count} {what if count == 1 else {'search': 'searches'}.get(what, f'{what}s')}"
        for what, count in dict.fromkeys(many)
    ]
    scripts = engine() if charts else ""
    text = _template().render(
        chapters=chapters,
        one=one,
        beside=comparisons,
        authors=AUTHORS,
        nobody=NO_AUTHOR,
        labelled=any(chapter.labelled for chapter in chapters),
        title=chapters[0].title if one else f"Report on {_listed(whats)}",
        what=", ".join(dict.fromkeys(chapter.line.partition(",")[0] for chapter in chapters)),
        version=__version__,
        style=_source("page.css"),
        script=script,
        engine=scripts,
        licences=licences() if scripts else "",
        policy=policy([*SCRIPT.findall(scripts), script]),
        data=as_data(
            {"data": embedder.used(pictures), "charts": charts, "manyPoints": MANY_POINTS}
        ),
    )
    return text.encode()


def policy(scripts: Sequence[str]) -> str:
    """Content security policy: run these scripts, use styles and images in the page only."""
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in scripts
    )
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:;"
        " base-uri 'none'; form-action 'none'"
    )


@cache
def _template() -> jinja2.Template:
    shelf = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        auto_reload=False,
    )
    return shelf.get_template("page.html.jinja")


@cache
def _source(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _pictures(part: Any) -> Iterator[Picture]:
    """All pictures in a part, however deep."""
    if isinstance(part, Picture):
        yield part
    elif isinstance(part, list | tuple):
        for inner in part:
            yield from _pictures(inner)
    elif is_dataclass(part):
        for item in fields(part):
            yield from _pictures(getattr(part, item.name))


def _stilled(part: Any, names: set[str]) -> Any:
    """The part, with the figures of these names no more than pictures."""
    if isinstance(part, Picture):
        why = f"This figure is a picture, so that the report stays below {MOST / 1e6:.1f} MB."
        return replace(part, chart=None, why=why) if part.name in names else part
    if isinstance(part, list | tuple):
        return (
            [_stilled(inner, names) for inner in part]
            if any(picture.name in names for picture in _pictures(part))
            else part
        )
    if is_dataclass(part) and not isinstance(part, type):
        return replace(
            part, **{item.name: _stilled(getattr(part, item.name), names) for item in fields(part)}
        )
    return part
