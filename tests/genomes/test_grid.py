"""The grid: classes, genotypes and the genetic map."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evosim.genomes import Grid, InvalidGenome, LocusParams
from evosim.genomes.grid import haldane, in_map_order
from tests.support.genomes import locus


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 2))
def test_genotypes_express_their_class(seed: int, ploidy: int) -> None:
    rng = np.random.default_rng(seed)
    loci = [
        locus(
            LocusParams(
                tuple(
                    sorted(
                        rng.choice(9, size=rng.integers(1, 4), replace=False).astype(float).tolist()
                    )
                )
            ),
            ploidy,
            name=f"x{i}",
        )
        for i in range(rng.integers(1, 5))
    ]
    grid = Grid(tuple(loci), ploidy)
    classes = np.arange(grid.size)
    np.testing.assert_array_equal(grid.from_digits(grid.digits(classes)), classes)
    np.testing.assert_array_equal(grid.classes(grid.genotypes(classes)), classes)
    genotypes = rng.integers(
        0, [len(x.params.alleles) for x in loci], size=(20, ploidy, len(loci))
    ).astype(np.uint8)
    values = grid.values(grid.classes(genotypes))
    for g, row in zip(genotypes, values, strict=True):
        for i, x in enumerate(loci):
            pair = [x.params.alleles[a] for a in g[:, i]]
            assert row[i] == pytest.approx(np.mean(pair))


def test_every_class_is_expressible_and_nothing_else() -> None:
    grid = Grid((locus(LocusParams((0.0, 1.0, 3.0))), locus(LocusParams(("a", "b")), name="y")), 2)
    every = np.array(list(itertools.product(range(3), range(2), repeat=2)), dtype=np.uint8).reshape(
        -1, 2, 2
    )
    assert set(grid.classes(every).tolist()) == set(range(grid.size))


def test_breeding_true_means_homozygous_everywhere() -> None:
    grid = Grid((locus(LocusParams((0.0, 1.0))), locus(LocusParams((0.0, 1.0)), name="y")), 2)
    true = grid.breeds_true(np.arange(grid.size))
    assert true.sum() == 4
    assert not true[grid.classes(np.array([[[0, 0], [1, 0]]], dtype=np.uint8))[0]]


def test_the_map_is_haldanes() -> None:
    assert haldane(0.0) == 0.0
    assert haldane(50.0) == pytest.approx(0.5 * (1 - np.exp(-1.0)))
    assert haldane(1e6) == 0.5
    here = [LocusParams((0.0, 1.0), chromosome="c", position=p) for p in (30.0, 10.0)] + [
        LocusParams((0.0, 1.0))
    ]
    ordered = in_map_order([locus(p, name=n) for p, n in zip(here, "abc", strict=True)])
    assert [x.name for x in ordered] == ["b", "a", "c"]
    np.testing.assert_allclose(Grid(ordered, 2).recombination(), [0.5, haldane(20.0), 0.5])
    np.testing.assert_array_equal(Grid(ordered, 2).chromosomes(), [0, 2, 3])
    with pytest.raises(
        InvalidGenome,
        match=r"in ascending position, but the order is a at 30 cM of 'c', b at 10 cM of 'c'",
    ):
        Grid((ordered[1], ordered[0], ordered[2]), 2)
    with pytest.raises(InvalidGenome, match="must stand together"):
        Grid((ordered[0], ordered[2], ordered[1]), 2)
    with pytest.raises(InvalidGenome, match="two are 'a'"):
        Grid((ordered[1], ordered[1]), 2)
