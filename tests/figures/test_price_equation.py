"""The figure of the Price equation: its lines are sums of the recorded terms."""

from __future__ import annotations

from typing import Any

from evosim.figures import Source


def test_words_name_terms_and_numbers(micro: Source, specs: dict[str, dict[str, Any]]) -> None:
    assert micro.run.tables["search"].height
    words = specs["search"]["description"]
    assert "selection" in words
    assert any(letter.isdigit() for letter in words)
