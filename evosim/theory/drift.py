"""Drift: heterozygosity, inbreeding and effective size of n diploids that mate at random.

`h_pool` = 2p(1 - p) in the infinite gamete pool from which generation 0 is drawn. Two
heterozygosities are told apart: *expected*, 2p(1 - p) at the allele frequency of all n individuals,
and *observed*, the share of heterozygotes. Time is in generations; heterozygosities, inbreeding F
and coancestry (theta) have no unit.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from evosim.theory import require_count, require_positive, require_unit


class Heterozygosity(NamedTuple):
    """Means over replicate populations of expected and of observed heterozygosity."""

    expected: float
    observed: float


class Kinship(NamedTuple):
    """Chance of identity by descent of two genes: within an individual (F), and between two
    (coancestry).
    """

    inbreeding: float
    coancestry: float


def heterozygosity_selfing(h_pool: float, n: int, generations: int) -> Heterozygosity:
    """Mean heterozygosity when both parents are drawn with replacement, so that an individual selfs
    at 1/n.

    Expected h_pool (1 - 1/(2n))^(t + 1), observed h_pool (1 - 1/(2n))^t: generation 0 has already
    been drawn. Exact. Raises `ValueError` if h_pool leaves [0, 1], n is below 1 or t below 0.
    Source: Wright 1931, Genetics 16:97; Crow and Kimura 1970, chapter 7.
    """
    _check(h_pool, n, generations, 1)
    kept = 1.0 - 1.0 / (2.0 * n)
    return Heterozygosity(h_pool * kept ** (generations + 1), h_pool * kept**generations)


def kinship(same_parent: float, generations: int) -> Kinship:
    """Inbreeding and coancestry after some generations from unrelated founders, without selfing.

    Exact.

    `same_parent` (P) is the chance that genes of two different individuals come from one parent: F'
    = theta and theta' = (1 - P) theta + P (1 + F)/2. Raises `ValueError` if P leaves [0, 1] or t is
    below 0. Source: derived; see docs/population-genetics.md.
    """
    require_unit("chance of the same parent", same_parent)
    require_count("generations", generations, 0)
    f = theta = 0.0
    for _ in range(generations):
        f, theta = theta, (1.0 - same_parent) * theta + same_parent * (1.0 + f) / 2.0
    return Kinship(f, theta)


def heterozygosity_no_selfing(h_pool: float, n: int, generations: int) -> Heterozygosity:
    """Mean heterozygosity of n monoecious diploids whose two parents always differ.

    Exact; decays like 1 - 1/(2n + 1).

    Expected h_pool (1 - [1/(2n) + F/(2n) + (1 - 1/n) theta]), observed h_pool (1 - F), with
    `kinship` at P = 1/n. Raises `ValueError` if h_pool leaves [0, 1], n is below 2 or t below 0.
    Source: derived; see docs/population-genetics.md.
    """
    _check(h_pool, n, generations, 2)
    return _heterozygosity(h_pool, n, kinship(1.0 / n, generations))


def heterozygosity_two_sexes(
    h_pool: float, females: int, males: int, generations: int
) -> Heterozygosity:
    """Mean heterozygosity of all females and males together, each child of a random mother and a
    random father. Exact.

    As without selfing, with `kinship` at P = 1/(4Nf) + 1/(4Nm). Raises `ValueError` if h_pool
    leaves [0, 1], a sex is empty or t is below 0. Source: derived; see docs/population-genetics.md.
    """
    require_count("females", females, 1)
    require_count("males", males, 1)
    _check(h_pool, females + males, generations, 2)
    return _heterozygosity(
        h_pool, females + males, kinship(1.0 / effective_size_sexes(females, males), generations)
    )


def decay_no_selfing(same_parent: float) -> float:
    """Factor by which heterozygosity ends up shrinking a generation without selfing, given P as in
    `kinship`.

    The larger root of x^2 - (1 - P) x - P/2 = 0, near 1 - P / (2 + P): with P = 1/n, 1 - 1/(2n +
    1). With selfing at random it is 1 - 1/(2n). Raises `ValueError` if P leaves [0, 1]. Source:
    derived; see docs/population-genetics.md.
    """
    require_unit("chance of the same parent", same_parent)
    fresh = 1.0 - same_parent
    return (fresh + math.sqrt(fresh * fresh + 2.0 * same_parent)) / 2.0


def effective_size_sexes(females: int, males: int) -> float:
    """Effective size (individuals) of two sexes: 1/Ne = 1/(4Nf) + 1/(4Nm).

    Exactly the inverse of the chance that genes of two individuals come from one parent; as a rate
    of drift it is the limit of many individuals. Raises `ValueError` if a sex is empty. Source:
    Wright 1931, Genetics 16:97.
    """
    require_count("females", females, 1)
    require_count("males", males, 1)
    return 4.0 * females * males / (females + males)


def effective_size(n: int, gamete_variance: float) -> float:
    """Effective size (individuals) from the variance Vk of gametes contributed per parent: (4n - 2)
    / (Vk + 2).

    n parents give 2n gametes that unite at random; Vk has divisor n, and its expectation 2 - 2/n
    under Wright-Fisher gives n. Raises `ValueError` if n is below 1 or the variance below 0.
    Source: Crow and Kimura 1970, chapter 7.
    """
    require_count("n", n, 1)
    if not gamete_variance >= 0.0:
        raise ValueError(f"variance of gametes must be at least 0, but is {gamete_variance}.")
    return (4.0 * n - 2.0) / (gamete_variance + 2.0)


def fixation_haploid(n: int, fitness: float, copies: int) -> float:
    """Exact chance that an allele of some fitness (the other has 1) fixes among `n` haploids, from
    a number of copies.

    Solves the absorbing Wright-Fisher chain. Raises `ValueError` if n is below 1, fitness is
    negative or copies are none of 0..n. Source: Wright 1931, Genetics 16:97; Ewens 2004,
    Mathematical Population Genetics, chapter 3.
    """
    require_count("n", n, 1)
    require_count("copies", copies, 0)
    if not fitness >= 0.0 or copies > n:
        raise ValueError(
            f"fitness must be at least 0 and copies at most {n}, but are {fitness} and {copies}."
        )
    if copies in (0, n):
        return float(copies == n)
    if fitness == 0.0:
        return 0.0
    i = np.arange(1, n)
    p = i * fitness / (i * fitness + n - i)
    choose = np.array(
        [math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) for k in range(n + 1)]
    )
    k = np.arange(n + 1)
    moves = np.exp(choose + k * np.log(p)[:, None] + (n - k) * np.log1p(-p)[:, None])
    chances = np.linalg.solve(np.eye(n - 1) - moves[:, 1:-1], moves[:, -1])
    return float(chances[copies - 1])


def kimura_haploid(n: float, s: float, p0: float) -> float:
    """Chance of fixation among `n` haploids from frequency p0, fitness 1 + s against 1: (1 - exp(-2
    n s p0)) / (1 - exp(-2 n s)).

    A diffusion approximation. Neutral: p0. Raises `ValueError` if p0 leaves [0, 1] or n is not
    above 0. Source: Kimura 1962, Genetics 47:713.
    """
    require_unit("frequency p0", p0)
    require_positive("n", n)
    x = 2.0 * n * s
    if abs(x) < 1e-12:
        return p0
    if x > 0.0:
        return math.expm1(-x * p0) / math.expm1(-x)
    return math.exp(x * (1.0 - p0)) * math.expm1(x * p0) / math.expm1(x)


def frequency_haploid(n: int, fitness: float, generations: int) -> float:
    """Mean frequency of an allele among n haploids after some generations, the first of which is
    drawn at even odds. Exact.

    The chain of binomial draws (Wright 1931), with `fitness` relative to the other allele's;
    without mutation. Generation 0 has been drawn, so that there are `generations - 1` steps. Raises
    `ValueError` if n or generations are below 1, or fitness negative.
    """
    require_count("population", n, 1)
    require_count("generations", generations, 1)
    if not fitness >= 0.0:
        raise ValueError(f"fitness must be at least 0, but is {fitness}")
    count = np.arange(n + 1)
    share = (
        np.ones(n + 1)
        if math.isinf(fitness)
        else count * fitness / np.maximum(count * fitness + (n - count), 1e-300)
    )
    share[0], share[n] = 0.0, 1.0  # alone one is drawn even without fitness
    ways = math.lgamma(n + 1) - np.array(
        [math.lgamma(k + 1) + math.lgamma(n - k + 1) for k in range(n + 1)]
    )

    def drawn(p: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):  # 0 log 0 is 0
            up, down = (
                np.where(times == 0, 0.0, times * np.log(chance))
                for times, chance in ((count, p[:, None]), (n - count, 1.0 - p[:, None]))
            )
        return np.asarray(np.exp(ways + up + down))

    row = drawn(np.array([0.5]))[0] @ np.linalg.matrix_power(drawn(share), generations - 1)
    return float(row @ count / n)


def one_step_variance(p: float, n: float) -> float:
    """Variance of the next allele frequency, given p now: p(1 - p) / (2n).

    Exact for n diploids with selfing at random.

    Raises `ValueError` if p leaves [0, 1] or n is not above 0. Source: Wright 1931, Genetics 16:97.
    """
    require_unit("frequency p", p)
    require_positive("n", n)
    return p * (1.0 - p) / (2.0 * n)


def frequency_variance(p: float, n: int, generations: int) -> float:
    """Variance among replicates after t steps from p: p(1 - p) [1 - (1 - 1/(2n))^t], selfing at
    random. Exact.

    Raises `ValueError` if p leaves [0, 1], n is below 1 or t below 0. Source: Wright 1931, Genetics
    16:97.
    """
    require_unit("frequency p", p)
    require_count("n", n, 1)
    require_count("generations", generations, 0)
    return float(-p * (1.0 - p) * np.expm1(generations * np.log1p(-1.0 / (2.0 * n))))


def _heterozygosity(h_pool: float, n: int, related: Kinship) -> Heterozygosity:
    f, theta = related
    same = (1.0 + f) / (2.0 * n) + (1.0 - 1.0 / n) * theta
    return Heterozygosity(h_pool * (1.0 - same), h_pool * (1.0 - f))


def _check(h_pool: float, n: int, generations: int, least: int) -> None:
    require_unit("heterozygosity h_pool", h_pool)
    require_count("n", n, least)
    require_count("generations", generations, 0)
