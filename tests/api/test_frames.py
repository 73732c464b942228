"""Frames: means over seeds, missing entries, terms of the Price equation, plain names."""

from __future__ import annotations

import altair as alt
import numpy as np
import polars as pl
import pytest

import evosim
from evosim.analysis.behaviour import NO_OVERLAP
from evosim.api import frames


@pytest.mark.slow
def test_frames_are_means_over_the_seeds_of_their_tables(driven: evosim.Run) -> None:
    for frame, long, value in (
        (driven.steps(), driven.steps(seeds=True), "value"),
        (driven.behaviour(), driven.behaviour(seeds=True), "value"),
        (driven.search(), driven.search(seeds=True), "value"),
        (driven.hack(), driven.hack(seeds=True), "value"),
        (driven.causes(), driven.causes(seeds=True), "value"),
        (driven.desires(), driven.desires(seeds=True), "value"),
        (driven.recovery(), driven.recovery(seeds=True), "value"),
    ):
        by = [name for name in frame.columns if name not in frames.MEASURED]
        again = long.group_by(by).agg(
            pl.col(value).mean().alias("again"), pl.col("seed").count().alias("count")
        )
        both = frame.join(again, on=by, nulls_equal=True)
        assert both.height == frame.height > 0
        assert np.allclose(both["mean"], both["again"], atol=1e-12)
        assert (both["n"] == both["count"]).all()
        assert (
            both.filter(pl.col("count") == 0)["low"].null_count()
            == both.filter(pl.col("count") == 0).height
        )


def test_missing_entries_are_0_and_unsplit_losses_have_no_kind() -> None:
    rows = [
        ("population", 0, "modern", "novel", "a", 1.0),
        ("population", 0, "modern", "upkeep", None, 0.5),
        ("population", 1, "modern", "upkeep", None, 0.5),
        ("population", 2, "modern", NO_OVERLAP, "a", 2.0),
        ("population", 2, "modern", "upkeep", None, 0.1),
    ]
    table = pl.DataFrame(
        rows, schema=["subject", "seed", "world", "kind", "act", "value"], orient="row"
    )
    found = {
        (row["seed"], row["kind"]): row["value"]
        for row in frames.behaviour(table, ["kind"]).iter_rows(named=True)
    }
    assert found == {
        (0, "novel"): 1.0,
        (1, "novel"): 0.0,
        (2, NO_OVERLAP): 2.0,
        (0, "upkeep"): 0.5,
        (1, "upkeep"): 0.5,
        (2, "upkeep"): 0.1,
    }


def test_search_terms_sum_to_the_change(driven: evosim.Run) -> None:
    long = driven.search(seeds=True)
    keys = ["seed", "when", "trait"]
    terms = (
        long.filter(pl.col("term") != "change")
        .group_by(keys)
        .agg(pl.col("value").sum().alias("terms"))
    )
    both = long.filter(pl.col("term") == "change").join(terms, on=keys)
    assert both.height > 5
    assert np.allclose(both["value"], both["terms"], atol=1e-9)


def test_plain_names_can_be_drawn() -> None:
    frame = pl.DataFrame(
        {
            "optimizer.population": [50],
            "optimizer_population": [1],
            "locus:ease": [0.5],
            "a[b].c": [2],
            "mean": [3.0],
            ".": [4],
        }
    )
    plain = evosim.plain_names(frame)
    assert plain.columns == [
        "optimizer_population_2",
        "optimizer_population",
        "locus_ease",
        "a_b_c",
        "mean",
        "column",
    ]
    assert plain.row(0) == frame.row(0)
    described = alt.Chart(plain).mark_point().encode(x="locus_ease", y="a_b_c").to_dict()
    assert described["encoding"]["x"] == {"field": "locus_ease", "type": "quantitative"}
