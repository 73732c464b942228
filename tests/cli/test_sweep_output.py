"""Texts of the commands about sweeps."""

from __future__ import annotations

from evosim.cli.sweep_output import count_of


def test_numbers_have_nouns() -> None:
    assert count_of(1, "chunk") == "1 chunk"
    assert count_of(2000, "chunk") == "2,000 chunks"
    assert count_of(2, "process", "processes") == "2 processes"
