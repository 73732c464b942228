"""Mutation against selection, and mutation alone.

An allele at frequency q costs its heterozygote hs and its homozygote s. Mutation acts after
selection, at rate u towards the allele and v back (per copy and generation). Frequencies and
fitnesses have no unit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evosim.theory import require_count, require_survivors, require_unit

Floats = NDArray[np.float64]


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
    require_survivors(w)
    after = (p * q * (1.0 - h * s) + q * q * (1.0 - s)) / w
    return after + u * (1.0 - after)


def frequency(u: float, h: float, s: float) -> float:
    """Mutation-selection balance, exact.

    The frequency is the smaller positive root of s(1 - 2h) q^2 + hs(1 + u) q - u = 0. It is 1 if
    mutation overwhelms selection, so that there is no root up to 1. For h = 0 it is sqrt(u/s), for
    h = 1/2 it is 2u / (s(1 + u)). If hs is far above sqrt(us), it is near u/(hs).

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


def _check_cost(h: float, s: float) -> None:
    if not (0.0 < s <= 1.0 and h >= 0.0 and h * s <= 1.0):
        raise ValueError(
            f"cost s must lie in (0, 1], h must be at least 0, hs at most 1; got s={s}, h={h}."
        )
