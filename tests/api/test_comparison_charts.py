"""Captions of a comparison's charts."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import evosim
from tests.support.api import settings


@pytest.mark.slow
def test_captions_hold_for_few_seeds_and_for_searched_grids(tmp_path: Path) -> None:
    few = settings("micro") | {
        "optimizer.population": 30,
        "analysis.max_classes": 50,
        "analysis.max_enumerated": 50,
        "analysis.restarts": 2,
        "analysis.confidence": 0.5,
    }
    base, other = (
        evosim.run("micro", few | {"world.modern.find": find}, replicates=n, out=tmp_path / f"{n}")
        for n, find in ((3, 0.7), (5, 0.2))
    )
    found = evosim.compare(base, other)
    assert found.differences.filter(pl.col("how") == "exact")["name"].unique().to_list() == [
        "optimum"
    ]
    shift = found.differences.filter(pl.col("name") == "shift", pl.col("world") == "modern")
    assert shift["how"].to_list() == 2 * ["best found"]  # the loss, and the step of the ladder
    assert any("not enumerated" in note for note in found.notes())
    described = {
        name: (" ".join(chart.title.subtitle), chart.description)
        for name, chart in found.figures().items()
    }
    assert "no intervals: each run needs 5 seeds or more" in described["differences"][0]
    assert "whiskers: 50%" in described["rungs"][0]
    assert next(iter(described)) == "losses"
    assert "not measured: hack in 3; hack in 5" in described["losses"][0]
    panels = found.figures()["losses"].to_dict()["concat"]
    assert [panel["title"] for panel in panels] == ["3", "5"]
    domains = {
        str(layer["encoding"]["x"]["scale"]["domain"])
        for panel in panels
        for layer in panel["layer"]
        if "scale" in layer["encoding"]["x"]
    }
    assert len(domains) == 1  # one scale for all runs
    for name, run in (("3", base), ("5", other)):
        waste = run.typed_summary.account.losses.loss("waste", "modern").mean
        assert waste is not None
        said = described["losses"][1].partition(f"{name}: ")[2].partition("5: ")[0]
        assert f"waste in the modern world {'gain ' if waste < 0 else ''}{abs(waste):.3f}" in said
    assert "fewer than 5 seeds" in described["rungs"][0]
    steps = (
        found.differences.filter(pl.col("part") == "step")
        .drop_nulls("difference")
        .sort(pl.col("difference").abs(), descending=True)
        .row(0, named=True)
    )
    assert (
        f"loses {abs(steps['difference']):.3f} {'more' if steps['difference'] > 0.0 else 'less'}"
        f" than 3 by {steps['name']}" in described["rungs"][1]
    )
