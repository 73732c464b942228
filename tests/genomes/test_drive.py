"""Drivers and modifiers: costs by copies, wild types, and mistakes."""

from __future__ import annotations

import numpy as np
import pytest

from evosim.genomes import Driver, InvalidGenome, LocusParams, Modifier
from evosim.genomes.drive import place_drivers
from tests.support.genomes import locus

LOCI = [locus(LocusParams(("wild", "t", "u")), name="d"), locus(LocusParams(("a", "b")), name="m")]
GENOTYPES = np.array([[[0, 0], [0, 0]], [[1, 0], [0, 0]], [[1, 1], [1, 0]]], dtype=np.uint8)


def test_costs_multiply_by_number_of_copies() -> None:
    driver = Driver("d", "t", 0.9, cost=0.4, dominance=0.25, cost_to="female fertility")
    modifier = Modifier("m", "b", "d", cost=0.1, dominance=1.0)
    drive = place_drivers(LOCI, 2, [driver], [modifier])
    retained = drive.fitness_retained(GENOTYPES)
    np.testing.assert_allclose(retained[0], [1.0, 1.0, 0.9])  # viability
    np.testing.assert_allclose(retained[1], [1.0, 0.9, 0.6])  # female fertility
    np.testing.assert_allclose(retained[2], [1.0, 1.0, 1.0])  # male fertility


def test_the_wild_type_replaces_drivers_only() -> None:
    drive = place_drivers(LOCI, 2, [Driver("d", "t", wild="u")], [Modifier("m", "b", "d")])
    replaced = drive.replaced(GENOTYPES)
    assert replaced[:, :, 0].tolist() == [[0, 0], [2, 0], [2, 2]]
    np.testing.assert_array_equal(replaced[:, :, 1], GENOTYPES[:, :, 1])


def test_a_haploid_copy_has_the_whole_cost() -> None:
    drive = place_drivers(LOCI, 1, [Driver("d", "t", cost=0.4, dominance=0.5)], [])
    assert drive.fitness_retained(GENOTYPES[2:, :1])[0].tolist() == [0.6]


@pytest.mark.parametrize(
    ("drivers", "modifiers", "message"),
    [
        ([Driver("x", "t")], [], r"drivers\.0\.locus must be a locus of the genome \(d, m\)"),
        ([Driver("d", "v")], [], r"drivers\.0\.allele must be an allele of 'd'"),
        ([Driver("d", "t", 1.2)], [], r"ratio must lie in \[0, 1\], but is 1\.2"),
        ([Driver("d", "t", wild="t")], [], "wild must differ from the driving allele"),
        ([], [Modifier("m", "b", "d")], "of must be the locus of a driver"),
        ([Driver("d", "t")], [Modifier("d", "u", "d")], "must sit at different loci"),
        ([Driver("d", "t")], [Modifier("m", "b", "d")] * 2, "must be stated once"),
    ],
)
def test_mistakes_are_refused(
    drivers: list[Driver], modifiers: list[Modifier], message: str
) -> None:
    with pytest.raises(InvalidGenome, match=message):
        place_drivers(LOCI, 2, drivers, modifiers)
