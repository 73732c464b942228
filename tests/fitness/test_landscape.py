"""A landscape evaluates each class once, and records those that were requested."""

from __future__ import annotations

import numpy as np

from evosim.fitness.landscape import Landscape
from tests.support.settings import setting


def test_a_stored_grid_and_a_cached_one_agree() -> None:
    problem = setting("micro")
    whole = Landscape(problem)
    cached = Landscape(problem, max_classes=1, max_enumerated=1)
    classes = np.array([3, 0, 3, 7])
    for name in ("ancestral", "modern", "modern_intent"):
        np.testing.assert_array_equal(
            getattr(whole.fitness(classes), name), getattr(cached.fitness(classes), name)
        )
    assert whole.cached_classes == problem.genome.grid.size
    assert cached.cached_classes == 3


def test_requested_classes_are_in_the_record() -> None:
    landscape = Landscape(setting("micro"), max_classes=1, max_enumerated=1)
    landscape.fitness(np.array([5, 2]))
    landscape.fitness(np.array([9]), observed=False)
    assert landscape.frame()["class"].to_list() == [2, 5]
    landscape.reset_record()
    landscape.fitness(np.array([9]))
    assert landscape.frame()["class"].to_list() == [9]
    assert landscape.cached_classes == 3


def test_the_best_classes_are_found_by_enumeration() -> None:
    problem = setting("micro")
    landscape = Landscape(problem)
    best = landscape.best("modern", seed=0, restarts=1)
    everything = landscape.fitness(np.arange(problem.genome.grid.size)).modern
    assert everything[best].min() >= everything.max() - 1e-9
