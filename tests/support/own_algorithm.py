"""Algorithms that a user might bring to optimizer `deap`."""

from __future__ import annotations

import random
from typing import Any

import numpy as np


def random_search(population: list[Any], toolbox: Any, ngen: int) -> list[Any]:
    """Mutate all individuals with both global generators; sometimes evaluate only the first."""
    for generation in range(ngen):
        for member, worth in zip(
            population, toolbox.map(toolbox.evaluate, population), strict=True
        ):
            member.fitness.values = worth
        if generation % 5 == 4:
            (population[0].fitness.values,) = toolbox.map(toolbox.evaluate, population[:1])
        assert list(toolbox.map(len, population)) == [len(population[0])] * len(population)
        population.sort(key=lambda member: member.fitness.values, reverse=True)
        half = population[: len(population) // 2 + int(np.random.random() < 0.5)]  # noqa: NPY002
        population = [toolbox.mutate(toolbox.clone(random.choice(half)))[0] for _ in population]
    return population


def gives_up(population: list[Any], toolbox: Any) -> list[Any]:
    """Evaluates once, and that is it."""
    toolbox.map(toolbox.evaluate, population)
    return population


def fails(population: list[Any], toolbox: Any) -> None:
    """Evaluates once, and then fails."""
    toolbox.map(toolbox.evaluate, population)
    raise KeyError("no idea")


def invents(population: list[Any], toolbox: Any) -> None:
    """Individuals with alleles that there are none of."""
    population[3][0] = 99
    toolbox.map(toolbox.evaluate, population)


def wants_more(population: list[Any], toolbox: Any, temperature: float) -> None:
    """Require a parameter that does not exist."""
