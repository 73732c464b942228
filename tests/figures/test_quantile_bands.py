"""Bands over seeds, and lines without the points that cannot be seen."""

from __future__ import annotations

import polars as pl
import pytest

from evosim.figures.quantile_bands import banded, thinned


def test_a_band_holds_the_middle_of_the_seeds() -> None:
    frame = pl.DataFrame({"generation": [0] * 101, "x": [float(i) for i in range(101)]})
    row = banded(frame, "x", "generation").row(0, named=True)
    assert row["mean"] == pytest.approx(50.0)
    assert (row["low"], row["high"]) == (pytest.approx(2.5, abs=0.5), pytest.approx(97.5, abs=0.5))


def test_one_seed_has_a_band_without_width() -> None:
    row = banded(pl.DataFrame({"generation": [0], "x": [3.0]}), "x", "generation").row(0)
    assert row == (0, 3.0, 3.0, 3.0)


def test_short_lines_keep_all_points() -> None:
    lines = pl.DataFrame({"generation": range(10), "mean": 1.0, "low": 1.0, "high": 1.0})
    assert thinned(lines).height == 10
