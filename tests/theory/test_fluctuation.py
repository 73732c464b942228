"""Fluctuation about the equilibrium: formulas against numbers in print, recursions and simulations.

Each test also plants a wrong formula, and requires that it misses.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from evosim.theory import drift, drive, fixation, fluctuation
from tests.support.theory import Refusals, Z, as_printed, assert_refused, is_printed


def test_fluctuation_in_print() -> None:
    found = fluctuation.lethal_fluctuation(1, 0.9)
    as_printed(found.newborn, ".4014")
    as_printed(found.lag, ".5556")
    naive = 0.8 * 0.2 / 2
    # Planted: independent draws, five times too small
    assert found.newborn / naive == pytest.approx(5.0, abs=0.05)
    assert not is_printed(naive, ".4014")


@pytest.mark.parametrize("k", [0.55, 0.6, 0.75, 0.9, 0.97])
def test_fluctuation_by_two_roads(k: float) -> None:
    assert fluctuation.fluctuation(40, k, 0, 1) == pytest.approx(
        fluctuation.lethal_fluctuation(40, k), rel=1e-11
    )


def moments(
    k: float, h: float, s: float, n: int, replicates: int, generations: int
) -> tuple[np.ndarray, np.ndarray]:
    """Newborn frequency of D in every replicate, in two successive generations, long after a start
    at q*.
    """
    rng = np.random.default_rng(11)
    g = np.full(replicates, drive.equilibrium(k, h, s).frequency)
    a, b = drive.fitnesses(h, s)
    frequencies = []
    for _ in range(generations):
        counts = rng.multinomial(n, np.stack([(1 - g) ** 2, 2 * g * (1 - g), g * g], axis=1))
        frequencies.append((counts[:, 1] + 2 * counts[:, 2]) / (2 * n))
        g = (counts[:, 2] * b + counts[:, 1] * a * k) / (counts @ [1.0, a, b])
    return frequencies[-2], frequencies[-1]


@pytest.mark.parametrize(
    ("k", "h", "s"), [(0.9, 0.0, 1.0), (0.8, 0.1, 0.9), (0.7, 0.0, 0.6), (0.75, 0.2, 1.0)]
)
def test_fluctuation_simulated(k: float, h: float, s: float) -> None:
    n, replicates = 2_000, 20_000
    before, after = moments(k, h, s, n, replicates, 40)
    found = fluctuation.fluctuation(n, k, h, s)
    se = math.sqrt(2 / replicates)  # relative error of a variance
    seen = float(after.var() / found.newborn)
    assert abs(seen - 1) < Z * se
    lag = float(np.corrcoef(before, after)[0, 1])
    assert abs(lag - found.lag) < Z * (1 - found.lag**2) / math.sqrt(replicates)
    for planted in (found.pool, drift.one_step_variance(drive.equilibrium(k, h, s).frequency, n)):
        assert abs(after.var() / planted - 1) > 3 * Z * se


@pytest.mark.parametrize(("k", "h", "s"), [(0.9, 0.0, 1.0), (0.8, 0.1, 0.9)])
def test_fluctuation_is_the_limit_of_the_exact_chain(k: float, h: float, s: float) -> None:
    gaps = []
    for n in (30, 60):
        states, transitions = fixation.genotype_chain(n, (1.0, *drive.fitnesses(h, s)), k)
        inner = transitions[1:-1, 1:-1]
        at = np.full(len(inner), 1 / len(inner))
        for _ in range(150):  # to the quasi-stationary distribution
            at = at @ inner
            at /= at.sum()
        q = (states[1:-1] @ [1, 2]) / (2 * n)
        gaps.append(at @ (q - at @ q) ** 2 / fluctuation.fluctuation(n, k, h, s).newborn - 1)
    assert 0 < gaps[1] < 0.06
    assert gaps[0] > 1.9 * gaps[1]  # it closes at least like 1/n


def test_time_average() -> None:
    k, n, replicates, generations = 0.9, 500, 400, 1_000
    rng = np.random.default_rng(5)
    g = np.full(replicates, 2 * k - 1)
    total = np.zeros(replicates)
    for t in range(generations + 30):
        counts = rng.multinomial(n, np.stack([(1 - g) ** 2, 2 * g * (1 - g), g * g], axis=1))
        if t >= 30:
            total += (counts[:, 1] + 2 * counts[:, 2]) / (2 * n)
        g = k * counts[:, 1] / (counts[:, 0] + counts[:, 1])
    found = fluctuation.lethal_fluctuation(n, k)
    seen = float(np.std(total / generations))
    se = 1 / math.sqrt(2 * replicates)
    assert (
        abs(seen / fluctuation.time_average_error(found.newborn, found.lag, generations) - 1)
        < Z * se
    )
    naive = math.sqrt(found.newborn / generations)  # planted: independent generations
    assert seen / naive - 1 > 2 * Z * se
    assert fluctuation.time_average_error(0.04, 0.5, 300) == pytest.approx(0.02, abs=1e-15)


REFUSED: Refusals = [
    (lambda: fluctuation.fluctuation(10, 0.6, 1, 0.5), "settle inside"),
    (lambda: fluctuation.lethal_fluctuation(10, 0.5), "between 1/2 and 1"),
    (lambda: fluctuation.lethal_fluctuation(0, 0.9), "n must be a whole number"),
    (lambda: fluctuation.time_average_error(0.1, 1.0, 10), "lag"),
]


@pytest.mark.parametrize(("call", "message"), REFUSED)
def test_invalid_arguments_are_refused(call: Callable[[], object], message: str) -> None:
    assert_refused(call, message)
