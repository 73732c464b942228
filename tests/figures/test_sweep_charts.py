"""Words and numbers of figures of sweeps."""

from __future__ import annotations

import polars as pl

from evosim.figures.sweep_charts import along, decimals, extremes, number


def test_numbers_have_a_true_minus_and_no_negative_zero() -> None:
    assert number(-0.25) == "\u22120.25"
    assert number(-0.001) == "0.00"
    assert number(None) == ""


def test_three_digits_of_the_largest_are_shown() -> None:
    assert decimals([123.4, 2.0]) == 0
    assert decimals([0.0123]) == 4
    assert decimals([0.0]) == 2


def test_a_line_says_where_it_begins_and_ends() -> None:
    words = along(pl.DataFrame({"x": [1, 2, 3], "mean": [0.1, 0.9, 0.4]}), "loss")
    assert "0.100" in words
    assert "0.900" in words
    assert "0.400" in words


def test_a_map_says_its_lowest_and_highest_cell() -> None:
    frame = pl.DataFrame({"x": [1, 2], "y": [3, 4], "mean": [0.1, 0.9]})
    words = extremes(frame, ("size", "rate"))
    assert "0.100" in words
    assert "0.900" in words
    assert extremes(frame.clear(), ("size", "rate")) == "Nothing was measured."
