"""Reproduction against Mendel, Haldane and Wright-Fisher. Fixed seeds; each test's false-alarm rate is 1e-4 or less.

Each has a planted fault of a stated size that it sees.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from evosim.kernels import reproduce
from evosim.optimizers.base import Extinction, InvalidOptimizer, cumulative_parentage
from evosim.streams import key_of
from genomes.loci import haldane

FALSE_ALARM = 1e-4
N = 40_000


def children(
    alleles: np.ndarray, fitness: np.ndarray, recombination: np.ndarray, rates: float = 0.0, kernel: int = 0, sizes: int = 2
) -> tuple[np.ndarray, np.ndarray]:
    loci = alleles.shape[2]
    out, parents = np.empty_like(alleles), np.empty((len(alleles), 2), dtype=np.int64)
    reproduce.sexual(
        alleles, np.cumsum(fitness), 1, *key_of(2024), recombination, np.full(loci, rates), np.full(loci, kernel),
        np.full(loci, sizes), out, parents,
    )  # fmt: skip
    return out, parents


def binomial(k: int, n: int, p: float) -> float:
    return float(stats.binomtest(k, n, p).pvalue)


def heterozygotes(loci: int) -> np.ndarray:
    out = np.zeros((N, 2, loci), dtype=np.uint8)
    out[:, 1] = 1
    return out


def test_mendelian_segregation() -> None:
    out, _ = children(heterozygotes(1), np.ones(N), np.array([0.5]))
    assert binomial(int(out.sum()), 2 * N, 0.5) > FALSE_ALARM
    assert binomial(int(out.sum()), 2 * N, 0.51) < FALSE_ALARM
    genotype = np.bincount(out[:, :, 0].sum(axis=1).astype(np.int64), minlength=3)
    assert stats.chisquare(genotype, N * np.array([0.25, 0.5, 0.25])).pvalue > FALSE_ALARM


@pytest.mark.parametrize("centimorgan", [0.0, 1.0, 10.0, 50.0])
def test_recombination_fraction_is_haldanes(centimorgan: float) -> None:
    r = haldane(centimorgan)
    out, _ = children(heterozygotes(2), np.ones(N), np.array([0.5, r]))
    recombinants = int((out[:, :, 0] != out[:, :, 1]).sum())
    if r == 0.0:
        assert recombinants == 0
    else:
        assert binomial(recombinants, 2 * N, r) > FALSE_ALARM
        assert binomial(recombinants, 2 * N, 1.3 * r) < FALSE_ALARM


def test_without_interference_intervals_are_independent() -> None:
    out, _ = children(heterozygotes(3), np.ones(N), np.array([0.5, 0.2, 0.3]))
    first, second = (out[:, :, i] != out[:, :, i + 1] for i in (0, 1))
    both = int((first & second).sum())
    assert binomial(both, 2 * N, 0.2 * 0.3) > FALSE_ALARM


def test_unlinked_loci_segregate_independently() -> None:
    out, _ = children(heterozygotes(2), np.ones(N), np.array([0.5, 0.5]))
    table = [[int(((out[:, :, 0] == i) & (out[:, :, 1] == j)).sum()) for j in (0, 1)] for i in (0, 1)]
    assert stats.chi2_contingency(table).pvalue > FALSE_ALARM


def test_gametes_of_the_two_parents_are_independent() -> None:
    out, _ = children(heterozygotes(1), np.ones(N), np.array([0.5]))
    table = [[int(((out[:, 0, 0] == i) & (out[:, 1, 0] == j)).sum()) for j in (0, 1)] for i in (0, 1)]
    assert stats.chi2_contingency(table).pvalue > FALSE_ALARM


def test_parents_are_drawn_by_fitness() -> None:
    fitness = np.tile([0.0, 1.0, 3.0, 0.5], N // 4)
    _, parents = children(heterozygotes(1), fitness, np.array([0.5]))
    drawn = np.bincount(parents.ravel() % 4, minlength=4)
    assert drawn[0] == 0
    assert stats.chisquare(drawn[1:], 2 * N * np.array([1.0, 3.0, 0.5]) / 4.5).pvalue > FALSE_ALARM
    assert stats.chisquare(drawn[1:], 2 * N * np.array([1.0, 2.8, 0.5]) / 4.3).pvalue < FALSE_ALARM


def test_selfing_happens_as_often_as_chance_says() -> None:
    small = heterozygotes(1)[:4].repeat(N // 4, axis=0)
    fitness = np.zeros(N)
    fitness[:5] = 1.0
    _, parents = children(small, fitness, np.array([0.5]))
    assert binomial(int((parents[:, 0] == parents[:, 1]).sum()), N, 0.2) > FALSE_ALARM


@pytest.mark.parametrize(("kernel", "expected"), [(0, [0.0, 0.5, 0.0, 0.5, 0.0]), (1, [0.25, 0.25, 0.0, 0.25, 0.25])])
def test_mutation(kernel: int, expected: list[float]) -> None:
    rate = 0.2
    alleles = np.full((N, 2, 1), 2, dtype=np.uint8)
    out, _ = children(alleles, np.ones(N), np.array([0.5]), rates=rate, kernel=kernel, sizes=5)
    hit = out[out != 2]
    assert binomial(hit.size, 2 * N, rate) > FALSE_ALARM
    assert binomial(hit.size, 2 * N, 1.05 * rate) < FALSE_ALARM
    found = np.bincount(hit, minlength=5)
    share = np.array(expected)
    assert (found[share == 0] == 0).all()
    assert stats.chisquare(found[share > 0], hit.size * share[share > 0]).pvalue > FALSE_ALARM


def test_steps_off_the_end_do_not_happen() -> None:
    """So mutation alone keeps alleles equally common: inflow of the end allele equals its outflow."""
    alleles = np.zeros((N, 2, 1), dtype=np.uint8)
    out, _ = children(alleles, np.ones(N), np.array([0.5]), rates=0.4, sizes=3)
    assert binomial(int((out == 1).sum()), 2 * N, 0.2) > FALSE_ALARM
    assert not (out == 2).any()


def test_drift_has_binomial_variance() -> None:
    """Allele frequency after one generation of N = 50 diploids: variance p q / 2N over 2,000 populations."""
    n, p = 50, 0.3
    finals = []
    alleles = np.zeros((n, 2, 1), dtype=np.uint8)
    alleles.reshape(-1)[: int(p * 2 * n)] = 1
    for seed in range(2000):
        out, parents = np.empty_like(alleles), np.empty((n, 2), dtype=np.int64)
        ones = np.ones(1)
        reproduce.sexual(
            alleles, np.cumsum(np.ones(n)), 1, *key_of(seed), 0.5 * ones, 0 * ones, np.zeros(1, np.int64),
            np.full(1, 2), out, parents,
        )  # fmt: skip
        finals.append(out.mean())
    ratio = np.var(finals) / (p * (1 - p) / (2 * n))
    low, high = stats.chi2.ppf([FALSE_ALARM / 2, 1 - FALSE_ALARM / 2], 1999) / 1999
    assert low < ratio < high
    assert not low < 0.8 * ratio < high


def test_nobody_fit_is_extinction_and_bad_fitness_an_error() -> None:
    with pytest.raises(Extinction):
        cumulative_parentage(np.zeros(5))
    for bad in (np.array([1.0, -0.5]), np.array([1.0, np.nan])):
        with pytest.raises(InvalidOptimizer, match="fitness must be finite and not negative"):
            cumulative_parentage(bad)
