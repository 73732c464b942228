"""The theory against typed numbers, itself by another road, and brute force; planted wrong formulas
miss.

Closed forms meet recursions at 1e-10; `as_printed` holds a value to half a unit of the last digit
of a number in print; simulations have fixed seeds and |z| < 4.5 (a false alarm of 7e-6 each).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from evosim.theory import balance, drift, drive, two_locus

EXACT = 1e-10
Z = 4.5


def is_printed(value: float, printed: str) -> bool:
    """Whether `value` rounds to the digits in print."""
    digits = len(printed.partition(".")[2])
    return abs(value - float(printed)) <= 0.5 * 10.0**-digits + 1e-12


def as_printed(value: float, printed: str) -> None:
    assert is_printed(value, printed), f"{value} is not {printed}"


def rest(change: Callable[[Any], Any], start: Any) -> Any:
    """Iterate until nothing moves by more than 1e-15."""
    now = np.array(start, dtype=float)
    for _ in range(200_000):
        new = np.array(change(now), dtype=float)
        if np.abs(new - now).max() < 1e-15:
            return new
        now = new
    raise AssertionError("no rest")


# --- one locus ---

INTERIOR = [
    (0.9, 0.0, 1.0, ".8"),
    (0.6, 0.0, 1.0, ".2"),
    (0.7, 0.0, 0.6, ".6667"),
    (0.8, 0.1, 0.9, ".63333"),
    (0.75, 0.2, 1.0, ".33333"),
    (0.55, 0.0, 0.3, ".33333"),
]


@pytest.mark.parametrize(("k", "h", "s", "q"), INTERIOR)
def test_interior_equilibrium(k: float, h: float, s: float, q: str) -> None:
    found = drive.equilibrium(k, h, s)
    as_printed(found.frequency, q)
    assert found.stability == "interior stable"
    assert found.frequency == pytest.approx(
        (2 * k * (1 - h * s) - 1) / (s * (1 - 2 * h)), abs=1e-13
    )
    assert found.mean_fitness == pytest.approx(drive.mean_fitness(found.frequency, h, s), abs=1e-13)
    for start in (0.01, 0.97):
        assert rest(lambda x: drive.next_frequency(float(x), k, h, s), start) == pytest.approx(
            found.frequency, abs=EXACT
        )
    e = 1e-5
    above, below = (drive.next_frequency(found.frequency + way, k, h, s) for way in (e, -e))
    assert drive.slope(k, h, s) == pytest.approx((above - below) / (2 * e), abs=1e-8)


@pytest.mark.parametrize("k", [0.55, 0.6, 0.75, 0.9])
def test_recessive_lethal(k: float) -> None:
    found = drive.equilibrium(k, 0, 1)
    assert found.frequency == pytest.approx(2 * k - 1, abs=1e-14)
    assert found.mean_fitness == pytest.approx(4 * k * (1 - k), abs=1e-14)
    assert drive.slope(k, 0, 1) == pytest.approx(1 / (2 * k), abs=1e-14)
    assert drive.next_frequency(0.3, k, 0, 1) == pytest.approx(2 * k * 0.3 / 1.3, abs=1e-15)


@pytest.mark.parametrize(
    ("k", "h", "s", "where", "stability"),
    [
        (0.9, 0.0, 0.0, 1.0, "fixes"),
        (0.9, 0.5, 0.2, 1.0, "fixes"),
        (0.5, 0.5, 0.1, 0.0, "lost"),
        (0.5, 0.5, -0.1, 1.0, "fixes"),
        (0.5, 0.0, 1.0, 0.0, "lost"),  # a recessive: neutral while rare, and still lost
        (0.5, 1.0, -0.1, 1.0, "fixes"),
        (0.6, 1.0, 0.5, 0.8, "threshold"),
        (0.8, 1.0, 0.5, 0.4, "threshold"),
        (0.4, 0.0, 0.0, 0.0, "lost"),
    ],
)
def test_stability(k: float, h: float, s: float, where: float, stability: str) -> None:
    found = drive.equilibrium(k, h, s)
    assert found.stability == stability
    assert found.frequency == pytest.approx(where, abs=1e-12)
    ends = {"fixes": (1, 1), "lost": (-1, -1), "threshold": (-1, 1)}[stability]
    for q, way in ((max(where - 0.1, 0.05), ends[0]), (min(where + 0.1, 0.95), ends[1])):
        assert np.sign(drive.next_frequency(q, k, h, s) - q) == way


def test_neutral_has_no_equilibrium() -> None:
    found = drive.equilibrium(0.5, 0, 0)
    assert found.stability == "neutral"
    assert math.isnan(found.frequency)


def test_early_spread() -> None:
    q = 1e-9
    for _ in range(20):
        q = drive.next_frequency(q, 0.9, 0.1, 0.5)
    assert drive.early_frequency(1e-9, 0.9, 0.1, 0.5, 20) == pytest.approx(q, rel=1e-3)
    assert drive.early_frequency(1e-9, 0.9, 0.1, 0.5, 1) == pytest.approx(1.71e-9, rel=1e-12)


@pytest.mark.parametrize(("m", "adult"), [(0.9, ".3333333"), (0.6, ".0917517"), (0.95, ".3852921")])
def test_male_only_drive(m: float, adult: str) -> None:
    as_printed(drive.bruck(m), adult)
    found = drive.lethal_by_sex(0.5, m)
    x, y = rest(lambda xy: drive.next_by_sex(*map(float, xy), 0.5, m, 0, 1), (0.2, 0.1))
    assert found.adult == pytest.approx(drive.bruck(m), abs=1e-13)
    assert found.heterozygotes == pytest.approx(1 - math.sqrt((1 - m) / m), abs=1e-13)
    assert (found.sperm, found.eggs) == pytest.approx((x, y), abs=EXACT)
    assert found.adult == pytest.approx(drive.adult_frequency(x, y, 0, 1), abs=EXACT)
    assert found.newborn == pytest.approx(drive.newborn_frequency(x, y), abs=EXACT)
    assert found.newborn == pytest.approx(found.heterozygotes * (m + 0.5) / 2, abs=1e-13)
    assert found.mean_fitness == pytest.approx(1 - m * found.heterozygotes**2 / 2, abs=1e-13)


def test_census_matters() -> None:
    found = drive.lethal_by_sex(0.5, 0.9)
    as_printed(found.newborn, ".466667")
    as_printed(found.sperm, ".6")
    as_printed(found.heterozygotes, ".6666667")
    as_printed(found.adult, ".333333")
    assert not is_printed(found.newborn, ".333333")  # planted: newborns reported as adults


@pytest.mark.parametrize(("f", "m"), [(0.9, 0.9), (0.7, 0.8), (0.4, 0.95), (0.95, 0.6)])
def test_lethal_with_two_ratios(f: float, m: float) -> None:
    found = drive.lethal_by_sex(f, m)
    sperm, eggs = rest(lambda xy: drive.next_by_sex(*map(float, xy), f, m, 0, 1), (0.3, 0.3))
    assert (found.sperm, found.eggs) == pytest.approx((sperm, eggs), abs=EXACT)
    assert found.heterozygotes == pytest.approx(1 - math.sqrt(1 - (m + f - 1) / (m * f)), abs=1e-13)
    assert found.mean_fitness == pytest.approx(1 - sperm * eggs, abs=EXACT)
    swapped = drive.lethal_by_sex(m, f)
    assert f == m or abs(swapped.sperm - sperm) > 0.01  # planted: the sexes exchanged


def test_equal_sexes_are_one_sex() -> None:
    assert drive.lethal_by_sex(0.9, 0.9).newborn == pytest.approx(0.8, abs=1e-14)
    assert drive.next_by_sex(0.3, 0.3, 0.7, 0.7, 0.2, 0.5) == pytest.approx(
        [drive.next_frequency(0.3, 0.7, 0.2, 0.5)] * 2
    )
    assert drive.lethal_by_sex(0.5, 0.45).newborn == 0.0


@pytest.mark.parametrize(
    ("f", "m", "h", "s"), [(0.5, 0.9, 0.5, 0.5), (0.5, 0.9, 0.5, 0.6), (0.6, 0.6, 0.2, 1.0)]
)
def test_invasion_by_sex(f: float, m: float, h: float, s: float) -> None:
    x, y = 1e-6, 1e-6
    for _ in range(30):
        x, y = drive.next_by_sex(x, y, f, m, h, s)
    assert drive.invades_by_sex(f, m, h, s) == (x + y > 2e-6)


@pytest.mark.parametrize(
    ("h", "s"), [(0.0, 1.0), (0.3, 0.6), (0.5, -0.4), (1.0, 0.5), (0.0, 0.0), (2.0, -1.0)]
)
def test_census_there_and_back(h: float, s: float) -> None:
    for q in (0.0, 1e-6, 0.2, 0.7, 0.99):
        assert drive.newborn_from_adult(drive.adult_from_newborn(q, h, s), h, s) == pytest.approx(
            q, abs=1e-9
        )
    assert drive.adult_from_newborn(0.3, 0, 1) == pytest.approx(0.3 / 1.3, abs=1e-15)
    assert drive.newborn_from_adult(0.2, 0, 1) == pytest.approx(0.25, abs=1e-14)


# --- one locus, finite ---


def test_fluctuation_in_print() -> None:
    found = drive.lethal_fluctuation(1, 0.9)
    as_printed(found.newborn, ".4014")
    as_printed(found.lag, ".5556")
    naive = 0.8 * 0.2 / 2
    # Planted: independent draws, five times too small
    assert found.newborn / naive == pytest.approx(5.0, abs=0.05)
    assert not is_printed(naive, ".4014")


@pytest.mark.parametrize("k", [0.55, 0.6, 0.75, 0.9, 0.97])
def test_fluctuation_by_two_roads(k: float) -> None:
    assert drive.fluctuation(40, k, 0, 1) == pytest.approx(
        drive.lethal_fluctuation(40, k), rel=1e-11
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
    found = drive.fluctuation(n, k, h, s)
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
        states, transitions = drive.genotype_chain(n, (1.0, *drive.fitnesses(h, s)), k)
        inner = transitions[1:-1, 1:-1]
        at = np.full(len(inner), 1 / len(inner))
        for _ in range(150):  # to the quasi-stationary distribution
            at = at @ inner
            at /= at.sum()
        q = (states[1:-1] @ [1, 2]) / (2 * n)
        gaps.append(at @ (q - at @ q) ** 2 / drive.fluctuation(n, k, h, s).newborn - 1)
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
    found = drive.lethal_fluctuation(n, k)
    seen = float(np.std(total / generations))
    se = 1 / math.sqrt(2 * replicates)
    assert abs(seen / drive.time_average_error(found.newborn, found.lag, generations) - 1) < Z * se
    naive = math.sqrt(found.newborn / generations)  # planted: independent generations
    assert seen / naive - 1 > 2 * Z * se
    assert drive.time_average_error(0.04, 0.5, 300) == pytest.approx(0.02, abs=1e-15)


ADDITIVE = [
    (0.02, 10, ".069655", ".071205"),
    (0.02, 25, ".044321", ".045348"),
    (0.02, 40, ".040002", ".040877"),
    (0.05, 25, ".091521", ".09581"),
    (0.10, 25, ".170424", ".18128"),
]


@pytest.mark.parametrize(("s", "n", "exact", "diffusion"), ADDITIVE)
def test_fixation_of_an_additive_allele(s: float, n: int, exact: str, diffusion: str) -> None:
    as_printed(drive.fixation(n, (1, 1 + s, 1 + 2 * s), 0.5), exact)
    as_printed(drive.kimura(n, s, 1 / (2 * n)), diffusion)
    # Planted: diffusion for the exact chain
    assert not is_printed(drive.kimura(n, s, 1 / (2 * n)), exact)


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
    as_printed(drive.fixation(25, w, k), exact)
    if diffusion:
        as_printed(drive.kimura(25, 2 * k - 1, 0.02), diffusion)
        assert not is_printed(drive.kimura(25, 2 * k - 1, 0.02), exact)
    by_count = np.zeros((51, 51))  # planted: a chain on the number of copies
    for i in range(51):
        g = drive.pool_frequency(((50 - i) ** 2, 2 * i * (50 - i), i * i), w, k)
        by_count[i] = [math.comb(50, j) * g**j * (1 - g) ** (50 - j) for j in range(51)]
    chance = np.linalg.solve(np.eye(49) - by_count[1:50, 1:50], by_count[1:50, 50])[0]
    assert abs(chance - float(exact)) > 0.004


def test_fixation_where_it_is_known() -> None:
    for n in (1, 2, 25):
        assert drive.fixation(n, (1, 1, 1), 0.5) == pytest.approx(1 / (2 * n), abs=1e-12)
        assert drive.kimura(n, 0.0, 1 / (2 * n)) == 1 / (2 * n)
    assert drive.fixation(8, (1, 1, 1), 0.5, (3, 2)) == pytest.approx(7 / 16, abs=1e-12)
    assert drive.fixation(1, (1, 0.7, 0.2), 0.8) == pytest.approx(0.64 / (1 - 0.32), abs=1e-14)
    assert drive.fixation(8, (1, 1, 1), 0.9, (0, 8)) == 1.0
    assert drive.fixation(8, (1, 1, 1), 0.9, (0, 0)) == 0.0
    for s in (1e-9, -1e-9):
        assert drive.kimura(50, s, 0.3) == pytest.approx(0.3, abs=1e-6)
    assert drive.kimura(50, -0.01, 0.3) == pytest.approx(
        (math.exp(0.6) - 1) / (math.exp(2) - 1), abs=1e-14
    )
    assert drive.kimura(1e6, -0.5, 0.3) == 0.0


def test_kimura_is_high() -> None:
    high = [
        drive.kimura(25, s, 0.02) / drive.fixation(25, (1, 1 + s, 1 + 2 * s), 0.5)
        for s in (0.02, 0.05, 0.1, 0.2, 0.4)
    ]
    assert high == pytest.approx([1.0232, 1.0468, 1.0637, 1.0848, 1.1087], abs=1e-4)


def test_fixation_of_strong_drive_tends_to_branching() -> None:
    for k in (0.75, 0.9, 1.0):
        u = drive.branching_fixation(k)
        assert 1 - u == pytest.approx(math.exp(-2 * k * u), abs=1e-14)
        gaps = [drive.fixation(n, (1, 1, 1), k) - u for n in (15, 30, 60)]
        assert gaps[0] > 1.9 * gaps[1] > 3.6 * gaps[2] > 0
    as_printed(drive.branching_fixation(0.75), ".58281")
    assert drive.branching_fixation(0.9, 0.5, 1.0) == 0.0


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
    u = drive.fixation(n, tuple(w), k)
    assert abs(fixed.mean() - u) < Z * math.sqrt(u * (1 - u) / replicates)


def test_transitions_are_chances() -> None:
    states, transitions = drive.genotype_chain(12, (1, 0.5, 0.0), 0.9)
    assert len(states) == 13 * 14 // 2
    assert np.abs(transitions.sum(axis=1) - 1).max() < 1e-12
    start = int(np.flatnonzero((states == [6, 2]).all(axis=1))[0])
    g = drive.pool_frequency((4, 6, 2), (1, 0.5, 0.0), 0.9)
    assert g == pytest.approx(2.7 / 7, abs=1e-15)
    assert transitions[start] @ states @ [1, 2] == pytest.approx(24 * g, abs=1e-12)


# --- two loci ---

NEUTRAL = [[1.0] * 3] * 3


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


SUPPRESSED = [
    (0.60, "1.010579", "1.027099", "1.041667", ".0105"),
    (0.75, "1.138071", "1.273268", "1.333333", ".1213"),
    (0.90, "1.861545", "2.561544", "2.777778", ".4628"),
]


@pytest.mark.parametrize(("k", "free", "near", "tight", "cost"), SUPPRESSED)
def test_suppressor_table(k: float, free: str, near: str, tight: str, cost: str) -> None:
    for r, printed in ((0.5, free), (0.1, near), (0.0, tight)):
        as_printed(two_locus.invasion_rate(k, 0.5, r), printed)
    as_printed(two_locus.tolerable_cost(k, 0.5, 0.5), cost)
    assert two_locus.full_suppressor_rate(k) == pytest.approx(
        two_locus.invasion_rate(k, 0.5, 0.5), abs=1e-13
    )
    assert two_locus.invasion_rate(
        k, 0.5, 0.5, cost=two_locus.tolerable_cost(k, 0.5, 0.5)
    ) == pytest.approx(1, abs=1e-13)
    # Planted: driving carriers forgotten
    swapped = two_locus.invasion_matrix(k, 0.5, 0.1) * [[0, 1], [1, 1]]
    assert not is_printed(float(np.linalg.eigvals(swapped).real.max()), near)


@pytest.mark.parametrize(
    ("k", "k_modified", "r", "h", "s", "cost"),
    [
        (0.9, 0.5, 0.5, 0.0, 1.0, 0.0),
        (0.75, 0.6, 0.1, 0.2, 1.0, 0.02),
        (0.8, 0.9, 0.02, 0.1, 0.9, 0.0),
        (0.7, 0.3, 0.3, 0.0, 0.6, 0.01),
    ],
)
def test_invasion_matrix_is_the_linear_part_of_two_loci(
    k: float, k_modified: float, r: float, h: float, s: float, cost: float
) -> None:
    q = drive.equilibrium(k, h, s).frequency
    w = (np.array([1.0, *drive.fitnesses(h, s)])[:, None] * [1.0, 1 - cost, 1 - cost]).tolist()
    small = 1e-7
    for column, haplotype in ((0, 3), (1, 1)):
        x = np.array([1 - q, 0, q, 0]) * (1 - small)
        x[haplotype] += small
        now, _ = two_locus.step(x, r, [k, k_modified, k_modified], w)
        grown = two_locus.invasion_matrix(k, k_modified, r, h, s, cost)[:, column]
        assert now[[3, 1]] / small == pytest.approx(grown, abs=1e-5)


def test_weak_drive_is_hardly_suppressed() -> None:
    for e, tolerance in ((1e-2, 0.06), (1e-3, 0.006)):
        assert (two_locus.full_suppressor_rate((1 + e) / 2) - 1) / e**3 == pytest.approx(
            2, abs=tolerance
        )


def test_free_suppressors_always_spread() -> None:
    cases = [(0.0, 1.0), (0.0, 0.6), (0.1, 0.9)]
    tried = 0
    for (h, s), k, share, r in itertools.product(
        cases, (0.6, 0.7, 0.8, 0.95), (0.1, 0.5, 1.0), (0.0, 0.01, 0.1, 0.5)
    ):
        if drive.equilibrium(k, h, s).stability != "interior stable":
            continue
        tried += 1
        assert two_locus.invasion_rate(k, k - share * (k - 0.5), r, h, s) > 1 + 1e-5
    assert tried > 80
    for k in (0.6, 0.75, 0.9):  # linked suppressors do better; on the driver alone they fail
        rates = [two_locus.invasion_rate(k, 0.5, r) for r in (0.5, 0.1, 0.01, 0.0)]
        assert rates == sorted(rates)
        assert two_locus.invasion_matrix(k, 0.5, 0.0)[0, 0] < 1


def test_a_fixed_driver_leaves_suppressors_neutral() -> None:
    start = two_locus.haplotypes(1e-3, 0.1)
    path, _ = two_locus.iterate(start, 0.5, [0.9, 0.5, 0.5], NEUTRAL, 4_000)
    assert two_locus.driver_frequency(path[-1]) == pytest.approx(1, abs=1e-3)
    late = [two_locus.modifier_frequency(x) for x in (path[300], path[-1])]
    assert late[1] == pytest.approx(late[0], abs=1e-6)
    fixed, _ = two_locus.step([0, 0, 0.7, 0.3], 0.5, [0.9, 0.5, 0.5], NEUTRAL)
    assert fixed == pytest.approx([0, 0, 0.7, 0.3], abs=1e-15)


@pytest.mark.parametrize(
    ("k", "enhanced", "printed"),
    [
        (0.6, 0.7, ".25"),
        (0.7, 0.9, ".25"),
        (0.7, 0.71, ".0238"),
        (0.9, 0.95, ".0556"),
        (0.5, 0.8, ".5"),
    ],
)
def test_enhancer_threshold(k: float, enhanced: float, printed: str) -> None:
    threshold = two_locus.enhancer_threshold(k, enhanced)
    as_printed(threshold, printed)
    resident = max(k, 0.5 + 1e-5)  # a Mendelian resident is the limit of weak drive
    at = two_locus.enhancer_threshold(resident, enhanced)
    assert two_locus.invasion_rate(resident, enhanced, at) == pytest.approx(1, abs=1e-12)
    assert two_locus.invasion_rate(resident, enhanced, at - 0.01) > 1
    assert two_locus.invasion_rate(resident, enhanced, at + 0.01 if at < 0.49 else 0.5) < 1 + 1e-9
    planted = (enhanced - k) / (2 * enhanced)
    assert abs(two_locus.invasion_rate(resident, enhanced, planted) - 1) > 1e-7


def test_unlinked_enhancer_is_selected_against() -> None:
    as_printed(two_locus.invasion_rate(0.7, 0.9, 0.5), ".887")


OUTCOMES = {
    0.0: {
        20: (".4044", ".3901"),
        50: (".1480", ".6411"),
        100: (".0912", ".7143"),
        500: (".0389", ".8068"),
    },
    0.02: {
        20: (".4307", ".3623"),
        50: (".1739", ".6030"),
        100: (".1283", ".6544"),
        500: (".1118", ".6748"),
    },
    0.10: {
        20: (".5519", ".2404"),
        50: (".3054", ".4445"),
        100: (".2992", ".4489"),
        500: (".2992", ".4490"),
    },
    0.30: {
        20: (".7899", ".0095"),
        50: (".6214", ".1479"),
        100: (".6185", ".1496"),
        500: (".6185", ".1496"),
    },
}
SETTLED = {
    0.02: (".1118", ".6748", ".9698"),
    0.10: (".2992", ".4490", ".8455"),
    0.30: (".6185", ".1496", ".5525"),
    0.50: (".8000", ".0000", ".36"),
}


def suppression(
    cost: float, generations: int, settled: float = -1.0
) -> tuple[np.ndarray, np.ndarray]:
    w = [[1.0, 1 - cost, 1 - cost]] * 2 + [[0.0] * 3]
    return two_locus.iterate(
        two_locus.haplotypes(0.8, 1e-4), 0.5, [0.9, 0.5, 0.5], w, generations, settled
    )


@pytest.mark.parametrize("cost", OUTCOMES)
def test_suppression_over_time(cost: float) -> None:
    path, _ = suppression(cost, 500)
    for t, (driver, suppressor) in OUTCOMES[cost].items():
        as_printed(two_locus.driver_frequency(path[t]), driver)
        as_printed(two_locus.modifier_frequency(path[t]), suppressor)


@pytest.mark.parametrize("cost", SETTLED)
def test_suppression_settles(cost: float) -> None:
    path, weights = suppression(cost, 20_000, two_locus.SETTLED)
    driver, suppressor, fitness = SETTLED[cost]
    as_printed(two_locus.driver_frequency(path[-1]), driver)
    as_printed(two_locus.modifier_frequency(path[-1]), suppressor)
    as_printed(float(weights[-1]), fitness)
    assert (cost < two_locus.tolerable_cost(0.9, 0.5, 0.5)) == (float(suppressor) > 0)


def test_free_suppressor_drives_the_driver_out_slowly() -> None:
    path, weights = suppression(0.0, 20_000)
    frequencies = [two_locus.driver_frequency(x) for x in path[[500, 5_000, 20_000]]]
    assert 0.02 > frequencies[1] > frequencies[2]
    as_printed(frequencies[2], ".008")
    as_printed(float(weights[-1]), ".9999")


HITCHHIKING = {
    0.60: (".9503", ".6016", ".0818", ".0079", ".0001"),
    0.75: (".9771", ".7932", ".3101", ".0934", ".0001"),
    0.90: (".9841", ".8514", ".4413", ".1879", ".0001"),
}


@pytest.mark.parametrize("k", HITCHHIKING)
def test_hitchhiking_table(k: float) -> None:
    for r, printed in zip((0.001, 0.01, 0.05, 0.1, 0.5), HITCHHIKING[k], strict=True):
        as_printed(two_locus.hitchhiked(1e-4, r, k), printed)
        path, _ = two_locus.iterate([1 - 1e-4, 0, 0, 1e-4], r, [k] * 3, NEUTRAL, 400)
        assert two_locus.modifier_frequency(path[-1]) == pytest.approx(
            two_locus.hitchhiked(1e-4, r, k), abs=EXACT
        )
    assert two_locus.hitchhiked(1e-4, 0.0, k) == 1.0


def test_hitchhiking_step_is_two_loci() -> None:
    q, x, y = 0.3, 0.8, 0.1
    now, _ = two_locus.step([0.7 * 0.9, 0.7 * 0.1, 0.3 * 0.2, 0.3 * 0.8], 0.2, [0.8] * 3, NEUTRAL)
    q, x, y = two_locus.hitchhike(q, x, y, 0.2, 0.8)
    assert now == pytest.approx([(1 - q) * (1 - y), (1 - q) * y, q * (1 - x), q * x], abs=1e-15)
    assert two_locus.hitchhike(1.0, 0.8, 0.1, 0.2, 0.8) == (
        1.0,
        0.8,
        pytest.approx(0.24, abs=1e-15),
    )


def test_hitchhiking_approximated() -> None:
    as_printed(two_locus.hitchhiked_roughly(1e-4, 0.1, 0.9), ".316")
    as_printed(two_locus.hitchhiked_on_sweep(1e-4, 0.1, 0.9), ".2058")
    for planted in (two_locus.hitchhiked_roughly, two_locus.hitchhiked_on_sweep):
        assert not is_printed(planted(1e-4, 0.1, 0.9), ".1879")


@pytest.mark.parametrize(
    ("r", "peak"),
    [(0.0, "1"), (0.001, ".741"), (0.01, ".282"), (0.05, ".061"), (0.2, ".0023"), (0.5, ".0001")],
)
def test_deleterious_passenger(r: float, peak: str) -> None:
    path, _ = two_locus.iterate([1 - 1e-4, 0, 0, 1e-4], r, [0.9] * 3, [[1, 0.85, 0.7]] * 3, 3_000)
    passenger = path[:, 1] + path[:, 3]
    as_printed(float(passenger.max()), peak)
    as_printed(float(passenger[-1]), "1.0000" if r == 0 else ".0000")
    assert two_locus.driver_frequency(path[-1]) == pytest.approx(1, abs=1e-9)


def test_tight_linkage_is_one_allele() -> None:
    as_printed(two_locus.tolerated_load(0.9), ".444")
    for cost, spreads in ((0.44, True), (0.45, False)):
        path, _ = two_locus.iterate(
            [1 - 1e-6, 0, 0, 1e-6], 0.0, [0.9] * 3, [[1, 1 - cost, 0.1]] * 3, 50
        )
        assert (path[-1, 3] > 1e-6) == spreads
        assert (drive.next_frequency(1e-9, 0.9, cost / 0.9, 0.9) > 1e-9) == spreads


# --- drift ---


def test_heterozygosity_in_print() -> None:
    selfing, none = (
        drift.heterozygosity_selfing(0.5, 10, 10),
        drift.heterozygosity_no_selfing(0.5, 10, 10),
    )
    as_printed(selfing.expected, ".2844")
    as_printed(none.expected, ".2920")
    assert not is_printed(selfing.expected, ".2920")  # planted: the wrong selfing rule
    assert not is_printed(0.5 * 0.95**10, ".2844")  # planted: generation 0 not drawn


def test_founders() -> None:
    assert drift.heterozygosity_selfing(0.4, 10, 0) == pytest.approx((0.38, 0.4), abs=1e-15)
    assert drift.heterozygosity_no_selfing(0.4, 10, 0) == pytest.approx((0.38, 0.4), abs=1e-15)
    assert drift.heterozygosity_two_sexes(0.4, 5, 5, 0) == pytest.approx((0.38, 0.4), abs=1e-15)


def test_full_sibs() -> None:
    # a pair of either kind: the inbreeding coefficients of repeated brother-sister mating
    inbreeding = [0, 0, 1 / 4, 3 / 8, 1 / 2, 19 / 32, 43 / 64]
    for t, f in enumerate(inbreeding):
        assert drift.kinship(0.5, t).inbreeding == pytest.approx(f, abs=1e-15)
        assert drift.heterozygosity_no_selfing(0.5, 2, t) == pytest.approx(
            drift.heterozygosity_two_sexes(0.5, 1, 1, t)
        )
        assert drift.heterozygosity_two_sexes(0.5, 1, 1, t).observed == pytest.approx(
            0.5 * (1 - f), abs=1e-15
        )
    assert drift.decay_no_selfing(0.5) == pytest.approx((1 + math.sqrt(5)) / 4, abs=1e-15)


def test_selfing_is_a_chain_on_copies() -> None:
    n, p = 4, 0.3
    at = np.array([math.comb(2 * n, i) * p**i * (1 - p) ** (2 * n - i) for i in range(2 * n + 1)])
    x = np.arange(2 * n + 1) / (2 * n)
    ways = np.array([math.comb(2 * n, j) for j in range(2 * n + 1)])
    copies = np.arange(2 * n + 1)
    move = ways * x[:, None] ** copies * (1 - x[:, None]) ** (2 * n - copies)
    for t in range(6):
        found = drift.heterozygosity_selfing(2 * p * (1 - p), n, t)
        assert at @ (2 * x * (1 - x)) == pytest.approx(found.expected, abs=1e-14)
        assert at @ x**2 - (at @ x) ** 2 == pytest.approx(
            drift.frequency_variance(p, n, t + 1), abs=1e-14
        )
        at = at @ move
        assert at @ (2 * x * (1 - x)) == pytest.approx(
            drift.heterozygosity_selfing(0.42, n, t + 1).expected, abs=1e-14
        )


@pytest.mark.parametrize("scheme", ["selfing", "no selfing", "two sexes"])
def test_heterozygosity_simulated(scheme: str) -> None:
    n, females, replicates, p = 6, 2, 40_000, 0.5
    rng = np.random.default_rng(21)
    genes = (rng.random((replicates, n, 2)) < p).astype(np.int8)
    rows = np.arange(replicates)[:, None]
    far = 0.0
    for t in range(7):
        found = {
            "selfing": lambda t: drift.heterozygosity_selfing(0.5, n, t),
            "no selfing": lambda t: drift.heterozygosity_no_selfing(0.5, n, t),
            "two sexes": lambda t: drift.heterozygosity_two_sexes(0.5, females, n - females, t),
        }[scheme](t)
        q = genes.mean(axis=(1, 2))
        seen = (2 * q * (1 - q), (genes[:, :, 0] != genes[:, :, 1]).mean(axis=1))
        for each, theory in zip(seen, found, strict=True):
            assert abs(each.mean() - theory) < Z * each.std() / math.sqrt(replicates)
        wrong = drift.heterozygosity_selfing(0.5, n, t).expected
        if scheme == "two sexes":  # planted: the effective size put into the formula with selfing
            wrong = (
                0.5
                * (1 - 1 / (2 * n))
                * (1 - 1 / (2 * drift.effective_size_sexes(females, n - females))) ** t
            )
        far = max(far, abs(seen[0].mean() - wrong) / (seen[0].std() / math.sqrt(replicates)))
        if scheme == "two sexes":
            one = rng.integers(0, females, (replicates, n))
            other = rng.integers(females, n, (replicates, n))
        else:
            one = rng.integers(0, n, (replicates, n))
            other = rng.integers(0, n, (replicates, n))
            if scheme == "no selfing":
                other = (one + rng.integers(1, n, (replicates, n))) % n
        pick = rng.integers(0, 2, (2, replicates, n))
        genes = np.stack([genes[rows, one, pick[0]], genes[rows, other, pick[1]]], axis=2)
    assert (far > 6.0) == (scheme != "selfing")


@pytest.mark.parametrize(
    ("females", "males", "ne"), [(100, 100, 200.0), (10, 90, 36.0), (1, 1, 2.0)]
)
def test_effective_size_of_two_sexes(females: int, males: int, ne: float) -> None:
    assert drift.effective_size_sexes(females, males) == pytest.approx(ne, abs=1e-12)
    late = [drift.heterozygosity_two_sexes(0.5, females, males, t).expected for t in (60, 61)]
    assert late[1] / late[0] == pytest.approx(drift.decay_no_selfing(1 / ne), abs=1e-9)
    assert late[1] / late[0] == pytest.approx(1 - 1 / (2 * ne + 1), abs=0.3 / ne**2)
    # The limit of many
    assert late[1] / late[0] == pytest.approx(1 - 1 / (2 * ne), abs=0.6 / ne**2)


def test_decay_without_selfing() -> None:
    for n in (10, 100):
        gap = drift.decay_no_selfing(1 / n) - (1 - 1 / (2 * n + 1))
        assert 0 < abs(gap) < 0.2 / n**3
        # Planted: selfing allowed
        assert abs(drift.decay_no_selfing(1 / n) - (1 - 1 / (2 * n))) > 0.2 / n**2


@pytest.mark.parametrize("offspring", [[4, 0, 0, 8, 2, 1, 3, 0, 0, 2], [2] * 10, [20] + [0] * 9])
def test_effective_size_counts_pairs(offspring: list[int]) -> None:
    n = len(offspring)
    parents = np.repeat(np.arange(n), offspring)
    same = (parents[:, None] == parents[None, :]).sum() - 2 * n
    assert drift.effective_size(n, float(np.var(offspring))) == pytest.approx(
        2 * n * (2 * n - 1) / same, rel=1e-12
    )


def test_effective_size_of_wright_fisher() -> None:
    for n in (1, 10, 1000):
        assert drift.effective_size(n, 2 - 2 / n) == pytest.approx(n, rel=1e-12)
    assert drift.effective_size(10, 0.0) == 19.0
    # Planted: Poisson for multinomial
    assert drift.effective_size(10, 2.0) != pytest.approx(10, abs=0.1)


def test_one_step_variance() -> None:
    assert drift.one_step_variance(0.3, 10) == pytest.approx(0.0105, abs=1e-16)
    chances = [math.comb(20, i) * 0.3**i * 0.7 ** (20 - i) for i in range(21)]
    assert sum(c * (i / 20 - 0.3) ** 2 for i, c in enumerate(chances)) == pytest.approx(
        0.0105, abs=1e-15
    )
    assert drift.frequency_variance(0.3, 10, 1) == pytest.approx(0.0105, abs=1e-16)
    assert drift.frequency_variance(0.3, 10, 10_000) == pytest.approx(0.21, abs=1e-14)
    # Planted: haploid
    assert drift.one_step_variance(0.3, 10) != pytest.approx(0.3 * 0.7 / 10, abs=1e-4)


# --- balance and the Price equation ---

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
    assert rest(lambda x: balance.next_frequency(float(x), u, h, s), 0.05) == pytest.approx(
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
        assert rest(
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
        found = balance.price(one["dosages"], one["parents"], one["meiosis"], one["gametes"])
        dq = one["gametes"].mean() - one["dosages"].mean() / 2
        assert sum(found) == pytest.approx(dq, abs=1e-12)
        assert abs(found.selection + found.mutation - dq) > 1e-3  # planted: transmission left out
        terms.append(found)
        change += effect * 2 * dq
    assert sum(balance.trait_change([1.0, -0.5, 2.0], terms)) == pytest.approx(change, abs=1e-12)


def test_price_terms_are_expected() -> None:
    rng = np.random.default_rng(4)
    n, k, u, v = 200, 0.8, 0.02, 0.05
    z: list[list[float]] = [[], [], [], []]
    for _ in range(400):
        one = draw(rng, n, k, u, v)
        found = balance.price(one["dosages"], one["parents"], one["meiosis"], one["gametes"])
        heterozygous = int((one["dosages"][one["parents"]] == 1).sum())
        ones = int(one["meiosis"].sum())
        expected = (
            balance.expected_selection(one["dosages"], one["w"]),
            balance.expected_segregation(k, heterozygous, n),
            balance.expected_mutation(u, v, 2 * n - ones, ones),
        )
        for i, (value, (mean, se)) in enumerate(zip(found, expected, strict=True)):
            z[i].append((value - mean) / se)
        mendel = balance.expected_segregation(0.5, heterozygous, n)  # planted: fair meiosis
        z[3].append((found.segregation - mendel.mean) / mendel.se)
    for scores in z[:3]:
        assert abs(np.mean(scores)) < 4 / math.sqrt(len(scores))
        assert abs(np.std(scores) - 1) < Z / math.sqrt(2 * len(scores))
    assert np.mean(z[3]) > 6


def test_price_by_hand() -> None:
    found = balance.price([0, 1, 2], [1, 1, 1, 2, 2, 0], [1, 1, 0, 1, 1, 0], [1, 1, 0, 1, 0, 0])
    assert found == pytest.approx((1 / 12, 1 / 12, -1 / 6), abs=1e-15)
    assert balance.expected_segregation(0.9, 100, 100) == pytest.approx((0.2, 0.015), abs=1e-15)
    assert balance.expected_segregation(0.5, 100, 100).mean == 0.0
    n, q, k = 1000, 0.3, 0.7
    random_mating = balance.expected_segregation(k, round(2 * n * 2 * q * (1 - q)), n)
    assert random_mating.mean == pytest.approx((2 * k - 1) * q * (1 - q), abs=1e-15)
    assert drive.next_frequency(q, k, 0, 0) - q == pytest.approx(random_mating.mean, abs=1e-15)
    assert balance.expected_mutation(0.1, 0.2, 60, 40) == pytest.approx(
        (-0.02, math.sqrt(11.8) / 100), abs=1e-15
    )
    assert balance.expected_selection([0, 2], [1, 3]) == pytest.approx(
        (0.25, math.sqrt(0.1875 / 4)), abs=1e-15
    )


# --- what is refused ---

REFUSED: list[tuple[Callable[[], object], str]] = [
    (lambda: drive.next_frequency(1.2, 0.9, 0, 1), "frequency q must lie in"),
    (lambda: drive.next_frequency(0.2, 1.2, 0, 1), "transmission ratio k must lie in"),
    (lambda: drive.next_frequency(0.2, math.nan, 0, 1), "transmission ratio k must lie in"),
    (lambda: drive.next_frequency(0.2, 0.9, 0, 1.5), "at least 0"),
    (lambda: drive.next_frequency(1.0, 0.9, 0, 1), "some individual must survive"),
    (lambda: drive.early_frequency(0.1, 0.9, 0, 1, -1), "generations must be"),
    (lambda: drive.equilibrium(-0.1, 0, 1), "transmission ratio k"),
    (lambda: drive.slope(0.9, 0, 0), "no equilibrium lies inside"),
    (lambda: drive.fluctuation(10, 0.6, 1, 0.5), "settle inside"),
    (lambda: drive.lethal_fluctuation(10, 0.5), "between 1/2 and 1"),
    (lambda: drive.lethal_fluctuation(0, 0.9), "n must be a whole number"),
    (lambda: drive.lethal_by_sex(0.5, 1.1), "k_male"),
    (lambda: drive.bruck(0.4), "k_male"),
    (lambda: drive.newborn_frequency(-0.1, 0.1), "sperm"),
    (lambda: drive.newborn_from_adult(0.7, 0, 1), "no newborns leave adults at 0.7"),
    (lambda: drive.time_average_error(0.1, 1.0, 10), "lag"),
    (lambda: drive.pool_frequency((1, 2), (1, 1, 1), 0.5), "counts must be three"),
    (lambda: drive.pool_frequency((0, 0, 3), (1, 1, 0), 0.5), "some individual must survive"),
    (lambda: drive.fixation(81, (1, 1, 1), 0.5), "at most 80"),
    (lambda: drive.fixation(5, (1, 0, 1), 0.5), "first two above 0"),
    (lambda: drive.fixation(5, (1, 1, 1), 0.5, (4, 2)), "start must be"),
    (lambda: drive.kimura(0, 0.1, 0.1), "effective size Ne"),
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
    (lambda: two_locus.invasion_matrix(0.9, 0.5, 0.5, 0, 0), "settle inside"),
    (lambda: two_locus.full_suppressor_rate(0.5), "between 1/2 and 1"),
    (lambda: two_locus.enhancer_threshold(0.9, 0.8), "k < k_enhanced"),
    (lambda: two_locus.tolerated_load(0.2), "transmission ratio k"),
    (lambda: two_locus.hitchhiked(0.0, 0.1, 0.9), "frequency q0"),
    (lambda: two_locus.hitchhiked(0.1, 0.1, 0.5), "above 1/2"),
    (lambda: two_locus.disequilibrium_decay(0.1, 0.1, 2, 0), "n must be"),
    (lambda: two_locus.recombination_fraction(-1), "map distance"),
    (lambda: drift.heterozygosity_selfing(1.5, 10, 1), "h_pool"),
    (lambda: drift.heterozygosity_no_selfing(0.5, 1, 1), "at least 2"),
    (lambda: drift.heterozygosity_two_sexes(0.5, 0, 5, 1), "females"),
    (lambda: drift.kinship(1.5, 3), "same parent"),
    (lambda: drift.effective_size(10, -1), "variance of gametes"),
    (lambda: drift.one_step_variance(0.5, 0), "n must be"),
    (lambda: balance.frequency(0.1, 0.5, 0.0), "cost s must lie in"),
    (lambda: balance.frequency(1.1, 0.5, 0.5), "mutation rate u"),
    (lambda: balance.two_way(0, 0), "must not both be 0"),
    (lambda: balance.stepwise_mean(3, 3, 0.1, 1), "start must be below"),
    (lambda: balance.price([0, 1], [0, 2], [0, 1], [0, 1]), "indices of the 2 dosages"),
    (lambda: balance.price([0, 1], [], [], []), "at least one"),
    (lambda: balance.trait_change([1.0], []), "one effect a locus"),
    (lambda: balance.expected_selection([0, 1], [0, 0]), "one fitness a parent"),
    (lambda: balance.expected_segregation(0.5, 21, 10), "at most 2n = 20"),
    (lambda: balance.expected_mutation(0.1, 0.1, 0, 0), "gametes must be"),
]


@pytest.mark.parametrize(("call", "message"), REFUSED)
def test_refusals(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("(", r"\(")) as caught:
        call()
    assert "\n" not in str(caught.value)
