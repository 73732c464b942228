"""The engine under test: seeds, and planted faults."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from evosim.verify import FAULTS, LAWS
from evosim.verify.drift import homozygotes
from evosim.verify.engine import SOUND, markers, seed_of


def test_every_fault_has_a_law_and_every_law_a_fault() -> None:
    assert {fault for law in LAWS.values() for fault in law.faults} == set(FAULTS)
    assert all(law.faults for law in LAWS.values())


def test_no_two_simulations_share_random_numbers() -> None:
    seeds = [seed_of(*what) for what in ((0, 1), (0, 2), (1, 0), (np.zeros(3), 1), (np.ones(3), 1))]
    assert len(set(seeds)) == len(seeds)
    again = [
        replace(SOUND, run=1).generation(markers(None), homozygotes(40, 1))[1],
        SOUND.generation(markers(None), homozygotes(40, 1))[1],
    ]
    assert (again[0] != again[1]).any()
