"""Hitchhiking: formulas against numbers in print, recursions and simulations.

Each test also plants a wrong formula, and requires that it misses.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from evosim.theory import drive, hitchhiking, two_locus
from tests.support.theory import EXACT, NEUTRAL, Refusals, as_printed, assert_refused, is_printed

HITCHHIKING = {
    0.60: (".9503", ".6016", ".0818", ".0079", ".0001"),
    0.75: (".9771", ".7932", ".3101", ".0934", ".0001"),
    0.90: (".9841", ".8514", ".4413", ".1879", ".0001"),
}


@pytest.mark.parametrize("k", HITCHHIKING)
def test_hitchhiking_table(k: float) -> None:
    for r, printed in zip((0.001, 0.01, 0.05, 0.1, 0.5), HITCHHIKING[k], strict=True):
        as_printed(hitchhiking.hitchhiked(1e-4, r, k), printed)
        path, _ = two_locus.iterate([1 - 1e-4, 0, 0, 1e-4], r, [k] * 3, NEUTRAL, 400)
        assert two_locus.modifier_frequency(path[-1]) == pytest.approx(
            hitchhiking.hitchhiked(1e-4, r, k), abs=EXACT
        )
    assert hitchhiking.hitchhiked(1e-4, 0.0, k) == 1.0


def test_hitchhiking_step_is_two_loci() -> None:
    q, x, y = 0.3, 0.8, 0.1
    now, _ = two_locus.step([0.7 * 0.9, 0.7 * 0.1, 0.3 * 0.2, 0.3 * 0.8], 0.2, [0.8] * 3, NEUTRAL)
    q, x, y = hitchhiking.hitchhike(q, x, y, 0.2, 0.8)
    assert now == pytest.approx([(1 - q) * (1 - y), (1 - q) * y, q * (1 - x), q * x], abs=1e-15)
    assert hitchhiking.hitchhike(1.0, 0.8, 0.1, 0.2, 0.8) == (
        1.0,
        0.8,
        pytest.approx(0.24, abs=1e-15),
    )


def test_hitchhiking_approximated() -> None:
    as_printed(hitchhiking.hitchhiked_roughly(1e-4, 0.1, 0.9), ".316")
    as_printed(hitchhiking.hitchhiked_on_sweep(1e-4, 0.1, 0.9), ".2058")
    for planted in (hitchhiking.hitchhiked_roughly, hitchhiking.hitchhiked_on_sweep):
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
    as_printed(hitchhiking.tolerated_load(0.9), ".444")
    for cost, spreads in ((0.44, True), (0.45, False)):
        path, _ = two_locus.iterate(
            [1 - 1e-6, 0, 0, 1e-6], 0.0, [0.9] * 3, [[1, 1 - cost, 0.1]] * 3, 50
        )
        assert (path[-1, 3] > 1e-6) == spreads
        assert (drive.next_frequency(1e-9, 0.9, cost / 0.9, 0.9) > 1e-9) == spreads


REFUSED: Refusals = [
    (lambda: hitchhiking.tolerated_load(0.2), "transmission ratio k"),
    (lambda: hitchhiking.hitchhiked(0.0, 0.1, 0.9), "frequency q0"),
    (lambda: hitchhiking.hitchhiked(0.1, 0.1, 0.5), "above 1/2"),
]


@pytest.mark.parametrize(("call", "message"), REFUSED)
def test_invalid_arguments_are_refused(call: Callable[[], object], message: str) -> None:
    assert_refused(call, message)
