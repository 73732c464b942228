"""Large populations: readers against the formulas they stand for, the same bytes for any threads
and blocks, bounded memory.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import numba
import numpy as np
import pytest

from evosim import rng as evosim_rng
from evosim.fitness.landscape import Landscape
from evosim.genomes import Grid
from evosim.genomes.loci import Alleles
from evosim.kernels import compilation, philox
from evosim.kernels import genotypes as kernels_genotypes
from evosim.kernels.reproduce import NEAR
from evosim.optimizers import wright_fisher
from evosim.optimizers.genotype_reader import (
    HERMAPHRODITES,
    GenotypeReader,
    kernel_layout,
    net_fitness,
    strands_of,
)
from evosim.optimizers.params import Asexual, Sexual
from evosim.reference import reproduction
from evosim.rng import key_of
from evosim.simulation import loop as simulation_loop
from evosim.simulation import price_equation, recorder
from tests.support.settings import quick, setting
from tests.support.twins import genetics

N = 3_000


@pytest.fixture(params=["this thread", "several threads"], autouse=True)
def _threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    limit = 1 if request.param == "several threads" else 10**9
    monkeypatch.setattr(compilation, "MIN_PARALLEL", limit)
    monkeypatch.setattr(compilation, "MIN_PARALLEL_READING", limit)
    yield
    numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)


def grids() -> list[Grid]:
    """Markers with drivers of both ploidies; expressed loci; a grid too large to be listed."""
    settings = [
        ("greedy-genes",),
        ("birth-control", "genome.ploidy=1"),
        ("reflexes",),
        ("suppressor",),
    ]
    return [genetics(12, 2, 5), genetics(12, 1, 5), *(setting(*s).genome.grid for s in settings)]


def anybody(grid: Grid, n: int = N) -> Alleles:
    rng = np.random.default_rng(3)
    columns = [rng.integers(0, len(locus.params.alleles), (n, grid.ploidy)) for locus in grid.loci]
    return np.stack(columns, axis=2).astype(np.uint8)


@pytest.mark.parametrize("grid", grids(), ids=range(6))
def test_classes_and_counts_are_what_the_grid_says(grid: Grid) -> None:
    reader = GenotypeReader(grid)
    for genotypes in (anybody(grid), anybody(grid, 100), anybody(grid, 1)):
        classes = grid.classes(genotypes)
        distinct, places = reader.classes(genotypes)
        np.testing.assert_array_equal(distinct[places], classes)
        np.testing.assert_array_equal(np.sort(distinct), np.unique(classes))
        counts = reader.counts(genotypes)
        values = grid.values(classes)
        np.testing.assert_allclose(counts.mean, values.mean(axis=0), atol=1e-13)
        np.testing.assert_allclose(counts.sd, values.std(axis=0), atol=1e-13)
        viable = grid.drive.fitness_retained(genotypes)[0]
        at = 0
        for i, locus in enumerate(grid.loci):
            for allele in range(len(locus.params.alleles)):
                copies = (genotypes[:, :, i] == allele).sum(axis=1)
                assert counts.alleles[at] == copies.sum() / genotypes[:, :, i].size
                assert counts.adults[at] == pytest.approx(
                    (viable * copies).sum() / (viable.sum() * grid.ploidy), abs=1e-13
                )
                at += 1
        assert at == len(counts.alleles)


def test_classes_that_collide_are_told_apart() -> None:
    numbers = np.random.default_rng(1).integers(0, 2**62, N)
    numbers[N // 2 :] = numbers[: N // 2]
    distinct, table, places = (
        np.empty(N, dtype=np.int64),
        np.empty(2048, dtype=np.int32),
        numbers.copy(),
    )
    assert kernels_genotypes.index_distinct(places, table, distinct) == N // 2
    np.testing.assert_array_equal(distinct[places], numbers)


@pytest.mark.parametrize("grid", grids(), ids=range(6))
def test_what_drivers_leave_is_what_the_grid_says(grid: Grid) -> None:
    genotypes, fitness = anybody(grid), np.random.default_rng(4).random(N)
    viability, female, male = grid.drive.fitness_retained(genotypes)
    reading, strands = kernel_layout(grid), strands_of(genotypes)
    for females in (HERMAPHRODITES, 1_000):
        everybody = np.arange(N)
        eggs, sperm, kept = np.empty(N), np.empty(N), np.empty(N)
        compilation.run_reader(
            kernels_genotypes.weights_chunk,
            kernels_genotypes.weights,
            N,
            reading,
            strands,
            fitness,
            females,
            eggs,
            sperm,
        )
        lays = (everybody < females) | (females == HERMAPHRODITES)
        seeds = (everybody >= females) | (females == HERMAPHRODITES)
        np.testing.assert_array_equal(eggs, np.where(lays, fitness * viability * female, 0.0))
        np.testing.assert_array_equal(sperm, np.where(seeds, fitness * viability * male, 0.0))
        compilation.run_reader(
            kernels_genotypes.fitness_retained_chunk,
            kernels_genotypes.fitness_retained,
            N,
            reading,
            strands,
            0,
            females,
            kept,
        )
        own = 0.5 * (female + male) if females == HERMAPHRODITES else np.where(lays, female, male)
        np.testing.assert_array_equal(kept, viability * own)
        rest = np.empty(N - 900)
        compilation.run_reader(
            kernels_genotypes.fitness_retained_chunk,
            kernels_genotypes.fitness_retained,
            len(rest),
            reading,
            strands_of(genotypes[900:]),
            900,
            females,
            rest,
        )
        np.testing.assert_array_equal(rest, kept[900:])
    places = np.random.default_rng(5).integers(0, 7, N)
    table = np.random.default_rng(6).random(7)
    np.testing.assert_array_equal(
        net_fitness(table, places, kept, np.empty(N)), table[places] * kept
    )


@pytest.mark.parametrize("grid", grids(), ids=range(6))
def test_traits_are_expressed_values_and_copies(grid: Grid) -> None:
    genotypes = anybody(grid)
    traits = price_equation.Traits(
        grid, lambda some, first: (np.arange(len(some)) + float(first), np.zeros(len(some)))
    )
    found = dict(zip(traits.names, traits(genotypes, 10), strict=True))
    np.testing.assert_array_equal(found["fitness in A"], np.arange(N) + 10.0)
    values = grid.values(grid.classes(genotypes))
    for i, locus in enumerate(grid.loci):
        numeric = locus.values.size > 1 and not isinstance(locus.params.alleles[0], str)
        assert (locus.name in found) == numeric
        if numeric:
            np.testing.assert_array_equal(found[locus.name], values[:, i])
    for locus, allele in grid.drive.alleles:
        name = f"{grid.loci[locus].name}: {grid.loci[locus].params.alleles[allele]}"
        np.testing.assert_array_equal(found[name], (genotypes[:, :, locus] == allele).mean(axis=1))


def test_a_guide_points_at_the_first_weight_above() -> None:
    rng = np.random.default_rng(2)
    for n in (1, 5, 20_000):
        cumulative = np.cumsum(rng.random(n) * (rng.random(n) < 0.3) + (np.arange(n) == n // 2))
        out = np.empty(n, dtype=np.int32)
        compilation.run_reader(philox.guide_chunk, philox.guide, n, cumulative, out)
        expected = np.searchsorted(cumulative, np.arange(n) / n * cumulative[-1], side="right")
        np.testing.assert_array_equal(out, np.minimum(expected, n - 1))


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


def test_introductions_find_the_strands_with_the_smallest_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wright_fisher, "BLOCK", 77)
    for copies in (1, 130, 600):
        where = (np.arange(300)[:, None], np.arange(2)[None, :] + 2, 5, evosim_rng.INTRODUCTIONS)
        lots = evosim_rng.uniform(*evosim_rng.philox(where, key_of(8))[:2]).ravel()
        found = wright_fisher._drawn((300, 2), copies, 1, 5, 8)
        np.testing.assert_array_equal(
            np.sort(found), np.sort(np.argsort(lots, kind="stable")[:copies])
        )


def loop(*settings: str) -> simulation_loop.Run:
    """A short run of the product's own loop, with drive, introductions, linkage and a ledger."""
    made = setting(
        "greedy-genes",
        *quick(
            "greedy-genes", "genome.markers.t.position=20", "optimizer.population=700", *settings
        ),
    )
    return simulation_loop.simulate(made, Landscape(made), 0)


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="this machine has one thread")
@pytest.mark.parametrize("settings", [(), ("optimizer.sexes=2",), ("analysis.max_classes=10",)])
def test_the_loop_gives_the_same_bytes_for_one_and_two_threads(settings: tuple[str, ...]) -> None:
    runs = []
    for threads in (1, 2):
        numba.set_num_threads(threads)
        runs.append(loop(*settings).tables)
    assert all(runs[0][name].equals(runs[1][name], null_equal=True) for name in runs[0])


def test_blocks_change_nothing_but_the_rounding_of_the_ledger(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = loop("optimizer.sexes=2").tables
    for module in (recorder, price_equation):
        monkeypatch.setattr(module, "CHUNK", 64)
    parts = loop("optimizer.sexes=2").tables
    for name in set(whole) - {"search"}:
        assert whole[name].equals(parts[name])
    for column in (
        *(term for term in price_equation.TERMS if term != "sampling"),
        "change",
        "order_spread",
    ):
        np.testing.assert_allclose(parts["search"][column], whole["search"][column], atol=1e-13)


def test_making_newborns_allocates_nothing_that_grows_with_them() -> None:
    n = 30_000
    pop = wright_fisher.SexualPopulation(Sexual(population=n), genetics(12, 2, 5), 1)
    fitness = np.ones(n)
    pop.tell(fitness)
    tracemalloc.start()
    pop.tell(fitness)
    assert tracemalloc.get_traced_memory()[1] < n
    tracemalloc.stop()


def test_the_ledger_needs_a_few_numbers_an_individual(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its traits, and newborns made again, come in blocks; what grows is expected and realised
    parentage.
    """
    monkeypatch.setattr(price_equation, "BLOCK", 256)
    n, grid = 30_000, genetics(12, 2, 5)
    pop = wright_fisher.SexualPopulation(Sexual(population=n), grid, 1)
    nothing = price_equation.Traits(
        grid, lambda some, first: (np.ones(len(some)), np.ones(len(some)))
    )
    book = price_equation.SearchLedger(nothing, 0)
    book.add(0, "ancestral", pop.ask(), pop.parentage())
    pop.tell(np.ones(n))
    tracemalloc.start()
    book.add(1, "ancestral", pop.ask(), pop.parentage())
    assert tracemalloc.get_traced_memory()[1] < 48 * n
    tracemalloc.stop()
