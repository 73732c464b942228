"""Loci: dominance, named alleles, and values that are refused."""

from __future__ import annotations

import numpy as np
import pytest

from evosim.genomes import InvalidGenome, LocusParams
from tests.support.genomes import locus


def test_additive_dosages_merge_by_value() -> None:
    made = locus(LocusParams((0.0, 0.5, 1.0)))
    assert made.values.tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert made.values[made.expression[0, 2]] == 0.5 == made.values[made.expression[1, 1]]


@pytest.mark.parametrize(("dominance", "heterozygote"), [(0.0, 1.0), (0.25, 1.5), (1.0, 3.0)])
def test_dominance_places_the_heterozygote(dominance: float, heterozygote: float) -> None:
    made = locus(LocusParams((1.0, 3.0), dominance=dominance))
    assert made.values[made.expression[0, 1]] == made.values[made.expression[1, 0]] == heterozygote


def test_horizons_are_rounded_up() -> None:
    made = locus(LocusParams((1.0, 2.0, 4.0)), whole=True)
    assert made.values.tolist() == [1.0, 2.0, 3.0, 4.0]
    assert made.values[made.expression[0, 1]] == 2.0


def test_of_named_alleles_the_first_is_expressed() -> None:
    made = locus(LocusParams(("true", "old")))
    assert made.values[made.expression[0, 1]] == 0.0
    assert made.values[made.expression[1, 1]] == 1.0


def test_haploids_have_no_heterozygotes() -> None:
    assert locus(LocusParams((0.0, 0.5, 1.0)), ploidy=1).values.tolist() == [0.0, 0.5, 1.0]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (LocusParams(()), "x.alleles must list at least one allele"),
        (LocusParams((1.0, 0.0)), "x.alleles must ascend"),
        (LocusParams((1.0, 1.0)), "x.alleles must differ"),
        (LocusParams((np.inf,)), "x.alleles must be finite"),
        (LocusParams((-1e101, 0.0)), "x.alleles must lie within"),
        (LocusParams((0.0,), dominance=1.5), r"x.dominance must lie in \[0, 1\], but is 1.5"),
        (LocusParams((0.0,), mutation=-0.1), r"x.mutation must lie in \[0, 1\], but is -0.1"),
        (LocusParams((0.0,), position=-1.0), "x.position must be at least 0"),
        (LocusParams((0.0,), initial=(1.0,)), "x.initial must hold alleles"),
    ],
)
def test_bad_loci_are_named(params: LocusParams, message: str) -> None:
    with pytest.raises(InvalidGenome, match=message):
        locus(params)
