"""The figure of fitness: labels that nearly meet are moved apart."""

from __future__ import annotations

import json

import polars as pl

from evosim.figures.fitness import fitness


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
