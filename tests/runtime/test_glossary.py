"""The glossary's entries by word: without regard to case, and by every synonym."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from evosim.errors import UserError
from evosim.runtime import glossary

PAGE = Path(__file__).resolve().parents[2] / "docs" / "glossary.md"
# Words of the short screen of a run, and of its sentences
ON_SCREEN = """
shift, birth control, waste, masturbation, masturbation style, hack, greedy genes, switch, exact,
share of the best, interval, near-optimal, dominance, R1h, R3, forced, left open, mesa-optimizer,
expected offspring, breed true, driver, recovery, found
"""


def test_the_installed_page_is_the_one_in_docs() -> None:
    assert files("evosim").joinpath("glossary.md").read_text("utf-8") == PAGE.read_text("utf-8")


@pytest.mark.parametrize("word", [" ".join(word.split()) for word in ON_SCREEN.split(",")])
def test_words_of_the_screen_have_an_entry(word: str) -> None:
    for spelling in (word, word.upper(), word.replace("-", " ").replace(" ", "_")):
        assert glossary.explain(spelling)[0].meaning


def test_all_rows_of_the_page_become_entries() -> None:
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    headings = 4  # two tables, each with a heading and a line below it
    assert len(glossary.entries()) == len(rows) - headings
    for entry in glossary.entries():
        assert entry.words
        assert entry.meaning
        assert not set("`*[]") & set("".join(entry.words))


def test_each_term_has_one_meaning() -> None:
    terms = [word.lower() for entry in glossary.entries() if not entry.code for word in entry.words]
    assert len(terms) == len(set(terms))


def test_plural_finds_the_entry() -> None:
    assert glossary.explain("drivers") == glossary.explain("driver")


def test_a_word_of_field_and_code_has_both_entries() -> None:
    assert [entry.code for entry in glossary.explain("grid")] == [False, True]


@pytest.mark.parametrize(("word", "near"), [("wast", "waste"), ("shfit", "shift"), ("R9", "r0")])
def test_an_unknown_word_names_the_nearest(word: str, near: str) -> None:
    with pytest.raises(UserError, match=f"'{word}' is not in the glossary.*'{near}'"):
        glossary.explain(word)


def test_marks_of_the_page_are_left_out() -> None:
    assert glossary.plain("**a** in [x.md](x.md#y), [b c](d.md)") == "a in docs/x.md, b c"
