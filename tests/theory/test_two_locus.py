"""Two loci: formulas against numbers in print, recursions and simulations.

Each test also plants a wrong formula, and requires that it misses.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest

from evosim.theory import drive, two_locus
from tests.support.theory import NEUTRAL, Refusals, Z, as_printed, assert_refused


def oracle(
    x: np.ndarray, r: float, k: list[float], w: list[list[float]]
) -> tuple[np.ndarray, float]:
    new, total = np.zeros(4), 0.0
    for u in range(4):
        for v in range(4):
            i1, j1, i2, j2 = u >> 1, u & 1, v >> 1, v & 1
            f = x[u] * x[v] * w[i1 + i2][j1 + j2]
            total += f
            t = 0.5 if i1 == i2 else (k[j1 + j2] if i1 else 1 - k[j1 + j2])
            new[2 * i1 + j1] += f * t * (1 - r)
            new[2 * i1 + j2] += f * t * r
            new[2 * i2 + j2] += f * (1 - t) * (1 - r)
            new[2 * i2 + j1] += f * (1 - t) * r
    return new / total, total


def test_step_is_what_it_says() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        x, k, w, r = (
            rng.dirichlet(np.ones(4)),
            list(rng.random(3)),
            rng.random((3, 3)).tolist(),
            rng.random() / 2,
        )
        now, weight = two_locus.step(x, r, k, w)
        expected, total = oracle(x, r, k, w)
        assert np.abs(now - expected).max() < 1e-14
        assert weight == pytest.approx(total, abs=1e-14)
        path, weights = two_locus.iterate(x, r, k, w, 3)
        assert np.abs(path[1] - expected).max() < 1e-14
        assert weights[0] == pytest.approx(total, abs=1e-14)
        assert path.shape == (4, 4)


def test_step_holds_the_one_locus_recursions() -> None:
    h, s, f, m = 0.2, 0.7, 0.6, 0.9
    w = [[1.0] * 3, [1 - h * s] * 3, [1 - s] * 3]
    eggs, sperm = two_locus.haplotypes(0.3, 0.4, 0.02), two_locus.haplotypes(0.5, 0.1)
    x, y = 0.5, 0.3
    for _ in range(5):
        eggs, sperm, _weight = two_locus.step_by_sex(eggs, sperm, 0.2, [f] * 3, [m] * 3, w)
        x, y = drive.next_by_sex(x, y, f, m, h, s)
    assert two_locus.driver_frequency(sperm) == pytest.approx(x, abs=1e-14)
    assert two_locus.driver_frequency(eggs) == pytest.approx(y, abs=1e-14)


def test_recombination_moves_no_frequency() -> None:
    x = two_locus.haplotypes(0.3, 0.6, 0.05)
    for r in (0.0, 0.1, 0.5):
        now, _ = two_locus.step(x, r, [0.5] * 3, NEUTRAL)
        assert two_locus.driver_frequency(now) == pytest.approx(0.3, abs=1e-15)
        assert two_locus.modifier_frequency(now) == pytest.approx(0.6, abs=1e-15)
        assert two_locus.disequilibrium(now) == pytest.approx(0.05 * (1 - r), abs=1e-15)


@pytest.mark.parametrize("r", [0.0, 0.1, 0.5])
def test_disequilibrium_of_an_infinite_population(r: float) -> None:
    path, _ = two_locus.iterate(two_locus.haplotypes(0.3, 0.6, 0.05), r, [0.5] * 3, NEUTRAL, 8)
    for t in range(9):
        found = two_locus.disequilibrium_decay(0.05, r, t)
        assert two_locus.disequilibrium(path[t]) == pytest.approx(found.pool, abs=1e-14)
        assert found.census == found.pool


def generation(x: np.ndarray, n: int, r: float) -> tuple[float, float, np.ndarray, np.ndarray]:
    """Every way to draw 2n haplotypes from pool `x`: mean D of newborns, of their pool, chances,
    and pools.
    """
    table = two_locus.transmission(r, [0.5] * 3)
    draws = np.array(list(itertools.product(range(4), repeat=2 * n)))
    chances = x[draws].prod(axis=1)
    newborns = np.eye(4)[draws].mean(axis=1)
    pools = table[draws[:, :n], draws[:, n:]].mean(axis=1)
    ld = [y[:, 0] * y[:, 3] - y[:, 1] * y[:, 2] for y in (newborns, pools)]
    return float(chances @ ld[0]), float(chances @ ld[1]), chances, pools


@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("r", [0.0, 0.1, 0.5])
def test_disequilibrium_of_n_diploids_enumerated(n: int, r: float) -> None:
    x = two_locus.haplotypes(0.35, 0.6, 0.07)
    census, pool, chances, pools = generation(x, n, r)
    start, after = (
        two_locus.disequilibrium_decay(0.07, r, 0, n),
        two_locus.disequilibrium_decay(0.07, r, 1, n),
    )
    assert start.pool == 0.07
    assert census == pytest.approx(start.census, abs=1e-14)
    assert pool == pytest.approx(after.pool, abs=1e-14)
    if r > 0:
        assert abs(pool - 0.07 * (1 - r) * (1 - 1 / (2 * n))) > 5e-4  # planted: (1 - r)(1 - 1/2n)
    if n == 1:
        twice = sum(c * generation(y, 1, r)[1] for c, y in zip(chances, pools, strict=True))
        assert twice == pytest.approx(two_locus.disequilibrium_decay(0.07, r, 2, 1).pool, abs=1e-14)


@pytest.mark.parametrize(("n", "r"), list(itertools.product([10, 20], [0.5, 0.25, 0.1])))
def test_disequilibrium_of_n_diploids_simulated(n: int, r: float) -> None:
    replicates, d0 = 60_000, 0.25
    rng = np.random.default_rng(8)
    table = two_locus.transmission(r, [0.5] * 3).reshape(16, 4)
    pool = np.tile(two_locus.haplotypes(0.5, 0.5, d0), (replicates, 1))
    quoted = []
    for t in range(7):
        pairs = (pool[:, :, None] * pool[:, None, :]).reshape(-1, 16)
        counts = rng.multinomial(n, pairs / pairs.sum(axis=1, keepdims=True))
        sides = counts.reshape(-1, 4, 4)
        newborns = (sides.sum(axis=1) + sides.sum(axis=2)) / (2 * n)
        ld = newborns[:, 0] * newborns[:, 3] - newborns[:, 1] * newborns[:, 2]
        se = ld.std() / math.sqrt(replicates)
        assert abs(ld.mean() - two_locus.disequilibrium_decay(d0, r, t, n).census) < Z * se
        quoted.append(abs(ld.mean() - d0 * (1 - r) ** t * (1 - 1 / (2 * n)) ** (t + 1)) / se)
        pool = counts @ table / n
    if n == 10 or r == 0.5:
        assert max(quoted) > 6.0  # planted: (1 - r)(1 - 1/2n)
    if (n, r) == (10, 0.5):
        assert quoted[1] > 15.0


def test_gametes_of_a_double_heterozygote() -> None:
    found = two_locus.double_heterozygote_gametes(0.1, 0.9)
    assert found == pytest.approx([0.81, 0.09, 0.01, 0.09], abs=1e-15)
    # AB/ab in the order d m, d M, D m, D M is haplotypes 3 and 0
    table = two_locus.transmission(0.1, [0.9] * 3)[3, 0]
    assert table[[3, 2, 1, 0]] == pytest.approx(found, abs=1e-15)
    assert two_locus.double_heterozygote_gametes(0.1) == pytest.approx(
        [0.45, 0.05, 0.05, 0.45], abs=1e-15
    )
    assert found[1] + found[2] == pytest.approx(0.1, abs=1e-15)  # recombinants, whatever the drive


def test_map_distance() -> None:
    assert two_locus.recombination_fraction(0.0) == 0.0
    as_printed(two_locus.recombination_fraction(0.5), ".316060")
    assert two_locus.recombination_fraction(1e-9) == pytest.approx(1e-9, rel=1e-8)
    assert two_locus.recombination_fraction(50.0) == 0.5


REFUSED: Refusals = [
    (
        lambda: two_locus.step([0.5, 0.5, 0.5, 0.5], 0.1, [0.5] * 3, NEUTRAL),
        "haplotype frequencies",
    ),
    (lambda: two_locus.step([1, 0, 0, 0], 0.6, [0.5] * 3, NEUTRAL), "recombination fraction"),
    (lambda: two_locus.step([1, 0, 0, 0], 0.1, [0.5] * 2, NEUTRAL), "three transmission ratios"),
    (lambda: two_locus.step([1, 0, 0, 0], 0.1, [0.5] * 3, [[1, 1], [1, 1]]), "3 by 3"),
    (
        lambda: two_locus.step([0, 0, 1, 0], 0.1, [0.5] * 3, [[1] * 3, [1] * 3, [0] * 3]),
        "some individual must survive",
    ),
    (
        lambda: two_locus.iterate([0, 0, 1, 0], 0.1, [0.5] * 3, [[1] * 3, [1] * 3, [0] * 3], 2),
        "some individual must survive",
    ),
    (lambda: two_locus.haplotypes(0.5, 0.5, 0.3), "haplotype frequencies"),
    (lambda: two_locus.disequilibrium_decay(0.1, 0.1, 2, 0), "n must be"),
    (lambda: two_locus.recombination_fraction(-1), "map distance"),
]


@pytest.mark.parametrize(("call", "message"), REFUSED)
def test_invalid_arguments_are_refused(call: Callable[[], object], message: str) -> None:
    assert_refused(call, message)
