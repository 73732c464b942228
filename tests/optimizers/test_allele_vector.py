"""Real numbers are rounded to alleles evenly."""

from __future__ import annotations

import numpy as np
import pytest

from evosim.genomes import Grid
from evosim.optimizers.allele_vector import AlleleVector
from tests.support.settings import setting


def grid(*settings: str) -> Grid:
    return setting("micro", *settings).genome.grid


def test_rounding_gives_every_allele_an_equal_share() -> None:
    slots = AlleleVector(grid())
    even = np.linspace(0.0, 1.0, 60_001)[:-1, None] * np.ones(len(slots))
    alleles = slots.nearest(even)
    for k, n in enumerate(slots.n_alleles):
        assert np.bincount(alleles[:, k], minlength=n).tolist() == pytest.approx(
            [60_000 / n] * n, abs=1
        )
    assert (
        slots.nearest(np.array([[-3.0] * len(slots), [9.0] * len(slots)]))
        == np.stack([0 * slots.n_alleles, slots.n_alleles - 1])
    ).all()
    every = slots.read(slots.genotypes(alleles[:50]))
    assert np.array_equal(every, alleles[:50])
