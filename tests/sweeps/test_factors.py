"""Factors of a sweep, labels of their levels, and short names."""

from __future__ import annotations

import polars as pl
import pytest

from evosim.errors import UserError
from evosim.sweeps.factors import column_of, factors_of, label, short_factors, short_names
from evosim.sweeps.schema import Range, SweepFile

SWEEP = SweepFile.model_validate(
    {"name": "x", "experiment": "micro", "grid": {"a.n": (20, 10), "b.word": ("z", "y")}}
)
KINDS = {"a.n": "int", "b.word": "text"}
CELLS = pl.DataFrame({"a.n": [20, 20, 10, 10], "b.word": ["z", "y", "z", "y"]})


def test_numbers_are_sorted_and_words_keep_their_order() -> None:
    factors, place = factors_of(SWEEP, CELLS, KINDS)
    assert [factor.labels for factor in factors] == [("10", "20"), ("z", "y")]
    assert [factor.values for factor in factors] == [(10.0, 20.0), None]
    assert place.tolist() == [2, 3, 0, 1]
    assert short_factors(factors) == {"a.n": "n", "b.word": "word"}


def test_cells_that_are_no_full_grid_are_refused() -> None:
    with pytest.raises(UserError, match="not a full grid"):
        factors_of(SWEEP, CELLS.head(3), KINDS)


def test_short_names_are_unique_ends() -> None:
    assert short_names(["a.x", "b.x", "c.y"]) == {"a.x": "a.x", "b.x": "b.x", "c.y": "y"}
    assert short_names(["y", "a.y"]) == {"y": "y", "a.y": "a.y"}


def test_labels_follow_the_kind() -> None:
    assert [label(True, "bool"), label(0.5, "float"), label(3, "int")] == ["true", "0.5", "3"]


def test_choices_and_scales_have_positions() -> None:
    words = column_of(pl.Series(["b", "a"]), Range(choices=("a", "b", "b")))
    assert words.position.tolist() == [1.0, 0.0]
    assert words.weights is not None
    assert words.weights.tolist() == [1.0, 2.0]
    logarithm = column_of(pl.Series([1.0, 10.0, 100.0]), Range(low=1.0, high=100.0, scale="log"))
    assert logarithm.position.tolist() == pytest.approx([0.0, 0.5, 1.0])
