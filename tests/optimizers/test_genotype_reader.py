"""Genotypes are read as the NumPy code of the grid reads them."""

from __future__ import annotations

from collections.abc import Iterator

import numba
import numpy as np
import pytest

from evosim.genomes import Grid
from evosim.genomes.loci import Alleles
from evosim.kernels import compilation
from evosim.kernels import genotypes as kernels_genotypes
from evosim.optimizers.genotype_reader import (
    HERMAPHRODITES,
    GenotypeReader,
    kernel_layout,
    net_fitness,
    strands_of,
)
from tests.support.settings import setting
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
        ("coarse-drive",),
        ("coarse-savanna", "genome.ploidy=1"),
        ("reflexes",),
        ("suppressor",),
    ]
    return [genetics(12, 2, 5), genetics(12, 1, 5), *(setting(*s).genome.grid for s in settings)]


def anybody(grid: Grid, n: int = N) -> Alleles:
    rng = np.random.default_rng(3)
    columns = [rng.integers(0, len(locus.params.alleles), (n, grid.ploidy)) for locus in grid.loci]
    return np.stack(columns, axis=2).astype(np.uint8)


@pytest.mark.slow
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
