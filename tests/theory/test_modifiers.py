"""Invasion of modifiers: formulas against numbers in print, recursions and simulations.

Each test also plants a wrong formula, and requires that it misses.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from evosim.theory import drive, modifiers, two_locus
from tests.support.theory import NEUTRAL, Refusals, as_printed, assert_refused, is_printed

SUPPRESSED = [
    (0.60, "1.010579", "1.027099", "1.041667", ".0105"),
    (0.75, "1.138071", "1.273268", "1.333333", ".1213"),
    (0.90, "1.861545", "2.561544", "2.777778", ".4628"),
]


@pytest.mark.parametrize(("k", "free", "near", "tight", "cost"), SUPPRESSED)
def test_suppressor_table(k: float, free: str, near: str, tight: str, cost: str) -> None:
    for r, printed in ((0.5, free), (0.1, near), (0.0, tight)):
        as_printed(modifiers.invasion_rate(k, 0.5, r), printed)
    as_printed(modifiers.tolerable_cost(k, 0.5, 0.5), cost)
    assert modifiers.full_suppressor_rate(k) == pytest.approx(
        modifiers.invasion_rate(k, 0.5, 0.5), abs=1e-13
    )
    assert modifiers.invasion_rate(
        k, 0.5, 0.5, cost=modifiers.tolerable_cost(k, 0.5, 0.5)
    ) == pytest.approx(1, abs=1e-13)
    # Planted: driving carriers forgotten
    swapped = modifiers.invasion_matrix(k, 0.5, 0.1) * [[0, 1], [1, 1]]
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
        grown = modifiers.invasion_matrix(k, k_modified, r, h, s, cost)[:, column]
        assert now[[3, 1]] / small == pytest.approx(grown, abs=1e-5)


def test_weak_drive_is_hardly_suppressed() -> None:
    for e, tolerance in ((1e-2, 0.06), (1e-3, 0.006)):
        assert (modifiers.full_suppressor_rate((1 + e) / 2) - 1) / e**3 == pytest.approx(
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
        assert modifiers.invasion_rate(k, k - share * (k - 0.5), r, h, s) > 1 + 1e-5
    assert tried > 80
    for k in (0.6, 0.75, 0.9):  # linked suppressors do better; on the driver alone they fail
        rates = [modifiers.invasion_rate(k, 0.5, r) for r in (0.5, 0.1, 0.01, 0.0)]
        assert rates == sorted(rates)
        assert modifiers.invasion_matrix(k, 0.5, 0.0)[0, 0] < 1


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
    threshold = modifiers.enhancer_threshold(k, enhanced)
    as_printed(threshold, printed)
    resident = max(k, 0.5 + 1e-5)  # a Mendelian resident is the limit of weak drive
    at = modifiers.enhancer_threshold(resident, enhanced)
    assert modifiers.invasion_rate(resident, enhanced, at) == pytest.approx(1, abs=1e-12)
    assert modifiers.invasion_rate(resident, enhanced, at - 0.01) > 1
    assert modifiers.invasion_rate(resident, enhanced, at + 0.01 if at < 0.49 else 0.5) < 1 + 1e-9
    planted = (enhanced - k) / (2 * enhanced)
    assert abs(modifiers.invasion_rate(resident, enhanced, planted) - 1) > 1e-7


def test_unlinked_enhancer_is_selected_against() -> None:
    as_printed(modifiers.invasion_rate(0.7, 0.9, 0.5), ".887")


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
    assert (cost < modifiers.tolerable_cost(0.9, 0.5, 0.5)) == (float(suppressor) > 0)


def test_free_suppressor_drives_the_driver_out_slowly() -> None:
    path, weights = suppression(0.0, 20_000)
    frequencies = [two_locus.driver_frequency(x) for x in path[[500, 5_000, 20_000]]]
    assert 0.02 > frequencies[1] > frequencies[2]
    as_printed(frequencies[2], ".008")
    as_printed(float(weights[-1]), ".9999")


REFUSED: Refusals = [
    (lambda: modifiers.invasion_matrix(0.9, 0.5, 0.5, 0, 0), "settle inside"),
    (lambda: modifiers.full_suppressor_rate(0.5), "between 1/2 and 1"),
    (lambda: modifiers.enhancer_threshold(0.9, 0.8), "k < k_enhanced"),
]


@pytest.mark.parametrize(("call", "message"), REFUSED)
def test_invalid_arguments_are_refused(call: Callable[[], object], message: str) -> None:
    assert_refused(call, message)
