"""Meiotic drive at one locus: recursions and equilibria, in one and in two sexes.

The driver D has frequency q, its wild-type allele p = 1 - q. A heterozygote puts D into a share k
of its gametes, the *transmission ratio*; Mendel is k = 1/2. Fitness is 1 without D, a = 1 - hs with
one copy and b = 1 - s with two. Here s is the *cost* (negative for an advantage) and h its
*dominance*. Frequencies, ratios and fitnesses have no unit, and time is in generations.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

from evosim.theory import require_count, require_survivors, require_unit

Stability = Literal["interior stable", "threshold", "fixes", "lost", "neutral"]

_ZERO = 1e-13  # invasion conditions within this distance of zero are rounding errors


class Equilibrium(NamedTuple):
    """Equilibrium of a driver.

    Attributes
    ----------
    frequency : float
        q*. For a threshold, the unstable point between loss and fixation. NaN if neutral.
    mean_fitness : float
        Mean fitness of newborns at q*.
    stability : str
        `interior stable`. `threshold`: D fixes above q* and is lost below. `fixes` and `lost`:
        from any frequency. `neutral`: no frequency changes.
    """

    frequency: float
    mean_fitness: float
    stability: Stability


class SexEquilibrium(NamedTuple):
    """Equilibrium of a recessive lethal driver whose transmission differs between the sexes.

    Attributes
    ----------
    heterozygotes : float
        Share of heterozygotes among adults.
    sperm, eggs : float
        Frequency of D in sperm and in eggs.
    newborn, adult : float
        Frequency of D in newborns and in adults.
    mean_fitness : float
        Share of newborns that survive.
    """

    heterozygotes: float
    sperm: float
    eggs: float
    newborn: float
    adult: float
    mean_fitness: float


def fitnesses(h: float, s: float) -> tuple[float, float]:
    """Fitness (a, b) = (1 - hs, 1 - s) of one and of two copies of D.

    Parameters
    ----------
    h : float
        Dominance of the cost.
    s : float
        Cost of two copies; negative for an advantage.

    Returns
    -------
    tuple of float
        Fitness a and b relative to the wild type.

    Raises
    ------
    ValueError
        If either is below 0.
    """
    a, b = 1.0 - h * s, 1.0 - s
    if not (math.isfinite(a) and math.isfinite(b) and a >= 0.0 and b >= 0.0):
        raise ValueError(
            f"fitnesses 1 - hs and 1 - s must be finite and at least 0, but are {a} and {b}."
        )
    return a, b


def mean_fitness(q: float, h: float, s: float) -> float:
    """Mean fitness of newborns, p^2 + 2pqa + q^2 b.

    Parameters
    ----------
    q : float
        Frequency of the allele, in [0, 1].
    h : float
        Dominance of the cost.
    s : float
        Cost of two copies; negative for an advantage.

    Returns
    -------
    float
        Mean fitness relative to the wild type.

    Raises
    ------
    ValueError
        If q leaves [0, 1] or a fitness is below 0.
    """
    require_unit("frequency q", q)
    a, b = fitnesses(h, s)
    return (1.0 - q) ** 2 + 2.0 * q * (1.0 - q) * a + q * q * b


def next_frequency(q: float, k: float, h: float, s: float) -> float:
    """Frequency of D in the next gamete pool, with equal transmission in both sexes.

    The frequency is (q^2 b + 2pqak) / (p^2 + 2pqa + q^2 b).

    Source: derived; see docs/population-genetics.md.

    Parameters
    ----------
    q : float
        Frequency of the allele, in [0, 1].
    k : float
        Transmission ratio of a heterozygote, in [0, 1].
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
        If q or k leaves [0, 1], a fitness is below 0, or no individual survives.
    """
    require_unit("transmission ratio k", k)
    a, b = fitnesses(h, s)
    w = require_survivors(mean_fitness(q, h, s))
    return (q * q * b + 2.0 * q * (1.0 - q) * a * k) / w


def early_frequency(q0: float, k: float, h: float, s: float, generations: int) -> float:
    """Frequency of a rare driver after some generations: q0 (2ka)^t.

    The formula is valid while the frequency is far below 1.

    Source: derived; see docs/population-genetics.md.

    Parameters
    ----------
    q0 : float
        Frequency in generation 0, in [0, 1].
    k : float
        Transmission ratio of a heterozygote, in [0, 1].
    h : float
        Dominance of the cost.
    s : float
        Cost of two copies; negative for an advantage.
    generations : int
        Number of generations.

    Returns
    -------
    float
        Frequency.

    Raises
    ------
    ValueError
        As for `next_frequency`.
    """
    require_unit("frequency q0", q0)
    require_unit("transmission ratio k", k)
    require_count("generations", generations, 0)
    return q0 * (2.0 * k * fitnesses(h, s)[0]) ** generations


def equilibrium(k: float, h: float, s: float) -> Equilibrium:
    """Equilibrium of a driver, and its stability.

    The equilibrium is q* = (2k(1 - hs) - 1) / (s(1 - 2h)) if 0 < q* < 1, otherwise fixation or
    loss.

    The change of q in a generation has the sign of a line in q. At q = 0 the line is 2ka - 1: D
    invades if this is positive. At q = 1 it is b - 2(1 - k)a: fixation is stable if this is
    positive. The two signs decide.

    Source: derived; see docs/population-genetics.md.

    Parameters
    ----------
    k : float
        Transmission ratio of a heterozygote, in [0, 1].
    h : float
        Dominance of the cost.
    s : float
        Cost of two copies; negative for an advantage.

    Returns
    -------
    Equilibrium
        Frequency, mean fitness and stability.

    Raises
    ------
    ValueError
        If k leaves [0, 1] or a fitness is below 0.
    """
    require_unit("transmission ratio k", k)
    a, b = fitnesses(h, s)
    rare, common = _ends(k, a, b)
    if rare == 0.0 and common == 0.0:
        return Equilibrium(math.nan, 1.0, "neutral")
    if rare >= 0.0 and common >= 0.0:
        return Equilibrium(1.0, b, "fixes")
    if rare <= 0.0 and common <= 0.0:
        return Equilibrium(0.0, 1.0, "lost")
    q = rare / (rare - common)
    return Equilibrium(
        q, q * b + 2.0 * (1.0 - q) * a * k, "interior stable" if rare > 0.0 else "threshold"
    )


def stable_interior(k: float, h: float, s: float) -> Equilibrium:
    """The stable interior equilibrium of a driver; see `equilibrium`.

    Parameters
    ----------
    k : float
        Transmission ratio of a heterozygote, in [0, 1].
    h : float
        Dominance of the cost.
    s : float
        Cost of two copies; negative for an advantage.

    Returns
    -------
    Equilibrium
        Frequency, mean fitness and stability.

    Raises
    ------
    ValueError
        As for `equilibrium`, or if there is no such equilibrium.
    """
    result = equilibrium(k, h, s)
    if result.stability != "interior stable":
        raise ValueError(
            f"the driver must settle inside (0, 1), but with k={k}, h={h}, s={s} it is"
            f" {result.stability}."
        )
    return result


def slope(k: float, h: float, s: float) -> float:
    """Slope dq'/dq at an interior equilibrium: 1 + pq(1 + b - 2a) / W.

    A small deviation shrinks by this factor per generation. For a recessive lethal the slope is
    1/(2k).

    Source: derived; see docs/population-genetics.md.

    Parameters
    ----------
    k : float
        Transmission ratio of a heterozygote, in [0, 1].
    h : float
        Dominance of the cost.
    s : float
        Cost of two copies; negative for an advantage.

    Returns
    -------
    float
        Slope.

    Raises
    ------
    ValueError
        If there is no interior equilibrium.
    """
    q, w, stability = equilibrium(k, h, s)
    if stability not in ("interior stable", "threshold"):
        raise ValueError(
            f"no equilibrium lies inside (0, 1): with k={k}, h={h}, s={s} the driver is"
            f" {stability}."
        )
    a, b = fitnesses(h, s)
    return 1.0 + q * (1.0 - q) * (1.0 + b - 2.0 * a) / w


def next_by_sex(
    sperm: float, eggs: float, k_female: float, k_male: float, h: float, s: float
) -> tuple[float, float]:
    """Frequency of D in the next sperm and eggs, with different transmission in the sexes.

    Frequencies are x in sperm and y in eggs. Let `H = x(1 - y) + y(1 - x)` and `W = (1 - x)(1 - y)
    + aH + bxy`. Then `x' = (bxy + a k_male H) / W` and `y' = (bxy + a k_female H) / W`.

    Source: derived; see docs/population-genetics.md.

    Parameters
    ----------
    sperm : float
        Frequency of D in sperm.
    eggs : float
        Frequency of D in eggs.
    k_female : float
        Transmission ratio of females, in [0, 1].
    k_male : float
        Transmission ratio of males, in [0, 1].
    h : float
        Dominance of the cost.
    s : float
        Cost of two copies; negative for an advantage.

    Returns
    -------
    tuple of float
        Frequency in sperm and in eggs.

    Raises
    ------
    ValueError
        If a frequency or ratio leaves [0, 1], a fitness is below 0, or no individual survives.
    """
    require_unit("transmission ratio k_female", k_female)
    require_unit("transmission ratio k_male", k_male)
    hets, homs, w = _after_selection(sperm, eggs, h, s)
    return (homs + k_male * hets) / w, (homs + k_female * hets) / w


def invades_by_sex(k_female: float, k_male: float, h: float, s: float) -> bool:
    """Whether a rare driver spreads: a(k_female + k_male) > 1.

    Source: derived; see docs/population-genetics.md.

    Parameters
    ----------
    k_female : float
        Transmission ratio of females, in [0, 1].
    k_male : float
        Transmission ratio of males, in [0, 1].
    h : float
        Dominance of the cost.
    s : float
        Cost of two copies; negative for an advantage.

    Returns
    -------
    bool
        True if the driver spreads.

    Raises
    ------
    ValueError
        As for `next_by_sex`.
    """
    require_unit("transmission ratio k_female", k_female)
    require_unit("transmission ratio k_male", k_male)
    return fitnesses(h, s)[0] * (k_female + k_male) > 1.0


def lethal_by_sex(k_female: float, k_male: float) -> SexEquilibrium:
    """Equilibrium of a recessive lethal driver (h = 0, s = 1) with different transmission.

    Heterozygotes among adults are 1 - sqrt(1 - (k_female + k_male - 1) / (k_female k_male)). If
    k_female + k_male <= 1, all frequencies are 0 and fitness is 1.

    Source: derived; see docs/population-genetics.md.

    Parameters
    ----------
    k_female : float
        Transmission ratio of females, in [0, 1].
    k_male : float
        Transmission ratio of males, in [0, 1].

    Returns
    -------
    SexEquilibrium
        Frequencies and mean fitness.

    Raises
    ------
    ValueError
        If a ratio leaves [0, 1].
    """
    require_unit("transmission ratio k_female", k_female)
    require_unit("transmission ratio k_male", k_male)
    if k_female + k_male <= 1.0:
        return SexEquilibrium(0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    hets = 1.0 - math.sqrt((1.0 - k_female) * (1.0 - k_male) / (k_female * k_male))
    sperm, eggs = k_male * hets, k_female * hets
    return SexEquilibrium(hets, sperm, eggs, (sperm + eggs) / 2.0, hets / 2.0, 1.0 - sperm * eggs)


def bruck(k_male: float) -> float:
    """Adult frequency of a recessive lethal with drive in males only.

    The frequency is 1/2 - sqrt(m(1 - m)) / (2m) with m = k_male.

    Source: Bruck 1957, PNAS 43:152.

    Parameters
    ----------
    k_male : float
        Transmission ratio of males, in [0, 1].

    Returns
    -------
    float
        Frequency, in [0, 1/2].

    Raises
    ------
    ValueError
        If m leaves [1/2, 1].
    """
    if not 0.5 <= k_male <= 1.0:
        raise ValueError(f"transmission ratio k_male must lie in [1/2, 1], but is {k_male}.")
    return 0.5 - math.sqrt(k_male * (1.0 - k_male)) / (2.0 * k_male)


def newborn_frequency(sperm: float, eggs: float) -> float:
    """Frequency of D in newborns: (x + y)/2, with x in sperm and y in eggs.

    Parameters
    ----------
    sperm : float
        Frequency of D in sperm.
    eggs : float
        Frequency of D in eggs.

    Returns
    -------
    float
        Frequency, in [0, 1].

    Raises
    ------
    ValueError
        If a frequency leaves [0, 1].
    """
    require_unit("frequency in sperm", sperm)
    require_unit("frequency in eggs", eggs)
    return (sperm + eggs) / 2.0


def adult_frequency(sperm: float, eggs: float, h: float, s: float) -> float:
    """Frequency of D in adults, after selection: (bxy + aH/2) / W; see `next_by_sex`.

    Parameters
    ----------
    sperm : float
        Frequency of D in sperm.
    eggs : float
        Frequency of D in eggs.
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
        As for `next_by_sex`.
    """
    hets, homs, w = _after_selection(sperm, eggs, h, s)
    return (homs + hets / 2.0) / w


def adult_from_newborn(q: float, h: float, s: float) -> float:
    """Frequency of D in adults of newborns in Hardy-Weinberg proportions: (q^2 b + pqa) / W.

    Parameters
    ----------
    q : float
        Frequency of D in newborns, in [0, 1].
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
        As for `adult_frequency`.
    """
    return adult_frequency(q, q, h, s)


def newborn_from_adult(q_adult: float, h: float, s: float) -> float:
    """Frequency of D in newborns in Hardy-Weinberg proportions, from that in their adults.

    The function inverts `adult_from_newborn`.

    Source: derived; see docs/population-genetics.md.

    Parameters
    ----------
    q_adult : float
        Frequency of D in adults.
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
        If `q_adult` leaves [0, 1], a fitness is below 0, or no newborns have such adults. Adults of
        a recessive lethal have at most 1/2.
    """
    require_unit("frequency q_adult", q_adult)
    a, b = fitnesses(h, s)
    square = q_adult * (1.0 - 2.0 * a + b) - (b - a)
    linear = q_adult * (2.0 * a - 2.0) - a
    root = linear * linear - 4.0 * square * q_adult
    below = -linear + math.sqrt(max(root, 0.0))
    q = 2.0 * q_adult / below if below > 0.0 else 0.0
    if root < -1e-12 or not q <= 1.0 + 1e-9:
        raise ValueError(f"no newborns leave adults at {q_adult} with h={h}, s={s}.")
    q = min(q, 1.0)
    if mean_fitness(q, h, s) <= 0.0 or abs(adult_from_newborn(q, h, s) - q_adult) > 1e-9:
        raise ValueError(f"no newborns leave adults at {q_adult} with h={h}, s={s}.")
    return q


def _ends(k: float, a: float, b: float) -> tuple[float, float]:
    rare, common = 2.0 * k * a - 1.0, b - 2.0 * (1.0 - k) * a
    return (0.0 if abs(rare) < _ZERO else rare), (0.0 if abs(common) < _ZERO else common)


def _after_selection(sperm: float, eggs: float, h: float, s: float) -> tuple[float, float, float]:
    require_unit("frequency in sperm", sperm)
    require_unit("frequency in eggs", eggs)
    a, b = fitnesses(h, s)
    hets = a * (sperm * (1.0 - eggs) + eggs * (1.0 - sperm))
    homs = b * sperm * eggs
    return hets, homs, require_survivors((1.0 - sperm) * (1.0 - eggs) + hets + homs)
