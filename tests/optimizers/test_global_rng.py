"""Global generators are seeded by an address and restored."""

from __future__ import annotations

import random

import numpy as np
import pytest

from evosim.optimizers.global_rng import seeded


def draws(*address: int) -> tuple[float, float]:
    with seeded(*address):
        return random.random(), float(np.random.random())  # noqa: NPY002


def test_an_address_decides_the_numbers() -> None:
    assert draws(1, 2) == draws(1, 2)
    assert draws(1, 2) != draws(2, 1)


def test_generators_are_restored_also_after_an_error() -> None:
    random.seed(5)
    expected = random.random()
    random.seed(5)
    with pytest.raises(ZeroDivisionError), seeded(1):
        assert random.random() / 0
    assert random.random() == expected
