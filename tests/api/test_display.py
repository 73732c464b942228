"""Displays in a notebook are well formed and have the numbers."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import evosim
from evosim.tables.formatting import number
from tests.support.api import settings, well_formed


@pytest.mark.slow
def test_reprs_arewell_formed_and_have_the_numbers(
    driven: evosim.Run, swept: evosim.Sweep, tmp_path: Path
) -> None:
    words = well_formed(driven._repr_html_())
    for text in (words, repr(driven)):
        for row in driven.losses().iter_rows(named=True):
            assert row["mean"] == 0.0 or number(row["mean"]) in text
        for row in driven.ladder().filter(pl.col("part") == "rung").iter_rows(named=True):
            assert number(row["mean"]) in text
        assert driven.provenance["digest"][:8] in text
    shift = number(float(swept.cells("losses.modern.shift")["mean"].max()))  # type: ignore[arg-type]
    for text in (well_formed(swept._repr_html_()), repr(swept)):
        assert "10 runs; 10 done" in text
        assert shift in text
    odd = evosim.run(
        "micro",
        settings("micro") | {"title": "<script>alert('x')</script> & \"y\""},
        out=tmp_path / "odd",
    )
    assert "<script>alert('x')</script> & \"y\"" in well_formed(odd._repr_html_())
    assert "<script>" not in odd._repr_html_()
