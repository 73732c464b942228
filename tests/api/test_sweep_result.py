"""A sweep in Python says what single runs say."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import evosim
from tests.support.api import SWEEP, settings


@pytest.mark.slow
def test_a_sweep_is_computed_and_says_what_single_runs_say(
    swept: evosim.Sweep, tmp_path: Path
) -> None:
    assert (swept.status.done, swept.status.failed) == (10, 0)
    runs = swept.runs()
    assert runs.height == 10
    one = runs.row(0, named=True)
    alone = evosim.run(
        "micro",
        settings("micro") | {"world.modern.find": one["world.modern.find"]},
        seed=one["seed"],
        out=tmp_path / "one",
    )
    assert one["ladder.modern.steps.search"] == pytest.approx(
        alone.summary["ladder"]["modern"]["steps"]["search"], abs=1e-12
    )
    assert swept.parameters == ["world.modern.find"]
    assert "ladder.modern.steps.shift" in swept.quantities
    cells = swept.cells("ladder.modern.steps.search")
    means = runs.group_by("cell", maintain_order=True).agg(
        pl.col("ladder.modern.steps.search").mean()
    )
    assert cells["mean"].to_list() == pytest.approx(means["ladder.modern.steps.search"].to_list())
    assert swept.effects("ladder.modern.steps.shift")["level"].to_list() == ["0.2", "0.6"]
    assert swept.contrasts("ladder.modern.steps.shift").height == 1
    assert swept.shares().columns[0] == "quantity"
    assert swept.table("ladder").height > 0
    again = evosim.sweep(SWEEP, out=swept.folder, workers=1)
    assert again.runs().equals(runs)
    with pytest.raises(evosim.UserError, match="Did you mean 'runs'"):
        swept.table("run")
    with pytest.raises(evosim.UserError, match="replicates must be greater"):
        evosim.sweep(SWEEP | {"replicates": 0}, out=tmp_path / "none")
    assert not (tmp_path / "none").exists()


@pytest.mark.slow
def test_figures_of_a_sweep(swept: evosim.Sweep) -> None:
    charts = swept.figures(["ladder.modern.steps.shift"])
    assert charts
    name = next(iter(charts))
    assert swept.figure(name, ["ladder.modern.steps.shift"]).to_dict()
    with pytest.raises(evosim.UserError, match="a figure must be one of"):
        swept.figure("nothing")
