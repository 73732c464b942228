"""Page: chapters as one HTML file that needs no network.

Scripts run by their hashes alone, and the browser may ask nobody for anything (`policy`); what comes from files is escaped.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from evosim.analysis.conventions import AUTHORS
from evosim.figures.html import as_data, engine, licences
from evosim.report.parts import NO_AUTHOR, Chapter, Picture
from evosim.report.pictures import Gallery
from evosim.version import __version__

HERE = Path(__file__).resolve().parent
MOST = 4_900_000  # bytes of a file that mail lets through
MANY_POINTS = 6000  # in one figure; more are drawn as points and not as elements
SCRIPT = re.compile(r'<script type="module">(.*?)</script>', re.DOTALL)


def page(chapters: Sequence[Chapter], beside: Sequence[Any], gallery: Gallery) -> bytes:
    """The file. Where it would be larger than `MOST`, the figures with most data stay pictures, and say so."""
    made = _page(chapters, beside, gallery)
    while len(made) > MOST and (largest := max(_pictures(chapters), key=gallery.size, default=None)) and largest.chart:
        still = replace(largest, chart=None, why=f"This figure is a picture, so that the report stays below {MOST / 1e6:.1f} MB.")
        chapters = [_with(chapter, largest, still) for chapter in chapters]
        made = _page(chapters, beside, gallery)
    return made


def _page(chapters: Sequence[Chapter], beside: Sequence[Any], gallery: Gallery) -> bytes:
    pictures = list(_pictures(chapters))
    charts = {picture.name: picture.chart for picture in pictures if picture.chart}
    one, script = len(chapters) == 1, _source("page.js")
    many = [(chapter.what, sum(other.what == chapter.what for other in chapters)) for chapter in chapters]
    whats = [f"{count} {what if count == 1 else {'search': 'searches'}.get(what, f'{what}s')}" for what, count in dict.fromkeys(many)]
    scripts = engine() if charts else ""
    text = _template().render(
        chapters=chapters, one=one, beside=beside, authors=AUTHORS, nobody=NO_AUTHOR, labelled=any(chapter.labelled for chapter in chapters),
        title=chapters[0].title if one else f"Report on {_listed(whats)}", what=", ".join(dict.fromkeys(chapter.line.partition(",")[0] for chapter in chapters)), version=__version__, style=_source("page.css"), script=script,
        engine=scripts, licences=licences() if scripts else "", policy=policy([*SCRIPT.findall(scripts), script]),
        data=as_data({"data": gallery.used(pictures), "charts": charts, "manyPoints": MANY_POINTS}),
    )  # fmt: skip
    return text.encode()


def policy(scripts: Sequence[str]) -> str:
    """What a browser may do: run these scripts, use styles that stand in the page, show images that do. Nothing else, and nobody is asked."""
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in scripts)
    return f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


@cache
def _template() -> jinja2.Template:
    shelf = jinja2.Environment(loader=jinja2.FileSystemLoader(HERE), autoescape=True, undefined=jinja2.StrictUndefined, auto_reload=False)
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


def _with(part: Any, old: Picture, new: Picture) -> Any:
    """The part with another picture in place of one."""
    if part is old:
        return new
    if isinstance(part, list | tuple):
        return [_with(inner, old, new) for inner in part] if any(inner is old for inner in _pictures(part)) else part
    if is_dataclass(part) and not isinstance(part, type | Picture):
        return replace(part, **{item.name: _with(getattr(part, item.name), old, new) for item in fields(part)})
    return part
