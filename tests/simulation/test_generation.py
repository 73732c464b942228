"""Fitness of a generation: for the record, for the optimizer, and for genotypes outside it."""

from __future__ import annotations

import numpy as np

from evosim.config.resolve import Problem
from evosim.fitness.landscape import Landscape
from evosim.optimizers.params import Sexual
from evosim.optimizers.wright_fisher import SexualPopulation
from evosim.simulation.generation import Evaluation
from tests.support.settings import quick, setting


def evaluation(name: str, *settings: str) -> tuple[Problem, SexualPopulation, Evaluation]:
    problem = setting(name, *quick(name, *settings))
    population = SexualPopulation(Sexual(population=30), problem.genome.grid, 3)
    return problem, population, Evaluation(problem, Landscape(problem), population, 3)


def test_the_optimizer_gets_the_fitness_of_the_phase() -> None:
    problem, population, evaluated = evaluation("micro")
    generation = evaluated.load(population.ask())
    swap = problem.experiment.swap
    for g, world in ((0, "ancestral"), (swap - 1, "ancestral"), (swap, "modern")):
        (fitness,) = evaluated.reported(g)
        assert np.array_equal(fitness, generation.fitness(world))


def test_net_fitness_has_the_costs_of_drivers() -> None:
    _, population, evaluated = evaluation("coarse-drive")
    generation = evaluated.load(population.ask())
    retained = population.fitness_retained(population.ask())
    expected = generation.fitness("modern").copy() * retained
    assert np.array_equal(generation.net("modern"), expected)


def test_genotypes_outside_the_run_change_nothing() -> None:
    _, population, evaluated = evaluation("coarse-drive")
    newborns = population.ask()
    generation = evaluated.load(newborns)
    before = generation.fitness("ancestral").copy()
    outside = evaluated.outside_the_run(newborns[::-1].copy(), 0)
    assert np.array_equal(outside, before[::-1])
    assert np.array_equal(generation.fitness("ancestral"), before)
    ancestral, modern = evaluated.net_in_both_worlds(newborns, 0)
    assert np.array_equal(ancestral, generation.net("ancestral").copy())
    assert np.array_equal(modern, generation.net("modern").copy())
