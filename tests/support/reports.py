"""Texts of folders in reports, and the tags of a page."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = (
    '</title><script>document.title = "taken"</script><img src="http://example.org/x.png"'
    ' onerror="document.title=1"> & "drive"'
)
SWEEP = """
name = "small"
title = "<i>Sizes</i> & mutations"
experiment = "micro"
replicates = 5
[set]
phases.0.generations = 6
phases.1.generations = 4
[grid]
optimizer.population = [10, 20]
genome.mutation_scale = [0.5, 4.0]
"""


class Tags(HTMLParser):
    """Start tags with their attributes, and the texts of some elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("h1", "code", "th", "td", "script"):
            self._open = [tag]
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        self._open = [name for name in self._open if name != tag]

    def handle_data(self, data: str) -> None:
        for tag in self._open:
            self.texts[tag][-1] += data
