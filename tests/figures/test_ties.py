"""The figure of near ties: one bar per tolerance of the account's table."""

from __future__ import annotations

from typing import Any

from evosim.figures import Source
from evosim.figures.ties import format_tolerance


def test_bars_are_rows_of_the_table(micro: Source, specs: dict[str, dict[str, Any]]) -> None:
    tolerances = {
        row["tolerance"]
        for rows in specs["ties"]["datasets"].values()
        for row in rows
        if "tolerance" in row
    }
    assert tolerances == set(micro.analysis["ties"]["tolerance"])


def test_a_tolerance_in_words() -> None:
    assert format_tolerance(0.0) == "equal to the best"
    assert format_tolerance(0.05) == "within 5%"
