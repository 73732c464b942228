"""Genomes are built from the names of a world only."""

from __future__ import annotations

import numpy as np
import pytest

from evosim.genomes import GENOMES
from tests.support.genomes import SHAPE


def test_the_catalogue_builds_over_names_alone() -> None:
    for entry in GENOMES.values():
        genome = entry.build(entry.params(), SHAPE)
        assert len(genome.decode(np.arange(min(4, genome.grid.size)))) == min(4, genome.grid.size)


@pytest.mark.parametrize("name", sorted(GENOMES))
def test_keys_of_rules_differ(name: str) -> None:
    genome = GENOMES[name].build(GENOMES[name].params(), SHAPE)
    rules = genome.decode(np.arange(genome.grid.size))
    assert len({rules.key(i) for i in range(len(rules))}) == len(rules) == genome.grid.size
