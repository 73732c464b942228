"""Kernels that read genotypes, against NumPy."""

from __future__ import annotations

import numpy as np

from evosim.kernels import genotypes
from evosim.optimizers.genotype_reader import kernel_layout, strands_of
from tests.support.twins import genetics


def test_distinct_class_ids_are_indexed_in_order_of_appearance() -> None:
    class_ids = np.array([7, 3, 7, 10**12, 3])
    table, distinct = np.empty(16, dtype=np.int32), np.empty(5, dtype=np.int64)
    assert genotypes.index_distinct(class_ids, table, distinct) == 3
    assert distinct[:3].tolist() == [7, 3, 10**12]
    assert class_ids.tolist() == [0, 1, 0, 2, 1]


def test_net_fitness_is_class_fitness_times_share_retained() -> None:
    out = np.empty(3)
    table, index, retained = np.array([2.0, 5.0]), np.array([1, 0, 1]), np.array([1.0, 0.5, 0.2])
    genotypes.net_fitness_chunk(0, 3, table, index, retained, out)
    assert out.tolist() == [5.0, 1.0, 1.0]


def test_classes_are_those_of_the_grid() -> None:
    grid = genetics(9, 2, 1)
    counts = [len(locus.params.alleles) for locus in grid.loci]
    alleles = np.random.default_rng(0).integers(0, counts, (50, 2, 9)).astype(np.uint8)
    out = np.empty(50, dtype=np.int64)
    genotypes.classes_chunk(0, 50, kernel_layout(grid), strands_of(alleles), out)
    np.testing.assert_array_equal(out, grid.classes(alleles))
