"""Mutation-selection balance: formulas against numbers in print, recursions and simulations.

Each test also plants a wrong formula, and requires that it misses.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from evosim.theory import balance
from tests.support.theory import (
    EXACT,
    Refusals,
    as_printed,
    assert_refused,
    fixed_point,
    is_printed,
)

BALANCES = [
    (1e-3, 0.25, 0.1),
    (1e-3, 0.0, 0.1),
    (1e-3, 0.5, 0.1),
    (1e-4, 0.5, 0.5),
    (1e-3, 0.0, 1.0),
    (1e-3, 0.9, 0.3),
]


@pytest.mark.parametrize(("u", "h", "s"), BALANCES)
def test_balance_is_where_the_recursion_rests(u: float, h: float, s: float) -> None:
    q = balance.frequency(u, h, s)
    assert fixed_point(lambda x: balance.next_frequency(float(x), u, h, s), 0.05) == pytest.approx(
        q, abs=EXACT
    )
    w = 1 - 2 * q * (1 - q) * h * s - q * q * s
    assert balance.mean_fitness(u, h, s) == pytest.approx(w, abs=1e-14)


def test_balance_in_print() -> None:
    as_printed(balance.frequency(1e-3, 0.25, 0.1), ".0371957558")
    assert not is_printed(1e-3 / (0.25 * 0.1), ".0371957558")  # planted: u/(hs)
    assert balance.frequency(1e-3, 0.0, 0.1) == pytest.approx(0.1, abs=1e-15)
    assert balance.frequency(1e-3, 0.5, 0.1) == pytest.approx(0.002 / (0.1 * 1.001), abs=1e-15)
    assert balance.frequency(1e-6, 0.5, 0.5) == pytest.approx(1e-6 / 0.25, rel=1e-4)
    assert balance.frequency(0.0, 0.3, 0.5) == 0.0
    for h in (0.0, 0.5, 1.0):
        assert balance.frequency(0.5, h, 0.1) == 1.0
        assert balance.mean_fitness(0.5, h, 0.1) == pytest.approx(0.9, abs=1e-15)
        assert fixed_point(
            lambda x, h=h: balance.next_frequency(float(x), 0.5, h, 0.1), 0.05
        ) == pytest.approx(1, abs=EXACT)


def test_load() -> None:
    as_printed(balance.load(1e-3, 0.5, 0.5), ".0019980")
    for s in (0.1, 0.5, 1.0):
        assert balance.load(1e-3, 0.0, s) == pytest.approx(1e-3, abs=1e-15)
        assert balance.load(1e-6, 0.5, s) == pytest.approx(2e-6, rel=1e-4)
    # Planted: 2u for a recessive
    assert balance.load(1e-3, 0.0, 0.5) != pytest.approx(2e-3, rel=0.4)


def test_load_of_many_loci() -> None:
    loci = [(1e-5, 0.5, s) for s in (0.1, 0.5)] * 50
    assert balance.mean_fitness_many(loci) == pytest.approx(math.exp(-2e-3), abs=1e-7)
    assert balance.mean_fitness_many([(1e-3, 0.0, 0.4)] * 3) == pytest.approx(0.999**3, abs=1e-14)
    assert balance.mean_fitness_many([]) == 1.0


def test_two_way_mutation() -> None:
    u, v, q = 1e-3, 3e-3, 0.9
    assert balance.two_way(u, v) == pytest.approx(0.25, abs=1e-15)
    for t in range(50):
        assert balance.two_way_approach(0.9, u, v, t) == pytest.approx(q, abs=1e-13)
        q = q * (1 - v) + (1 - q) * u
    assert balance.two_way(v, u) == pytest.approx(0.75, abs=1e-15)  # the rates exchanged are seen


def test_stepwise_mutation() -> None:
    assert balance.stepwise_mean(0, 3, 0.1, 1) == pytest.approx(0.05, abs=1e-15)
    assert balance.stepwise_mean(0, 3, 0.1, 2) == pytest.approx(0.0975, abs=1e-15)
    for start, alleles in ((0, 3), (4, 5), (0, 1)):
        assert balance.stepwise_mean(start, alleles, 0.1, 5_000) == pytest.approx(
            (alleles - 1) / 2, abs=1e-10
        )
    table = balance.stepwise(5, 0.2)
    assert table == pytest.approx(table.T)
    assert table.sum(axis=1) == pytest.approx(np.ones(5))
    bouncing = table.copy()
    bouncing[0, :2] = bouncing[-1, :-3:-1] = [0.8, 0.2]  # planted: off the end bounces back
    common = np.linalg.matrix_power(bouncing, 5_000)[0]
    assert abs(common[0] - 0.2) > 0.05


REFUSED: Refusals = [
    (lambda: balance.frequency(0.1, 0.5, 0.0), "cost s must lie in"),
    (lambda: balance.frequency(1.1, 0.5, 0.5), "mutation rate u"),
    (lambda: balance.two_way(0, 0), "must not both be 0"),
    (lambda: balance.stepwise_mean(3, 3, 0.1, 1), "start must be below"),
]


@pytest.mark.parametrize(("call", "message"), REFUSED)
def test_invalid_arguments_are_refused(call: Callable[[], object], message: str) -> None:
    assert_refused(call, message)
