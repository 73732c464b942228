"""Fixation: formulas against numbers in print, recursions and simulations.

Each test also plants a wrong formula, and requires that it misses.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from evosim.theory import fixation
from tests.support.theory import Refusals, Z, as_printed, assert_refused, is_printed

ADDITIVE = [
    (0.02, 10, ".069655", ".071205"),
    (0.02, 25, ".044321", ".045348"),
    (0.02, 40, ".040002", ".040877"),
    (0.05, 25, ".091521", ".09581"),
    (0.10, 25, ".170424", ".18128"),
]


@pytest.mark.parametrize(("s", "n", "exact", "diffusion"), ADDITIVE)
def test_fixation_of_an_additive_allele(s: float, n: int, exact: str, diffusion: str) -> None:
    as_printed(fixation.fixation(n, (1, 1 + s, 1 + 2 * s), 0.5), exact)
    as_printed(fixation.kimura(n, s, 1 / (2 * n)), diffusion)
    # Planted: diffusion for the exact chain
    assert not is_printed(fixation.kimura(n, s, 1 / (2 * n)), exact)


@pytest.mark.parametrize(
    ("k", "w", "exact", "diffusion"),
    [
        (0.75, (1.0, 1.0, 1.0), ".591252", ".63212"),
        (0.90, (1.0, 1.0, 1.0), ".740704", ".79810"),
        (0.70, (1.0, 0.9, 0.8), ".394357", ""),
    ],
)
def test_fixation_of_a_driver(
    k: float, w: tuple[float, float, float], exact: str, diffusion: str
) -> None:
    as_printed(fixation.fixation(25, w, k), exact)
    if diffusion:
        as_printed(fixation.kimura(25, 2 * k - 1, 0.02), diffusion)
        assert not is_printed(fixation.kimura(25, 2 * k - 1, 0.02), exact)
    by_count = np.zeros((51, 51))  # planted: a chain on the number of copies
    for i in range(51):
        g = fixation.pool_frequency(((50 - i) ** 2, 2 * i * (50 - i), i * i), w, k)
        by_count[i] = [math.comb(50, j) * g**j * (1 - g) ** (50 - j) for j in range(51)]
    chance = np.linalg.solve(np.eye(49) - by_count[1:50, 1:50], by_count[1:50, 50])[0]
    assert abs(chance - float(exact)) > 0.004


def test_fixation_where_it_is_known() -> None:
    for n in (1, 2, 25):
        assert fixation.fixation(n, (1, 1, 1), 0.5) == pytest.approx(1 / (2 * n), abs=1e-12)
        assert fixation.kimura(n, 0.0, 1 / (2 * n)) == 1 / (2 * n)
    assert fixation.fixation(8, (1, 1, 1), 0.5, (3, 2)) == pytest.approx(7 / 16, abs=1e-12)
    assert fixation.fixation(1, (1, 0.7, 0.2), 0.8) == pytest.approx(0.64 / (1 - 0.32), abs=1e-14)
    assert fixation.fixation(8, (1, 1, 1), 0.9, (0, 8)) == 1.0
    assert fixation.fixation(8, (1, 1, 1), 0.9, (0, 0)) == 0.0
    for s in (1e-9, -1e-9):
        assert fixation.kimura(50, s, 0.3) == pytest.approx(0.3, abs=1e-6)
    assert fixation.kimura(50, -0.01, 0.3) == pytest.approx(
        (math.exp(0.6) - 1) / (math.exp(2) - 1), abs=1e-14
    )
    assert fixation.kimura(1e6, -0.5, 0.3) == 0.0


def test_kimura_is_high() -> None:
    high = [
        fixation.kimura(25, s, 0.02) / fixation.fixation(25, (1, 1 + s, 1 + 2 * s), 0.5)
        for s in (0.02, 0.05, 0.1, 0.2, 0.4)
    ]
    assert high == pytest.approx([1.0232, 1.0468, 1.0637, 1.0848, 1.1087], abs=1e-4)


@pytest.mark.slow
def test_fixation_of_strong_drive_tends_to_branching() -> None:
    for k in (0.75, 0.9, 1.0):
        u = fixation.branching_fixation(k)
        assert 1 - u == pytest.approx(math.exp(-2 * k * u), abs=1e-14)
        gaps = [fixation.fixation(n, (1, 1, 1), k) - u for n in (15, 30, 60)]
        assert gaps[0] > 1.9 * gaps[1] > 3.6 * gaps[2] > 0
    as_printed(fixation.branching_fixation(0.75), ".58281")
    assert fixation.branching_fixation(0.9, 0.5, 1.0) == 0.0


@pytest.mark.slow
def test_fixation_simulated() -> None:
    n, k, w, replicates = 25, 0.7, np.array([1.0, 0.9, 0.8]), 40_000
    rng = np.random.default_rng(3)
    counts = np.tile([n - 1, 1, 0], (replicates, 1))
    for _ in range(600):
        weight = counts * w
        g = np.clip((weight[:, 2] + weight[:, 1] * k) / weight.sum(axis=1), 0, 1)
        counts = rng.multinomial(n, np.stack([(1 - g) ** 2, 2 * g * (1 - g), g * g], axis=1))
    fixed = counts[:, 2] == n
    assert (fixed | (counts[:, 0] == n)).all()
    u = fixation.fixation(n, tuple(w), k)
    assert abs(fixed.mean() - u) < Z * math.sqrt(u * (1 - u) / replicates)


def test_transitions_are_chances() -> None:
    states, transitions = fixation.genotype_chain(12, (1, 0.5, 0.0), 0.9)
    assert len(states) == 13 * 14 // 2
    assert np.abs(transitions.sum(axis=1) - 1).max() < 1e-12
    start = int(np.flatnonzero((states == [6, 2]).all(axis=1))[0])
    g = fixation.pool_frequency((4, 6, 2), (1, 0.5, 0.0), 0.9)
    assert g == pytest.approx(2.7 / 7, abs=1e-15)
    assert transitions[start] @ states @ [1, 2] == pytest.approx(24 * g, abs=1e-12)


REFUSED: Refusals = [
    (lambda: fixation.pool_frequency((1, 2), (1, 1, 1), 0.5), "counts must be three"),
    (lambda: fixation.pool_frequency((0, 0, 3), (1, 1, 0), 0.5), "some individual must survive"),
    (lambda: fixation.fixation(81, (1, 1, 1), 0.5), "at most 80"),
    (lambda: fixation.fixation(5, (1, 0, 1), 0.5), "first two above 0"),
    (lambda: fixation.fixation(5, (1, 1, 1), 0.5, (4, 2)), "start must be"),
    (lambda: fixation.kimura(0, 0.1, 0.1), "effective size Ne"),
]


@pytest.mark.parametrize(("call", "message"), REFUSED)
def test_invalid_arguments_are_refused(call: Callable[[], object], message: str) -> None:
    assert_refused(call, message)
