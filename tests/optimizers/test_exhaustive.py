"""Exhaustive search finds the best classes of a grid."""

from __future__ import annotations

import polars as pl

from evosim.fitness.landscape import Landscape
from evosim.simulation.loop import simulate
from tests.support.settings import setting


def test_the_exhaustive_optimizer_finds_what_enumeration_finds() -> None:
    made = setting(
        "micro", 'optimizer={name="exhaustive"}', "phases.0.generations=2", "phases.1.generations=2"
    )
    landscape = Landscape(made)
    frame = landscape.frame()
    tables = simulate(made, landscape, 0).tables
    for moment, measure in (("swap", "ancestral"), ("end", "modern")):
        found = tables["populations"].filter(pl.col("moment") == moment)["class"].to_list()
        assert sorted(found) == sorted(landscape.best(measure, 0, 1, breeding_true=False).tolist())
        assert frame[measure][found[0]] == frame[measure].max()
