"""Figures that compare runs: one line, mark or bar per run."""

from __future__ import annotations

import polars as pl

from evosim.figures import comparison
from evosim.figures.vega import spec_of


def rows(spec: dict[str, object]) -> list[dict[str, object]]:
    return [row for data in spec["datasets"].values() for row in data]  # type: ignore[attr-defined]


def test_each_run_has_a_mark_on_each_rung() -> None:
    ladder = pl.DataFrame(
        {
            "world": ["ancestral", "modern"],
            "name": ["optimum", "optimum"],
            "mean": [2.0, 3.0],
            "low": [None, None],
            "high": [None, None],
        },
        schema_overrides={"low": pl.Float64, "high": pl.Float64},
    )
    spec = spec_of(comparison.rungs({"a": ladder, "b": ladder}, "payoff"))
    assert {(row["run"], row["mean"]) for row in rows(spec)} == {
        (run, mean) for run in "ab" for mean in (2.0, 3.0)
    }


def test_what_does_not_differ_is_left_out() -> None:
    frame = pl.DataFrame(
        {
            "run": ["b", "b"],
            "part": ["step", "step"],
            "name": ["shift", "search"],
            "world": ["modern", "modern"],
            "difference": [0.5, 0.0],
            "low": [None, None],
            "high": [None, None],
        },
        schema_overrides={"low": pl.Float64, "high": pl.Float64},
    )
    spec = spec_of(comparison.differences(frame, "payoff"))
    assert {row["quantity"] for row in rows(spec) if "quantity" in row} == {"step: shift in M"}
