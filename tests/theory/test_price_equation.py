"""The Price equation: formulas against numbers in print, recursions and simulations.

Each test also plants a wrong formula, and requires that it misses.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from evosim.theory import drive, price_equation
from tests.support.theory import Refusals, Z, assert_refused


def draw(rng: np.random.Generator, n: int, k: float, u: float, v: float) -> dict[str, np.ndarray]:
    """One generation of n diploids: parents' dosages and fitness; gametes' parent, allele, and
    allele mutated.
    """
    dosages = rng.integers(0, 3, n)
    w = rng.random(n) + 0.2
    parents = rng.choice(n, 2 * n, p=w / w.sum())
    carries = np.array([0.0, k, 1.0])[dosages[parents]]
    meiosis = (rng.random(2 * n) < carries).astype(int)
    mutated = rng.random(2 * n) < np.where(meiosis == 1, v, u)
    return {
        "dosages": dosages,
        "w": w,
        "parents": parents,
        "meiosis": meiosis,
        "gametes": meiosis ^ mutated,
    }


def test_price_is_an_identity() -> None:
    rng = np.random.default_rng(2)
    terms, change = [], 0.0
    for effect in (1.0, -0.5, 2.0):
        one = draw(rng, 50, 0.8, 0.1, 0.2)
        found = price_equation.price(one["dosages"], one["parents"], one["meiosis"], one["gametes"])
        dq = one["gametes"].mean() - one["dosages"].mean() / 2
        assert sum(found) == pytest.approx(dq, abs=1e-12)
        assert abs(found.selection + found.mutation - dq) > 1e-3  # planted: transmission left out
        terms.append(found)
        change += effect * 2 * dq
    assert sum(price_equation.trait_change([1.0, -0.5, 2.0], terms)) == pytest.approx(
        change, abs=1e-12
    )


def test_price_terms_are_expected() -> None:
    rng = np.random.default_rng(4)
    n, k, u, v = 200, 0.8, 0.02, 0.05
    z: list[list[float]] = [[], [], [], []]
    for _ in range(400):
        one = draw(rng, n, k, u, v)
        found = price_equation.price(one["dosages"], one["parents"], one["meiosis"], one["gametes"])
        heterozygous = int((one["dosages"][one["parents"]] == 1).sum())
        ones = int(one["meiosis"].sum())
        expected = (
            price_equation.expected_selection(one["dosages"], one["w"]),
            price_equation.expected_segregation(k, heterozygous, n),
            price_equation.expected_mutation(u, v, 2 * n - ones, ones),
        )
        for i, (value, (mean, se)) in enumerate(zip(found, expected, strict=True)):
            z[i].append((value - mean) / se)
        mendel = price_equation.expected_segregation(0.5, heterozygous, n)  # planted: fair meiosis
        z[3].append((found.segregation - mendel.mean) / mendel.se)
    for scores in z[:3]:
        assert abs(np.mean(scores)) < 4 / math.sqrt(len(scores))
        assert abs(np.std(scores) - 1) < Z / math.sqrt(2 * len(scores))
    assert np.mean(z[3]) > 6


def test_price_by_hand() -> None:
    found = price_equation.price(
        [0, 1, 2], [1, 1, 1, 2, 2, 0], [1, 1, 0, 1, 1, 0], [1, 1, 0, 1, 0, 0]
    )
    assert found == pytest.approx((1 / 12, 1 / 12, -1 / 6), abs=1e-15)
    assert price_equation.expected_segregation(0.9, 100, 100) == pytest.approx(
        (0.2, 0.015), abs=1e-15
    )
    assert price_equation.expected_segregation(0.5, 100, 100).mean == 0.0
    n, q, k = 1000, 0.3, 0.7
    random_mating = price_equation.expected_segregation(k, round(2 * n * 2 * q * (1 - q)), n)
    assert random_mating.mean == pytest.approx((2 * k - 1) * q * (1 - q), abs=1e-15)
    assert drive.next_frequency(q, k, 0, 0) - q == pytest.approx(random_mating.mean, abs=1e-15)
    assert price_equation.expected_mutation(0.1, 0.2, 60, 40) == pytest.approx(
        (-0.02, math.sqrt(11.8) / 100), abs=1e-15
    )
    assert price_equation.expected_selection([0, 2], [1, 3]) == pytest.approx(
        (0.25, math.sqrt(0.1875 / 4)), abs=1e-15
    )


REFUSED: Refusals = [
    (lambda: price_equation.price([0, 1], [0, 2], [0, 1], [0, 1]), "indices of the 2 dosages"),
    (lambda: price_equation.price([0, 1], [], [], []), "at least one"),
    (lambda: price_equation.trait_change([1.0], []), "one effect a locus"),
    (lambda: price_equation.expected_selection([0, 1], [0, 0]), "one fitness a parent"),
    (lambda: price_equation.expected_segregation(0.5, 21, 10), "at most 2n = 20"),
    (lambda: price_equation.expected_mutation(0.1, 0.1, 0, 0), "gametes must be"),
]


@pytest.mark.parametrize(("call", "message"), REFUSED)
def test_invalid_arguments_are_refused(call: Callable[[], object], message: str) -> None:
    assert_refused(call, message)
