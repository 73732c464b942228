"""Figures of the registry for planners, drivers, reflexes and runs that die out."""

from __future__ import annotations

from pathlib import Path

import pytest

from evosim.figures import FIGURES, Source
from evosim.figures import policies as figures_policies
from tests.support.figures import checked, source
from tests.support.settings import quick

NEW = ("landscape", "policies", "life", "trajectories", "ties", "causes", "desires", "variation")


@pytest.mark.parametrize("name", NEW)
def test_charts_of_planners(savanna: Source, name: str) -> None:
    chart = FIGURES[name].draw(savanna)
    assert chart is not None
    checked(chart)
    assert not FIGURES[name].usual


@pytest.mark.slow
def test_charts_of_a_grid_of_one_genome(driven: Source) -> None:
    nothing = {name for name in NEW if FIGURES[name].draw(driven) is None}
    assert nothing == {"landscape", "ties"}
    for name in set(NEW) - nothing:
        checked(FIGURES[name].draw(driven))


@pytest.mark.slow
def test_reflexes_have_neither_causes_nor_desires(tmp_path: Path) -> None:
    made = source(
        tmp_path,
        "host",
        "optimizer.population=30",
        "phases.0.generations=4",
        "phases.1.generations=3",
        "analysis.restarts=1",
    )
    assert {name for name in NEW if FIGURES[name].draw(made) is None} == {"causes", "desires"}
    for name in set(NEW) - {"causes", "desires"}:
        checked(FIGURES[name].draw(made))
    assert "observation" in figures_policies.draw(made).description


@pytest.mark.slow
def test_a_population_that_dies_out_at_once_is_drawn(tmp_path: Path) -> None:
    made = source(
        tmp_path,
        "coarse-savanna",
        *quick("coarse-savanna", "genome.weights.pleasure.alleles=[0.0]"),
    )
    assert made.run.provenance["runs"]["0"]["status"] == "extinct"
    said = {
        name: chart.description
        for name in FIGURES
        if (chart := FIGURES[name].draw(made)) is not None and chart.to_dict()
    }
    for name in set(NEW) & set(said):
        checked(FIGURES[name].draw(made))
    assert (
        "All populations died out before the swap" in said["behaviour"]
    )  # which is not "no regret"
    assert "no population lived to see the swap" in said["ladders"]
    assert all("of the others" not in words for words in said.values())  # there are none
    assert "This run: it died out" in said["fitness"]
