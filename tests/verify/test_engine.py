"""The engine under test: seeds, and planted faults."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from evosim.genomes import Modifier
from evosim.verify import FAULTS, LAWS
from evosim.verify.drift import homozygotes
from evosim.verify.engine import SOUND, _described, driver, markers, seed_of

MODIFIER = Modifier("m1", "other", "m0", ratio=0.5, cost=0.1)


def test_every_fault_has_a_law_and_every_law_a_fault() -> None:
    assert {fault for law in LAWS.values() for fault in law.faults} == set(FAULTS)
    assert all(law.faults for law in LAWS.values())


def test_seeds_of_stored_results_do_not_change() -> None:
    grid = markers(0.0, 10.0, drivers=(driver(0.8, 0.3, 0.2),), modifiers=(MODIFIER,))
    genotypes = np.zeros((3, 2, 2), dtype=np.uint8)
    assert seed_of(0, 1, 0.5, True, *_described(grid), genotypes) == 26461620306812882


def test_no_two_simulations_share_random_numbers() -> None:
    seeds = [seed_of(*what) for what in ((0, 1), (0, 2), (1, 0), (np.zeros(3), 1), (np.ones(3), 1))]
    assert len(set(seeds)) == len(seeds)
    again = [
        replace(SOUND, run=1).generation(markers(None), homozygotes(40, 1))[1],
        SOUND.generation(markers(None), homozygotes(40, 1))[1],
    ]
    assert (again[0] != again[1]).any()
