"""Drive at one locus: formulas against numbers in print, recursions and simulations.

Each test also plants a wrong formula, and requires that it misses.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from evosim.theory import drive
from tests.support.theory import (
    EXACT,
    Refusals,
    as_printed,
    assert_refused,
    fixed_point,
    is_printed,
)

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
        assert fixed_point(
            lambda x: drive.next_frequency(float(x), k, h, s), start
        ) == pytest.approx(found.frequency, abs=EXACT)
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
    x, y = fixed_point(lambda xy: drive.next_by_sex(*map(float, xy), 0.5, m, 0, 1), (0.2, 0.1))
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
    sperm, eggs = fixed_point(lambda xy: drive.next_by_sex(*map(float, xy), f, m, 0, 1), (0.3, 0.3))
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


REFUSED: Refusals = [
    (lambda: drive.next_frequency(1.2, 0.9, 0, 1), "frequency q must lie in"),
    (lambda: drive.next_frequency(0.2, 1.2, 0, 1), "transmission ratio k must lie in"),
    (lambda: drive.next_frequency(0.2, math.nan, 0, 1), "transmission ratio k must lie in"),
    (lambda: drive.next_frequency(0.2, 0.9, 0, 1.5), "at least 0"),
    (lambda: drive.next_frequency(1.0, 0.9, 0, 1), "some individual must survive"),
    (lambda: drive.early_frequency(0.1, 0.9, 0, 1, -1), "generations must be"),
    (lambda: drive.equilibrium(-0.1, 0, 1), "transmission ratio k"),
    (lambda: drive.slope(0.9, 0, 0), "no equilibrium lies inside"),
    (lambda: drive.lethal_by_sex(0.5, 1.1), "k_male"),
    (lambda: drive.bruck(0.4), "k_male"),
    (lambda: drive.newborn_frequency(-0.1, 0.1), "sperm"),
    (lambda: drive.newborn_from_adult(0.7, 0, 1), "no newborns leave adults at 0.7"),
]


@pytest.mark.parametrize(("call", "message"), REFUSED)
def test_invalid_arguments_are_refused(call: Callable[[], object], message: str) -> None:
    assert_refused(call, message)
