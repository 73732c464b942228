"""Specifications keep all data, and have no signs that a picture cannot hold."""

from __future__ import annotations

import altair as alt
import polars as pl

from evosim.figures.vega import preload, spec_of, to_svg


def test_a_specification_has_all_rows() -> None:
    rows = 6000  # more than Altair's limit
    chart = alt.Chart(pl.DataFrame({"x": range(rows)})).mark_point().encode(alt.X("x:Q"))
    (data,) = spec_of(chart)["datasets"].values()
    assert len(data) == rows


def test_control_characters_are_spelled_out() -> None:
    chart = alt.Chart(pl.DataFrame({"x": ["a\x00b"]})).mark_point().encode(alt.X("x:N"))
    spec = spec_of(chart)
    assert "\x00" not in str(next(iter(spec["datasets"].values()))[0]["x"])
    assert to_svg(spec).startswith("<svg")


def test_preload_draws() -> None:
    preload()
