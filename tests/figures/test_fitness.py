"""The figure of fitness: dotted lines, and labels that nearly meet are moved apart."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from evosim.figures import FIGURES
from evosim.figures.fitness import fitness
from tests.support.figures import source
from tests.support.heterozygotes import HETEROZYGOTE_IS_BEST

SHORT = ("optimizer.population=20", "phases.0.generations=3", "phases.1.generations=3")


def test_names_of_best_genomes_that_nearly_meet_are_drawn() -> None:
    generations = pl.DataFrame(
        {
            "seed": [0, 0],
            "generation": [0, 1],
            "world": ["ancestral"] * 2,
            "ancestral_mean": [0.1, 0.2],
            "modern_mean": [0.1, 0.3],
        }
    )
    assert "line-bottom" in json.dumps(
        fitness(generations, {"ancestral": 1.0, "modern": 0.95}, 5).to_dict(validate=True)
    )


def test_dotted_lines_are_genomes_that_breed_true(tmp_path: Path) -> None:
    made = source(tmp_path, "coarse-savanna", *HETEROZYGOTE_IS_BEST, *SHORT)
    landscape = made.run.tables["landscape"]
    best = landscape.filter("breeds_true").select("ancestral", "modern").max().row(0)
    assert landscape["ancestral"].max() > best[0] > 0.0
    for figure, column in (("fitness", "value"), ("trajectories", "at")):
        drawn = FIGURES[figure].draw(made).to_dict()["datasets"].values()
        lines = [row[column] for rows in drawn for row in rows if row.keys() >= {"world", column}]
        assert set(lines) == set(best)
