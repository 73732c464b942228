"""Mutation against selection, mutation alone, and the Price equation of an allele's frequency.

An allele at frequency q costs its heterozygote hs and its homozygote s. Mutation acts after
selection, at rate u towards the allele and v back (per copy and generation). Frequencies and
fitnesses have no unit, and `n` counts diploid individuals.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evosim.theory import require_count, require_unit

Floats = NDArray[np.float64]


class Price(NamedTuple):
    """Terms of the change of an allele's frequency from parents to children.

    The three terms add up to the change, exactly.

    Attributes
    ----------
    selection : float
        Covariance of a parent's number of gametes with its dosage, over the mean number.
    segregation : float
        Deviation from Mendel's 1/2, by drive or by chance.
    mutation : float
        Mutated gametes.
    """

    selection: float
    segregation: float
    mutation: float


class Expected(NamedTuple):
    """Mean and standard error of a quantity, given the parents."""

    mean: float
    se: float


def next_frequency(q: float, u: float, h: float, s: float) -> float:
    """Frequency in the next gamete pool, after selection, fair meiosis and mutation.

    Mutation has rate u towards the allele.

    Source: derived; see docs/population-genetics.md.

    Parameters
    ----------
    q : float
        Frequency of the allele, in [0, 1].
    u : float
        Mutation rate towards the allele, per copy and generation.
    h : float
        Dominance of the cost.
    s : float
        Cost of two copies; negative for an advantage.

    Returns
    -------
    float
        Frequency, in [0, 1].

    Raises
    ------
    ValueError
        If q or u leaves [0, 1], a fitness is below 0, or no individual survives.
    """
    require_unit("frequency q", q)
    require_unit("mutation rate u", u)
    _check_cost(h, s)
    p = 1.0 - q
    w = 1.0 - 2.0 * p * q * h * s - q * q * s
    if w <= 0.0:
        raise ValueError("some individual must survive, but every fitness is 0. Lower the cost.")
    after = (p * q * (1.0 - h * s) + q * q * (1.0 - s)) / w
    return after + u * (1.0 - after)


def frequency(u: float, h: float, s: float) -> float:
    """Mutation-selection balance, exact.

    The frequency is the smaller positive root of s(1 - 2h) q^2 + hs(1 + u) q - u = 0. It is 1 if
    mutation overwhelms selection, so that there is no root up to 1. For h = 0 it is sqrt(u/s), for
    h = 1/2 2u / (s(1 + u)), and near u/(hs) if hs is far above sqrt(us).

    Source: derived; see docs/population-genetics.md; the approximations are Haldane 1937.

    Parameters
    ----------
    u : float
        Mutation rate towards the allele, per copy and generation.
    h : float
        Dominance of the cost.
    s : float
        Cost of two copies; negative for an advantage.

    Returns
    -------
    float
        Frequency, in [0, 1].

    Raises
    ------
    ValueError
        If u leaves [0, 1], s leaves (0, 1], or h is below 0 or hs above 1.
    """
    require_unit("mutation rate u", u)
    _check_cost(h, s)
    linear = h * s * (1.0 + u)
    root = linear * linear + 4.0 * s * (1.0 - 2.0 * h) * u
    if u == 0.0:
        return 0.0
    return min(2.0 * u / (linear + math.sqrt(root)), 1.0) if root >= 0.0 else 1.0


def mean_fitness(u: float, h: float, s: float) -> float:
    """Mean fitness at the balance, exact: (1 - u)(1 - hsq).

    It is 1 - s if the allele has fixed.

    Source: derived; see docs/population-genetics.md.

    Parameters
    ----------
    u : float
        Mutation rate towards the allele, per copy and generation.
    h : float
        Dominance of the cost.
    s : float
        Cost of two copies; negative for an advantage.

    Returns
    -------
    float
        Mean fitness relative to an individual without the allele.

    Raises
    ------
    ValueError
        As for `frequency`.
    """
    q = frequency(u, h, s)
    return (1.0 - u) * (1.0 - h * s * q) if q < 1.0 else 1.0 - s


def load(u: float, h: float, s: float) -> float:
    """Mutation load 1 - mean fitness.

    The load is u for a complete recessive. It tends to 2u once hs is far above sqrt(us), for any s.

    Source: Haldane 1937, American Naturalist 71:337.

    Parameters
    ----------
    u : float
        Mutation rate towards the allele, per copy and generation.
    h : float
        Dominance of the cost.
    s : float
        Cost of two copies; negative for an advantage.

    Returns
    -------
    float
        Load, in [0, 1].

    Raises
    ------
    ValueError
        As for `frequency`.
    """
    return 1.0 - mean_fitness(u, h, s)


def mean_fitness_many(loci: Sequence[tuple[float, float, float]]) -> float:
    """Mean fitness of several loci with multiplicative fitness, in linkage equilibrium.

    It is the product over loci, near exp(-2 sum u).

    Source: Haldane 1937, American Naturalist 71:337.

    Parameters
    ----------
    loci : sequence of tuple
        (u, h, s) of each locus.

    Returns
    -------
    float
        Mean fitness relative to an individual without the alleles.

    Raises
    ------
    ValueError
        As for `frequency`.
    """
    return math.prod(mean_fitness(u, h, s) for u, h, s in loci)


def two_way(u: float, v: float) -> float:
    """Neutral balance of mutation in both directions: u / (u + v).

    Source: Wright 1931, Genetics 16:97.

    Parameters
    ----------
    u : float
        Mutation rate towards the allele, per copy and generation.
    v : float
        Mutation rate back, per copy and generation.

    Returns
    -------
    float
        Frequency, in [0, 1].

    Raises
    ------
    ValueError
        If a rate leaves [0, 1] or both are 0.
    """
    require_unit("mutation rate u", u)
    require_unit("mutation rate v", v)
    if u + v == 0.0:
        raise ValueError("mutation rates u and v must not both be 0.")
    return u / (u + v)


def two_way_approach(q0: float, u: float, v: float, generations: int) -> float:
    """Expected frequency after t generations of mutation in both directions.

    The frequency is q* + (q0 - q*)(1 - u - v)^t, without selection. The formula also holds with
    drift.

    Source: Wright 1931, Genetics 16:97.

    Parameters
    ----------
    q0 : float
        Frequency in generation 0, in [0, 1].
    u : float
        Mutation rate towards the allele, per copy and generation.
    v : float
        Mutation rate back, per copy and generation.
    generations : int
        Number of generations.

    Returns
    -------
    float
        Expected frequency, in [0, 1].

    Raises
    ------
    ValueError
        As for `two_way`, or if q0 leaves [0, 1] or t is below 0.
    """
    require_unit("frequency q0", q0)
    require_count("generations", generations, 0)
    rest = two_way(u, v)
    return rest + (q0 - rest) * (1.0 - u - v) ** generations


def stepwise(alleles: int, u: float) -> Floats:
    """Transition probabilities of stepwise mutation along an ordered list of alleles.

    With probability u an allele moves to a neighbour, up or down alike. A step beyond an end does
    not happen.

    Source: Ohta and Kimura 1973, Genetical Research 22:201, with ends.

    Parameters
    ----------
    alleles : int
        Number of alleles.
    u : float
        Mutation rate per copy and generation.

    Returns
    -------
    numpy.ndarray
        `[n, n]` probability that an allele (row) becomes another (column) in one generation.

    Raises
    ------
    ValueError
        If there is no allele or u leaves [0, 1].
    """
    require_count("alleles", alleles, 1)
    require_unit("mutation rate u", u)
    out = np.zeros((alleles, alleles))
    here = np.arange(alleles)
    out[here[:-1], here[1:]] = out[here[1:], here[:-1]] = u / 2.0
    out[here, here] = 1.0 - out.sum(axis=1)
    return out


def stepwise_mean(start: int, alleles: int, u: float, generations: int) -> float:
    """Mean index of the allele after t generations of stepwise mutation.

    The mean tends to (n - 1)/2.

    Source: derived; see docs/population-genetics.md.

    Parameters
    ----------
    start : int
        Index of the first allele.
    alleles : int
        Number of alleles.
    u : float
        Mutation rate per copy and generation.
    generations : int
        Number of generations.

    Returns
    -------
    float
        Mean index, from 0.

    Raises
    ------
    ValueError
        As for `stepwise`, or if `start` is no index of the list or t is below 0.
    """
    require_count("start", start, 0)
    require_count("generations", generations, 0)
    if start >= alleles:
        raise ValueError(f"start must be below the number of alleles, {alleles}, but is {start}.")
    return float(
        np.linalg.matrix_power(stepwise(alleles, u), generations)[start] @ np.arange(alleles)
    )


def price(dosages: ArrayLike, parents: ArrayLike, meiosis: ArrayLike, gametes: ArrayLike) -> Price:
    """Split the change of an allele's frequency into selection, segregation and mutation.

    The terms add up to the change, to rounding.

    Source: Price 1970, Nature 227:520; the split is derived, see docs/population-genetics.md.

    Parameters
    ----------
    dosages : array_like
        `[n]` copies of the allele (0, 1, 2) in each parent.
    parents : array_like
        `[g]` parent of each gamete that made a child.
    meiosis : array_like
        `[g]` 1 if the gamete carried the allele before mutation, else 0.
    gametes : array_like
        The same after mutation.

    Returns
    -------
    Price
        The three terms, in units of frequency.

    Raises
    ------
    ValueError
        If the arrays do not fit or there is no gamete.
    """
    g = np.asarray(dosages, dtype=np.float64) / 2.0
    who = np.asarray(parents, dtype=np.int64)
    before, after = np.asarray(meiosis, dtype=np.float64), np.asarray(gametes, dtype=np.float64)
    if who.ndim != 1 or not who.size or who.shape != before.shape or who.shape != after.shape:
        raise ValueError(
            "parents, meiosis and gametes must hold one value a gamete, and at least one."
        )
    if g.ndim != 1 or who.min() < 0 or who.max() >= g.size:
        raise ValueError(f"parents must be indices of the {g.size} dosages.")
    children = np.bincount(who, minlength=g.size)
    selection = float(np.mean((children - children.mean()) * (g - g.mean())) / children.mean())
    return Price(selection, float((before - g[who]).mean()), float((after - before).mean()))


def trait_change(effects: Sequence[float], terms: Sequence[Price]) -> Price:
    """Price terms of the mean of an additive trait.

    The trait is the sum over loci of effect times dosage. Each term is the sum over loci of 2
    effect times the term of the allele frequency.

    Source: derived; see docs/population-genetics.md.

    Parameters
    ----------
    effects : sequence of float
        Effect of one copy at each locus.
    terms : sequence of Price
        Price terms of the allele frequency at each locus.

    Returns
    -------
    Price
        The three terms, in the unit of the trait.

    Raises
    ------
    ValueError
        If there is not one effect a locus.
    """
    if len(effects) != len(terms):
        raise ValueError(
            f"there must be one effect a locus, but there are {len(effects)} for {len(terms)} loci."
        )
    pairs = list(zip(effects, terms, strict=True))
    return Price(
        sum(2.0 * effect * term.selection for effect, term in pairs),
        sum(2.0 * effect * term.segregation for effect, term in pairs),
        sum(2.0 * effect * term.mutation for effect, term in pairs),
    )


def expected_selection(dosages: ArrayLike, w: ArrayLike) -> Expected:
    """Selection term of 2n gametes of n parents drawn in proportion to fitness, given the parents.

    Its mean is sum(wg)/sum(w) - mean(g), with g = dosage/2. Its error is the weighted deviation of
    g over sqrt(2n).

    Source: derived; see docs/population-genetics.md.

    Parameters
    ----------
    dosages : array_like
        `[n]` copies of the allele (0, 1, 2) in each parent.
    w : array_like
        `[n]` fitness of each parent.

    Returns
    -------
    Expected
        Mean and standard error, in units of frequency.

    Raises
    ------
    ValueError
        If the arrays do not fit, a fitness is below 0, or all are 0.
    """
    g, weight = np.asarray(dosages, dtype=np.float64) / 2.0, np.asarray(w, dtype=np.float64)
    if (
        g.shape != weight.shape
        or g.ndim != 1
        or not (weight >= 0.0).all()
        or not weight.sum() > 0.0
    ):
        raise ValueError("w must hold one fitness a parent, none below 0 and not all 0.")
    weight = weight / weight.sum()
    mean = float(weight @ g)
    variance = float(weight @ (g - mean) ** 2)
    return Expected(mean - float(g.mean()), math.sqrt(variance / (2.0 * g.size)))


def expected_segregation(k: float, heterozygous: int, n: int) -> Expected:
    """Segregation term of n children, given the number of gametes from heterozygotes.

    Its mean is (k - 1/2) n_het / (2n), where n_het of the 2n gametes come from heterozygotes. Its
    error is sqrt(n_het k(1 - k)) / (2n). Under random mating without selection the mean is (2k -
    1)pq.

    Source: derived; see docs/population-genetics.md.

    Parameters
    ----------
    k : float
        Transmission ratio of a heterozygote, in [0, 1].
    heterozygous : int
        Number of gametes whose parent is heterozygous.
    n : int
        Number of children.

    Returns
    -------
    Expected
        Mean and standard error, in units of frequency.

    Raises
    ------
    ValueError
        If k leaves [0, 1], n is below 1 or n_het is not in 0 .. 2n.
    """
    require_unit("transmission ratio k", k)
    require_count("n", n, 1)
    require_count("gametes of heterozygotes", heterozygous, 0)
    if heterozygous > 2 * n:
        raise ValueError(
            f"gametes of heterozygotes must be at most 2n = {2 * n}, but are {heterozygous}."
        )
    return Expected(
        (k - 0.5) * heterozygous / (2.0 * n), math.sqrt(heterozygous * k * (1.0 - k)) / (2.0 * n)
    )


def expected_mutation(u: float, v: float, n0: int, n1: int) -> Expected:
    """Mutation term, given the gametes after meiosis.

    Its mean is (u n0 - v n1) / (n0 + n1). Its error is sqrt(n0 u(1 - u) + n1 v(1 - v)) / (n0 + n1).

    Source: derived; see docs/population-genetics.md.

    Parameters
    ----------
    u : float
        Mutation rate towards the allele, per copy and generation.
    v : float
        Mutation rate back, per copy and generation.
    n0 : int
        Number of gametes without the allele.
    n1 : int
        Number of gametes with the allele.

    Returns
    -------
    Expected
        Mean and standard error, in units of frequency.

    Raises
    ------
    ValueError
        If a rate leaves [0, 1], a count is below 0 or both are 0.
    """
    require_unit("mutation rate u", u)
    require_unit("mutation rate v", v)
    require_count("n0", n0, 0)
    require_count("n1", n1, 0)
    require_count("gametes", n0 + n1, 1)
    gametes = n0 + n1
    return Expected(
        (u * n0 - v * n1) / gametes, math.sqrt(n0 * u * (1.0 - u) + n1 * v * (1.0 - v)) / gametes
    )


def _check_cost(h: float, s: float) -> None:
    if not (0.0 < s <= 1.0 and h >= 0.0 and h * s <= 1.0):
        raise ValueError(
            f"cost s must lie in (0, 1], h be at least 0 and hs at most 1, but s={s} and h={h}."
        )
