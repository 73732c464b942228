"""The entries of the glossary, `docs/glossary.md`, which is installed with the package."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from evosim.errors import UserError, edit_distance

FILE = "glossary.md"
NEAREST = 3  # words that an error offers
ROW = re.compile(r"^\| (?P<term>.+?) \| (?P<rest>.+) \|$")
HEADINGS = ("term", "identifier")
LINK = re.compile(r"\[([^]]+)\]\(([^)]+)\)")


@dataclass(frozen=True)
class Entry:
    """One entry.

    Attributes
    ----------
    words : tuple of str
        The word and its synonyms.
    meaning : str
        Their meaning, as plain text.
    code : bool
        Whether the words are identifiers of the code.
    """

    words: tuple[str, ...]
    meaning: str
    code: bool


@cache
def entries() -> tuple[Entry, ...]:
    """All entries in the order of the page."""
    page = files("evosim").joinpath(FILE).read_text(encoding="utf-8")
    return tuple(_entries(page))


def _entries(page: str) -> Iterator[Entry]:
    terms, _, names = page.partition("## Identifiers")
    for text, code in ((terms, False), (names, True)):
        for line in text.splitlines():
            row = ROW.match(line)
            if row is None or set(row["term"]) <= set("- ") or row["term"] in HEADINGS:
                continue
            meaning = row["rest"]
            if code:
                meaning, _, where = meaning.rpartition(" | ")
                meaning = f"{meaning} ({where})"
            yield Entry(_words(row["term"]), plain(meaning), code)


def _words(term: str) -> tuple[str, ...]:
    """The words of the first column: separated by commas, or in brackets."""
    parts = re.split(r"[,:()]", plain(term))
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


def plain(text: str) -> str:
    """A text without the marks of Markdown: links become the paths of pages, or their words."""
    text = LINK.sub(lambda link: f"docs/{link[1]}" if link[1].endswith(".md") else link[1], text)
    return text.replace("**", "").replace("`", "").replace("*", "")


def _key(word: str) -> str:
    """A word without regard to case, hyphens and repeated spaces."""
    return " ".join(re.sub(r"[-_\s]+", " ", word).lower().split())


def explain(word: str) -> tuple[Entry, ...]:
    """The entries of a word or of one of its synonyms; terms come first.

    Raises `UserError` for an unknown word, with the nearest words.
    """
    known: dict[str, list[Entry]] = {}
    for entry in entries():
        for name in dict.fromkeys(map(_key, entry.words)):
            known.setdefault(name, []).append(entry)
    key = _key(word)
    for candidate in (key, key.removesuffix("s"), key.removesuffix("es")):
        if candidate in known:
            return tuple(known[candidate])
    near = ", ".join(f"'{name}'" for name in _nearest(key, list(known)))
    raise UserError(
        f"'{word}' is not in the glossary. The nearest words are {near}; 'evosim explain' lists all"
        " words."
    )


def _nearest(key: str, known: list[str]) -> list[str]:
    """The nearest words: first those that contain the word, then by edit distance."""
    key = key[:100]

    def distance(name: str) -> tuple[bool, int, str]:
        return (not key or key not in name, edit_distance(key, name), name)

    return sorted((name for name in known if len(name) > 1), key=distance)[:NEAREST]
