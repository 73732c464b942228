"""The Price equation of an allele's frequency, and the expectations of its terms.

Terms are in units of frequency. Mutation has rate u towards the allele and v back, per copy and
generation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from evosim.theory import require_count, require_unit


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
