"""Populations: shares and fitness."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from evosim.analysis.population import PopulationSnapshot, net_fitness
from tests.support.accounts import accountant_of


def test_a_snapshot_has_shares_that_sum_to_1() -> None:
    rows = accountant_of("coarse-drive").tables["populations"]
    rows = rows.filter((pl.col("moment") == "swap") & (pl.col("seed") == rows["seed"][0]))
    snapshot = PopulationSnapshot.from_table(rows)
    assert snapshot.share.sum() == pytest.approx(1.0)
    assert set(rows["class"]) <= snapshot.members


def test_fitness_is_the_weighted_mean_of_classes() -> None:
    evaluator = accountant_of("micro").cache.evaluator
    classes = np.array([3, 8])
    snapshot = PopulationSnapshot(
        classes, np.array([0.25, 0.75]), np.array([1.0, 0.5]), classes, np.ones(2)
    )
    fitness = snapshot.fitness(evaluator)
    for world, found in fitness.items():
        values = net_fitness(evaluator, classes, world)
        assert found.free == pytest.approx(values @ [0.25, 0.75])
        assert found.mean == pytest.approx(values @ [0.25, 0.375])
        assert found.wild == pytest.approx(found.free)


def test_the_best_present_is_best_by_what_selection_used() -> None:
    evaluator = accountant_of("micro").cache.evaluator
    classes = np.array([3, 8])
    snapshot = PopulationSnapshot(classes, np.full(2, 0.5), np.ones(2), classes, np.ones(2))
    found = snapshot.fitness(evaluator, np.array([0.0, 1.0]))
    assert found.modern.best_present == evaluator.scored(8, "modern")
