"""Drift: formulas against numbers in print, recursions and simulations.

Each test also plants a wrong formula, and requires that it misses.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from evosim.claims.mazes import LONG
from evosim.theory import drift
from evosim.theory.drift import fixation_haploid, frequency_haploid, kimura_haploid
from tests.support.theory import Refusals, Z, as_printed, assert_refused, is_printed


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


REFUSED: Refusals = [
    (lambda: drift.heterozygosity_selfing(1.5, 10, 1), "h_pool"),
    (lambda: drift.heterozygosity_no_selfing(0.5, 1, 1), "at least 2"),
    (lambda: drift.heterozygosity_two_sexes(0.5, 0, 5, 1), "females"),
    (lambda: drift.kinship(1.5, 3), "same parent"),
    (lambda: drift.effective_size(10, -1), "variance of gametes"),
    (lambda: drift.one_step_variance(0.5, 0), "n must be"),
]


@pytest.mark.parametrize(("call", "message"), REFUSED)
def test_invalid_arguments_are_refused(call: Callable[[], object], message: str) -> None:
    assert_refused(call, message)


def test_the_chain_of_frequencies_by_hand() -> None:
    """Two individuals: one of each with 1/2, then the second generation is drawn at fitness /
    (fitness + 1).
    """
    assert frequency_haploid(2, 3.0, 1) == pytest.approx(0.5, abs=1e-12)
    assert frequency_haploid(2, 3.0, 2) == pytest.approx(0.25 + 0.5 * 0.75, abs=1e-12)
    assert frequency_haploid(7, 1.0, 30) == pytest.approx(0.5, abs=1e-12)
    assert frequency_haploid(5, math.inf, 2) == pytest.approx(1.0 - 0.5**5, abs=1e-12)
    assert frequency_haploid(5, 0.0, 2) == pytest.approx(0.5**5, abs=1e-12)


@pytest.mark.parametrize("fitness", [0.9, 1.0, 1.02, 1.2])
def test_the_chain_ends_in_fixation(fitness: float) -> None:
    n = 30
    expected = sum(math.comb(n, k) * 0.5**n * fixation_haploid(n, fitness, k) for k in range(n + 1))
    assert frequency_haploid(n, fitness, LONG * n) == pytest.approx(expected, abs=1e-6)
    assert expected == pytest.approx(kimura_haploid(n, fitness - 1.0, 0.5), abs=0.03)


@pytest.mark.parametrize("bad", [(0, 1.0, 1), (3, -1.0, 1), (3, 1.0, 0)])
def test_the_chain_refuses_bad_arguments(bad: tuple[int, float, int]) -> None:
    with pytest.raises(ValueError, match="must be"):
        frequency_haploid(*bad)
