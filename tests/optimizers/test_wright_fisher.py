"""Wright-Fisher populations: parents, newborns, sexes, introductions."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import numba
import numpy as np
import pytest

from evosim import rng as evosim_rng
from evosim.genomes import Driver
from evosim.kernels import compilation, philox
from evosim.kernels.reproduce import NEAR
from evosim.optimizers import wright_fisher
from evosim.optimizers.base import Extinction, InvalidOptimizer, check_fitness
from evosim.optimizers.params import Asexual, Introduction, Sexual
from evosim.optimizers.wright_fisher import SexualPopulation, introduce
from evosim.reference import reproduction
from evosim.rng import key_of
from evosim.verify.engine import markers
from tests.support.twins import genetics


@pytest.fixture(params=["this thread", "several threads"])
def threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    limit = 1 if request.param == "several threads" else 10**9
    monkeypatch.setattr(compilation, "MIN_PARALLEL", limit)
    monkeypatch.setattr(compilation, "MIN_PARALLEL_READING", limit)
    yield
    numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)


@pytest.mark.usefixtures("threads")
def test_a_guide_points_at_the_first_weight_above() -> None:
    rng = np.random.default_rng(2)
    for n in (1, 5, 20_000):
        cumulative = np.cumsum(rng.random(n) * (rng.random(n) < 0.3) + (np.arange(n) == n // 2))
        out = np.empty(n, dtype=np.int32)
        compilation.run_reader(philox.guide_chunk, philox.guide, n, cumulative, out)
        expected = np.searchsorted(cumulative, np.arange(n) / n * cumulative[-1], side="right")
        np.testing.assert_array_equal(out, np.minimum(expected, n - 1))


@pytest.mark.slow
@pytest.mark.usefixtures("threads")
def test_large_populations_are_made_number_for_number() -> None:
    """So large that genes are asked for before they are needed."""
    n, grid = 2_000, genetics(70, 2, 3)
    weights = np.random.default_rng(1).random(n)
    numbers = reproduction.RandomNumbers(n, 1, 9)
    sexual = wright_fisher.SexualPopulation(Sexual(population=n), grid, 9)
    asexual = wright_fisher.AsexualPopulation(Asexual(population=n), grid, 9)
    assert sexual.ask().size > NEAR
    for pop in (sexual, asexual):
        before = pop.ask().copy()
        pop.tell(weights)
        if pop is sexual:
            viability, female, male = grid.drive.fitness_retained(before)
            chosen = reproduction.parents(
                weights * viability * female, weights * viability * male, numbers, selfing=True
            )
            expected = reproduction.newborns(grid, before, chosen, numbers)
        else:
            chosen = reproduction.parents(weights, weights, numbers, selfing=True)[:, [0, 0]]
            expected = reproduction.copies(grid, before, chosen, numbers)
        np.testing.assert_array_equal(pop.parents, chosen)
        np.testing.assert_array_equal(pop.ask(), expected)
        descent = pop.parentage()
        assert descent is not None
        np.testing.assert_array_equal(
            descent.newborns(frozenset(descent.forces), 700, 1_900), expected[700:1_900]
        )


@pytest.mark.usefixtures("threads")
def test_introductions_use_strands_with_smallest_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wright_fisher, "BLOCK", 77)
    for copies in (1, 130, 600):
        where = (np.arange(300)[:, None], np.arange(2)[None, :] + 2, 5, evosim_rng.INTRODUCTIONS)
        lots = evosim_rng.uniform(*evosim_rng.philox(where, key_of(8))[:2]).ravel()
        found = wright_fisher._drawn((300, 2), copies, 1, 5, 8)
        np.testing.assert_array_equal(
            np.sort(found), np.sort(np.argsort(lots, kind="stable")[:copies])
        )


@pytest.mark.usefixtures("threads")
def test_making_newborns_allocates_nothing_that_grows_with_them() -> None:
    n = 30_000
    pop = wright_fisher.SexualPopulation(Sexual(population=n), genetics(12, 2, 5), 1)
    fitness = np.ones(n)
    pop.tell(fitness)
    tracemalloc.start()
    pop.tell(fitness)
    assert tracemalloc.get_traced_memory()[1] < n
    tracemalloc.stop()


def test_fitness_of_a_sex_is_its_own() -> None:
    grid = markers(None, drivers=(Driver("m0", "other", 0.9, 1.0, 0.0, "male fertility"),))
    everybody = np.ones((10, 2, 1), dtype=np.uint8)
    apart = SexualPopulation(Sexual(population=10, sexes=2, females=0.3), grid, 1)
    assert apart.fitness_retained(everybody).tolist() == [1.0] * 3 + [0.0] * 7
    assert (
        SexualPopulation(Sexual(population=10), grid, 1).fitness_retained(everybody).tolist()
        == [0.5] * 10
    )


def test_introductions_change_the_given_number_of_strands() -> None:
    grid = markers(None, None)
    newborns = np.zeros((50, 2, 2), dtype=np.uint8)
    plan = (Introduction(3, 20, {"m0": "other"}), Introduction(4, 100, {"m1": "other"}))
    assert not introduce(newborns.copy(), grid, plan, 2, 1).any()
    changed = introduce(newborns.copy(), grid, plan, 3, 1)
    assert changed[:, :, 0].sum() == 20
    assert not changed[:, :, 1].any()
    assert introduce(newborns.copy(), grid, plan, 4, 1)[:, :, 1].all()
    other = introduce(newborns.copy(), grid, plan, 3, 2)
    assert (changed != other).any()
    # Drawn evenly: over seeds, every strand as often as any other.
    often = sum(
        introduce(newborns.copy(), grid, plan, 3, seed)[:, :, 0].astype(int) for seed in range(400)
    )
    assert abs(often - 80).max() < 5 * np.sqrt(80 * 0.8)


def test_no_fitness_is_extinction_and_bad_fitness_an_error() -> None:
    population = SexualPopulation(Sexual(population=5), markers(None), 1)
    with pytest.raises(Extinction):
        population.tell(np.zeros(5))
    for bad in (np.array([1.0, -0.5]), np.array([1.0, np.nan])):
        with pytest.raises(InvalidOptimizer, match="fitness must be finite and not negative"):
            check_fitness(bad, negative=False)


def test_one_fit_individual_can_self_but_not_mate_alone() -> None:
    alone = np.array([0.0, 2.0, 0.0])
    selfing = SexualPopulation(Sexual(population=3), markers(None), 1)
    selfing.tell(alone)
    assert (selfing.parents == 1).all()
    with pytest.raises(Extinction):
        SexualPopulation(Sexual(population=3, selfing=False), markers(None), 1).tell(alone)
    with pytest.raises(Extinction):
        SexualPopulation(Sexual(population=3, sexes=2, females=0.4), markers(None), 1).tell(alone)


def test_hermaphrodites_mate_with_the_only_sperm() -> None:
    """Without selfing, the only individual with sperm fertilises the eggs of the others."""
    grid = markers(None, drivers=(Driver("m0", "other", 0.5, 1.0, 1.0, "male fertility"),))
    population = SexualPopulation(Sexual(population=4, selfing=False), grid, 1)
    population.newborns = np.ones((4, 2, 1), dtype=np.uint8)
    population.newborns[0] = 0
    population.tell(np.ones(4))
    assert (population.parents[:, 1] == 0).all()
    assert (population.parents[:, 0] > 0).all()
    assert population.expected is not None
    np.testing.assert_allclose(population.expected, [1 / 2, 1 / 6, 1 / 6, 1 / 6])
    tiny = SexualPopulation(Sexual(population=3, selfing=False), markers(None), 1)
    tiny.tell(np.array([1.0, 1e-3, 0.0]))
    assert (tiny.parents.sum(axis=1) == 1).all()
