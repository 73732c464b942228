"""Numbers with their nouns, in one function and nowhere by hand."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import evosim
from evosim.runtime.words import count_of

TOP = Path(evosim.__file__).parent
# Rooms whose texts count what can be one
ROOMS = ("api", "cli", "figures", "report", "runs", "sweeps", "tables", "verify")
NOUNS = (
    "cells",
    "checks",
    "chunks",
    "classes",
    "files",
    "generations",
    "genomes",
    "lives",
    "parts",
    "points",
    "replicates",
    "runs",
    "seeds",
    "states",
    "tasks",
    "times",
)
COUNTED = re.compile(rf" (?:[a-z]+ )?(?:{'|'.join(NOUNS)})\b")
# Texts in which the number is never one, or the word is no noun
ALLOWED = {
    "common common seeds": "pairing takes five",
    "names.count(name) times": "names that are given twice",
    "high between cells": "the number belongs to `from {low} to {high}`",
    "store.folder runs --out runs": "a command",
    "total * sweep.replicates runs": "more than the most that are allowed",
    "counted or 'some' tasks": "a gap needs two tasks",
    "facts.fewest_seeds seeds": "five or more",
    "row.genomes genomes": "one genome has no sentence",
    "facts.finished complete runs": "a damaged file",
    "generations generations)": "a damaged file",
    "t generations": "a name in stored results",
    "generations - 1 generations": "a name in stored results",
}


def plurals_by_hand(source: str) -> list[str]:
    """F-strings that print a number and a plural, unless a condition chooses between texts.

    `2 of {n} runs` counts a part, and names in capitals are constants.
    """
    tree = ast.parse(source)
    chosen = {
        part for node in ast.walk(tree) if isinstance(node, ast.IfExp) for part in ast.walk(node)
    }
    found = []
    for text in (node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)):
        if text in chosen:
            continue
        for before, number, noun in zip(
            [None, *text.values], text.values, text.values[1:], strict=False
        ):
            if not isinstance(number, ast.FormattedValue) or not isinstance(noun, ast.Constant):
                continue
            constant = re.fullmatch(r"(\w+\.)*[A-Z_]+", ast.unparse(number.value))
            part = isinstance(before, ast.Constant) and str(before.value).endswith(" of ")
            if COUNTED.match(str(noun.value)) and not constant and not part:
                found.append(f"{text.lineno}: {ast.unparse(number.value)}{noun.value}")
    return found


def test_numbers_have_nouns() -> None:
    assert count_of(1, "chunk") == "1 chunk"
    assert count_of(2000, "chunk") == "2,000 chunks"
    assert count_of(0, "process", "processes") == "0 processes"


@pytest.mark.parametrize("room", ROOMS)
def test_no_text_counts_by_hand(room: str) -> None:
    found = [
        f"{path.name}:{place}"
        for path in sorted((TOP / room).rglob("*.py"))
        for place in plurals_by_hand(path.read_text())
        if not any(text in place for text in ALLOWED)
    ]
    assert not found, "\n".join(found)


def test_plurals_by_hand_are_seen() -> None:
    assert plurals_by_hand('x = f"{n} seeds"') == ["1: n seeds"]
    assert plurals_by_hand('x = f"{a}: {n:,} modern generations later"')
    for text in (
        "f\"{count_of(n, 'seed')}\"",
        '"one seed" if n == 1 else f"{n} seeds"',
        'f"needs {FEWEST} seeds"',
        'f"1 of {n} seeds"',
    ):
        assert plurals_by_hand(text) == []
