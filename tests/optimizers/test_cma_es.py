"""CMA-ES on a grid."""

from __future__ import annotations

import numpy as np
import pytest

from evosim.optimizers import InvalidState
from evosim.optimizers.cma_es import CmaEsOnAlleles
from evosim.optimizers.params import CmaEs
from tests.support.settings import setting


def test_samples_converge_to_the_best_alleles() -> None:
    grid = setting("micro").genome.grid
    search = CmaEsOnAlleles(CmaEs(population=12), grid, 1)
    shares = []
    for _ in range(40):
        alleles = search.vector.read(search.ask())
        search.tell(alleles.sum(axis=1).astype(float))
        shares.append((alleles == search.vector.n_alleles - 1).mean())
    assert np.mean(shares[-5:]) > 0.9 > np.mean(shares[:2])


def test_a_state_of_another_population_is_refused() -> None:
    grid = setting("micro").genome.grid
    state = CmaEsOnAlleles(CmaEs(population=12), grid, 1).state()
    with pytest.raises(InvalidState, match=r"'points' with shape \(12, .*expected \(9, "):
        CmaEsOnAlleles(CmaEs(population=9), grid, 1).restore(state)
