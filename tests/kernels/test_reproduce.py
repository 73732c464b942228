"""Reproduction kernels against their NumPy twin, number for number."""

from __future__ import annotations

import itertools
from typing import Literal

import numpy as np
import pytest

from evosim.kernels import reproduce
from evosim.optimizers import wright_fisher
from evosim.optimizers.params import Asexual, Sexual
from evosim.reference import reproduction
from evosim.rng import key_of
from tests.support.twins import genetics


@pytest.mark.parametrize(
    ("loci", "ploidy", "sexes", "selfing"),
    [
        (9, 2, 1, True),
        (9, 2, 1, False),
        (9, 2, 2, True),
        (70, 2, 1, True),
        (9, 1, 1, True),
        (9, 1, 1, False),
    ],
)
@pytest.mark.parametrize("seed", [0, 2**40 + 3])
def test_reproduction_number_for_number(
    loci: int, ploidy: int, sexes: Literal[1, 2], selfing: bool, seed: int
) -> None:
    """Parents and newborns, with every force of transmission on and off; 70 loci need a second word
    of strands.
    """
    n, rng = 300, np.random.default_rng(1)
    grid = genetics(loci, ploidy, seed % 1000)
    pop = wright_fisher.SexualPopulation(
        Sexual(population=n, sexes=sexes, selfing=selfing), grid, seed
    )
    for generation in (1, 2, 3):
        fitness = rng.random(n) * (rng.random(n) < 0.6)
        before = pop.ask().copy()
        pop.tell(fitness)
        viability, female, male = grid.drive.fitness_retained(before)
        eggs, sperm = fitness * viability * female, fitness * viability * male
        if sexes == 2:
            eggs[n // 2 :] = sperm[: n // 2] = 0.0
        numbers = reproduction.RandomNumbers(n, generation, seed)
        chosen = reproduction.parents(eggs, sperm, numbers, selfing=selfing or sexes == 2)
        np.testing.assert_array_equal(pop.parents, chosen)
        descent = pop.parentage()
        assert descent is not None
        assert descent.expected.sum() == pytest.approx(1.0, abs=1e-12)
        for forces in itertools.chain.from_iterable(
            itertools.combinations(("recombination", "drive", "mutation"), k) for k in range(4)
        ):
            expected = reproduction.newborns(grid, before, chosen, numbers, frozenset(forces))
            np.testing.assert_array_equal(descent.newborns(frozenset(forces), 0, n), expected)
        np.testing.assert_array_equal(pop.ask(), expected)


def test_asexual_reproduction_number_for_number() -> None:
    n, grid = 300, genetics(9, 2, 5)
    pop = wright_fisher.AsexualPopulation(Asexual(population=n), grid, 7)
    before = pop.ask().copy()
    fitness = np.random.default_rng(1).random(n)
    pop.tell(fitness)
    numbers = reproduction.RandomNumbers(n, 1, 7)
    chosen = reproduction.parents(fitness, fitness, numbers, selfing=True)[:, [0, 0]]
    np.testing.assert_array_equal(pop.parents, chosen)
    np.testing.assert_array_equal(pop.ask(), reproduction.copies(grid, before, chosen, numbers))


def test_expected_parentage_without_selfing_by_enumeration() -> None:
    grid, w = genetics(9, 2, 5), np.array([0.0, 1.0, 2.5, 0.5, 4.0])
    pop = wright_fisher.SexualPopulation(Sexual(population=5, selfing=False), grid, 1)
    viability, female, male = grid.drive.fitness_retained(pop.ask())
    eggs, sperm = w * viability * female, w * viability * male
    pop.tell(w)
    first = eggs / eggs.sum()
    second = sum(
        first[i] * np.where(np.arange(5) == i, 0.0, sperm) / (sperm.sum() - sperm[i])
        for i in range(5)
    )
    np.testing.assert_allclose(pop.expected, (first + second) / 2, atol=1e-15)


def test_founders_number_for_number() -> None:
    choices = [np.array([0, 2]), np.array([1]), np.array([0, 1, 2])]
    out = np.empty((100, 2, 3), dtype=np.uint8)
    reproduce.founders(100, *key_of(5), np.array([0, 2, 3, 6]), np.concatenate(choices), out)
    np.testing.assert_array_equal(out, reproduction.founders((100, 2, 3), choices, 5))
