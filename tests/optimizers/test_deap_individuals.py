"""Individuals and the toolbox that algorithms of DEAP get."""

from __future__ import annotations

from copy import deepcopy

import pytest

from evosim.optimizers.deap_individuals import MAP, Fitness, Individual, Toolbox
from evosim.optimizers.params import InvalidOptimizer


def test_copies_of_individuals_share_nothing() -> None:
    one = Individual([1, 2, 3])
    one.fitness.values = (0.5,)
    other = deepcopy(one)
    other[0] = 7
    other.fitness.values = (0.25,)
    assert (list(one), one.fitness.values) == ([1, 2, 3], (0.5,))
    assert type(other) is Individual


def test_fitness_is_never_valid_and_higher_is_better() -> None:
    low, high = Fitness((0.5,)), Fitness((2.0,))
    assert low < high
    assert not high.valid
    assert repr(high) == "Fitness((2.0,))"


def test_the_map_of_the_toolbox_cannot_be_replaced() -> None:
    toolbox = Toolbox()
    toolbox.register("map", map)
    toolbox.refuse = lambda but, remedy: InvalidOptimizer(f"{but}. {remedy}.")
    with pytest.raises(InvalidOptimizer, match=f"registers a map of its own. {MAP}"):
        toolbox.register("map", map)
