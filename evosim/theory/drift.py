"""Drift: heterozygosity, inbreeding and effective size of n diploids that mate at random.

`h_pool` = 2p(1 - p) in the infinite gamete pool from which generation 0 is drawn. There are two
heterozygosities. The *expected* one is 2p(1 - p) at the allele frequency of all n individuals. The
*observed* one is the share of heterozygotes. Time is in generations; heterozygosities, inbreeding F
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
    """Probability of identity by descent of two genes.

    Attributes
    ----------
    inbreeding : float
        F, of the two genes of an individual.
    coancestry : float
        Theta, of genes of two individuals.
    """

    inbreeding: float
    coancestry: float


def heterozygosity_selfing(h_pool: float, n: int, generations: int) -> Heterozygosity:
    """Mean heterozygosity if both parents are drawn with replacement. Exact.

    An individual is its own mate with probability 1/n. Expected heterozygosity is h_pool (1 -
    1/(2n))^(t + 1), observed heterozygosity h_pool (1 - 1/(2n))^t. Generation 0 has already been
    drawn.

    Source: Wright 1931, Genetics 16:97; Crow and Kimura 1970, chapter 7.

    Parameters
    ----------
    h_pool : float
        Heterozygosity 2p(1 - p) of the founding gamete pool, in [0, 1].
    n : int
        Number of diploid individuals.
    generations : int
        Number of generations.

    Returns
    -------
    Heterozygosity
        Expected and observed heterozygosity.

    Raises
    ------
    ValueError
        If h_pool leaves [0, 1], n is below 1 or t below 0.
    """
    _check(h_pool, n, generations, 1)
    retained = 1.0 - 1.0 / (2.0 * n)
    return Heterozygosity(h_pool * retained ** (generations + 1), h_pool * retained**generations)


def kinship(same_parent: float, generations: int) -> Kinship:
    """Inbreeding and coancestry after some generations from unrelated founders. Exact.

    There is no selfing. The recursion is F' = theta and theta' = (1 - P) theta + P (1 + F)/2.

    Source: derived; see docs/population-genetics.md.

    Parameters
    ----------
    same_parent : float
        Probability P that genes of two different individuals come from one parent.
    generations : int
        Number of generations.

    Returns
    -------
    Kinship
        Inbreeding F and coancestry theta.

    Raises
    ------
    ValueError
        If P leaves [0, 1] or t is below 0.
    """
    require_unit("chance of the same parent", same_parent)
    require_count("generations", generations, 0)
    f = theta = 0.0
    for _ in range(generations):
        f, theta = theta, (1.0 - same_parent) * theta + same_parent * (1.0 + f) / 2.0
    return Kinship(f, theta)


def heterozygosity_no_selfing(h_pool: float, n: int, generations: int) -> Heterozygosity:
    """Mean heterozygosity of monoecious diploids with two different parents. Exact.

    Expected heterozygosity is h_pool (1 - [1/(2n) + F/(2n) + (1 - 1/n) theta]), observed
    heterozygosity h_pool (1 - F), with `kinship` at P = 1/n. Both decay like 1 - 1/(2n + 1).

    Source: derived; see docs/population-genetics.md.

    Parameters
    ----------
    h_pool : float
        Heterozygosity 2p(1 - p) of the founding gamete pool, in [0, 1].
    n : int
        Number of diploid individuals.
    generations : int
        Number of generations.

    Returns
    -------
    Heterozygosity
        Expected and observed heterozygosity.

    Raises
    ------
    ValueError
        If h_pool leaves [0, 1], n is below 2 or t below 0.
    """
    _check(h_pool, n, generations, 2)
    return _heterozygosity(h_pool, n, kinship(1.0 / n, generations))


def heterozygosity_two_sexes(
    h_pool: float, females: int, males: int, generations: int
) -> Heterozygosity:
    """Mean heterozygosity of females and males together. Exact.

    Each child has a random mother and a random father. The formulas are those without selfing, with
    `kinship` at P = 1/(4Nf) + 1/(4Nm).

    Source: derived; see docs/population-genetics.md.

    Parameters
    ----------
    h_pool : float
        Heterozygosity 2p(1 - p) of the founding gamete pool, in [0, 1].
    females : int
        Number of females.
    males : int
        Number of males.
    generations : int
        Number of generations.

    Returns
    -------
    Heterozygosity
        Expected and observed heterozygosity.

    Raises
    ------
    ValueError
        If h_pool leaves [0, 1], a sex is empty or t is below 0.
    """
    require_count("females", females, 1)
    require_count("males", males, 1)
    _check(h_pool, females + males, generations, 2)
    return _heterozygosity(
        h_pool, females + males, kinship(1.0 / effective_size_sexes(females, males), generations)
    )


def decay_no_selfing(same_parent: float) -> float:
    """Factor by which heterozygosity finally shrinks per generation without selfing.

    The factor is the larger root of x^2 - (1 - P) x - P/2 = 0, near 1 - P / (2 + P). With P = 1/n
    this is 1 - 1/(2n + 1). With random selfing the factor is 1 - 1/(2n).

    Source: derived; see docs/population-genetics.md.

    Parameters
    ----------
    same_parent : float
        Probability P that genes of two different individuals come from one parent.

    Returns
    -------
    float
        Factor per generation, in [0, 1].

    Raises
    ------
    ValueError
        If P leaves [0, 1].
    """
    require_unit("chance of the same parent", same_parent)
    fresh = 1.0 - same_parent
    return (fresh + math.sqrt(fresh * fresh + 2.0 * same_parent)) / 2.0


def effective_size_sexes(females: int, males: int) -> float:
    """Effective size of a population with two sexes: 1/Ne = 1/(4Nf) + 1/(4Nm).

    It is exactly the inverse of the probability that genes of two individuals come from one parent.
    As a rate of drift it is the limit of many individuals.

    Source: Wright 1931, Genetics 16:97.

    Parameters
    ----------
    females : int
        Number of females.
    males : int
        Number of males.

    Returns
    -------
    float
        Effective size, in individuals.

    Raises
    ------
    ValueError
        If a sex is empty.
    """
    require_count("females", females, 1)
    require_count("males", males, 1)
    return 4.0 * females * males / (females + males)


def effective_size(n: int, gamete_variance: float) -> float:
    """Effective size from the variance of gametes per parent: (4n - 2) / (Vk + 2).

    The n parents give 2n gametes that unite at random. Vk has divisor n. Its expectation under
    Wright-Fisher, 2 - 2/n, gives the size n.

    Source: Crow and Kimura 1970, chapter 7.

    Parameters
    ----------
    n : int
        Number of diploid individuals.
    gamete_variance : float
        Variance Vk of the number of gametes per parent.

    Returns
    -------
    float
        Effective size, in individuals.

    Raises
    ------
    ValueError
        If n is below 1 or the variance below 0.
    """
    require_count("n", n, 1)
    if not gamete_variance >= 0.0:
        raise ValueError(f"variance of gametes must be at least 0, but is {gamete_variance}.")
    return (4.0 * n - 2.0) / (gamete_variance + 2.0)


def fixation_haploid(n: int, fitness: float, copies: int) -> float:
    """Fixation probability of an allele among n haploids. Exact.

    The function solves the absorbing Wright-Fisher chain.

    Source: Wright 1931, Genetics 16:97; Ewens 2004, Mathematical Population Genetics, chapter 3.

    Parameters
    ----------
    n : int
        Number of haploid individuals.
    fitness : float
        Fitness of the allele; the other allele has 1.
    copies : int
        Number of copies in generation 0.

    Returns
    -------
    float
        Probability.

    Raises
    ------
    ValueError
        If n is below 1, fitness is negative, or copies are not in 0..n.
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
    """Fixation probability among n haploids from frequency p0, by a diffusion approximation.

    The probability is (1 - exp(-2 n s p0)) / (1 - exp(-2 n s)), with fitness 1 + s against 1. It is
    p0 for a neutral allele.

    Source: Kimura 1962, Genetics 47:713.

    Parameters
    ----------
    n : float
        Number of haploid individuals.
    s : float
        Advantage of the allele.
    p0 : float
        Frequency in generation 0, in [0, 1].

    Returns
    -------
    float
        Probability.

    Raises
    ------
    ValueError
        If p0 leaves [0, 1] or n is not above 0.
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
    """Mean frequency of an allele among n haploids after some generations. Exact.

    Each founder has the allele with probability 1/2. The chain is one of binomial draws without
    mutation (Wright 1931). Generation 0 has been drawn, so there are `generations - 1` steps.

    Parameters
    ----------
    n : int
        Number of haploid individuals.
    fitness : float
        Fitness of the allele; the other allele has 1.
    generations : int
        Number of generations.

    Returns
    -------
    float
        Mean frequency, in [0, 1].

    Raises
    ------
    ValueError
        If n or generations are below 1, or fitness is negative.
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

    The formula is exact for n diploids with random selfing.

    Source: Wright 1931, Genetics 16:97.

    Parameters
    ----------
    p : float
        Frequency of the allele now, in [0, 1].
    n : float
        Number of diploid individuals.

    Returns
    -------
    float
        Variance.

    Raises
    ------
    ValueError
        If p leaves [0, 1] or n is not above 0.
    """
    require_unit("frequency p", p)
    require_positive("n", n)
    return p * (1.0 - p) / (2.0 * n)


def frequency_variance(p: float, n: int, generations: int) -> float:
    """Variance among replicates after t steps from frequency p, with random selfing. Exact.

    The variance is p(1 - p) [1 - (1 - 1/(2n))^t].

    Source: Wright 1931, Genetics 16:97.

    Parameters
    ----------
    p : float
        Frequency in generation 0, in [0, 1].
    n : int
        Number of diploid individuals.
    generations : int
        Number of generations.

    Returns
    -------
    float
        Variance.

    Raises
    ------
    ValueError
        If p leaves [0, 1], n is below 1 or t is below 0.
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
