"""The figure of a search: each leg begins where the last one ended."""

from __future__ import annotations

import polars as pl
import pytest

from evosim.config.experiments import read_experiment
from evosim.config.landscape_search import build_landscape
from evosim.config.resolve import resolve
from evosim.config.settings import apply_settings
from evosim.figures.inputs import Searched
from evosim.figures.landscape_search import legs
from evosim.figures.registry import SEARCH_FIGURES
from evosim.optimizers.real_vectors import search
from tests.support.figures import checked


def test_the_legs_of_a_demons_path() -> None:
    experiment = resolve(
        apply_settings(
            read_experiment("claim-06-demons"), ["replicates=3", "phases.0.generations=300"]
        )
    )
    table = pl.concat(
        [search(*build_landscape(experiment, seed), 300, seed, 3) for seed in experiment.seeds]
    )
    frame = legs(table, seeds=2, steps=20)
    assert frame["seed"].unique().sort().to_list() == [0, 1]
    for (seed,), way in frame.group_by("seed", maintain_order=True):
        path = table.filter(pl.col("seed") == seed)
        assert way.height == 20
        for begin, end in (("x_0", "x_0_to"), ("aside", "aside_to"), ("height", "height_to")):
            # Each begins where the last ended
            assert way[begin].to_list()[1:] == way[end].to_list()[:-1]
        assert (way["x_0"][0], way["aside"][0]) == (0.0, 0.0)
        assert (way["x_0_to"][-1], way["aside_to"][-1]) == (path["x_0"][-1], path["aside"][-1])
        assert way["height_to"][-1] == pytest.approx(path["loss"][-1] + path["x_0"][-1])
        assert way["share"][0] == pytest.approx(float(path["share"][1:6].mean()))  # type: ignore[arg-type]
    checked(SEARCH_FIGURES["demon"].draw(Searched(table, experiment)))
