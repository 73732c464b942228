"""Meiotic drive at one locus: recursions, equilibria, their fluctuation, and fixation.

The driver D has frequency q, its wild-type allele p = 1 - q. A heterozygote puts D into a share k
of its gametes, the *transmission ratio*; Mendel is k = 1/2. Fitness is 1 without D, a = 1 - hs with
one copy and b = 1 - s with two. Here s is the *cost* (negative for an advantage) and h its
*dominance*. Frequencies, ratios and fitnesses have no unit, time is in generations, and `n` counts
diploid individuals.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evosim.theory import require_count, require_positive, require_unit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Stability = Literal["interior stable", "threshold", "fixes", "lost", "neutral"]

MAX_CHAIN = 80  # individuals; the chain has (n + 1)(n + 2) / 2 states and is solved densely
_ZERO = 1e-13  # invasion conditions closer to zero than this are zero but for rounding


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


class Fluctuation(NamedTuple):
    """Stationary fluctuation about a stable interior equilibrium, to leading order in 1/n.

    Attributes
    ----------
    pool : float
        Variance of the expected frequency of D in the gamete pool.
    newborn : float
        Variance of the frequency of D in newborns.
    lag : float
        Correlation of the newborn frequencies of consecutive generations. Over t generations it is
        lag^t.
    """

    pool: float
    newborn: float
    lag: float


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
    w = _alive(mean_fitness(q, h, s))
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

    Frequencies are x in sperm and y in eggs. With H = x(1 - y) + y(1 - x) and W = (1 - x)(1 - y) +
    aH + bxy, x' = (bxy + a k_male H) / W and y' = (bxy + a k_female H) / W.

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
        If q_adult leaves [0, 1], a fitness is below 0, or no newborns have such adults (adults of a
        recessive lethal have at most 1/2).
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


def lethal_fluctuation(n: int, k: float) -> Fluctuation:
    """Fluctuation of a recessive lethal driver about its equilibrium g = 2k - 1, closed form.

    With H = 2g / (1 + g) and lag 1/(2k): Var(pool) = k^2 H(1 - H) / (n (1 - g^2)(1 - lag^2)).
    Newborns add g(1 - g) / (2n).

    Source: derived; see docs/population-genetics.md.

    Parameters
    ----------
    n : int
        Number of diploid individuals.
    k : float
        Transmission ratio of a heterozygote, in [0, 1].

    Returns
    -------
    Fluctuation
        Variances and lag.

    Raises
    ------
    ValueError
        If n < 1 or k leaves (1/2, 1).
    """
    require_count("n", n, 1)
    if not 0.5 < k < 1.0:
        raise ValueError(f"transmission ratio k must lie between 1/2 and 1, but is {k}.")
    g, lag = 2.0 * k - 1.0, 1.0 / (2.0 * k)
    hets = 2.0 * g / (1.0 + g)
    pool = k * k * hets * (1.0 - hets) / (n * (1.0 - g * g) * (1.0 - lag * lag))
    return Fluctuation(pool, pool + g * (1.0 - g) / (2.0 * n), lag)


def fluctuation(n: int, k: float, h: float, s: float) -> Fluctuation:
    """Fluctuation about a stable interior equilibrium, by linear noise; selfing allowed at 1/n.

    Newborns are n independent draws from Hardy-Weinberg proportions P_i at q*. In the linear
    approximation the next pool deviates by the mean over newborns of w_i (t_i - q*) / W. Here t =
    (0, k, 1) is the share of D among the gametes of each genotype. So one generation adds the
    variance V = sum P_i w_i^2 (t_i - q*)^2 / (n W^2), and Var(pool) = V / (1 - slope^2).

    Given the count of D in newborns, their genotypes carry no further information about their pool.
    So the newborn frequency is autoregressive of order one with the same slope.

    Source: derived; see docs/population-genetics.md.

    Parameters
    ----------
    n : int
        Number of diploid individuals.
    k : float
        Transmission ratio of a heterozygote, in [0, 1].
    h : float
        Dominance of the cost.
    s : float
        Cost of two copies; negative for an advantage.

    Returns
    -------
    Fluctuation
        Variances and lag.

    Raises
    ------
    ValueError
        If n < 1 or there is no stable interior equilibrium.
    """
    require_count("n", n, 1)
    q, w, _ = stable_interior(k, h, s)
    a, b = fitnesses(h, s)
    p, lag = 1.0 - q, slope(k, h, s)
    noise = (p * p * q * q + 2.0 * p * q * (a * (k - q)) ** 2 + q * q * (b * p) ** 2) / (n * w * w)
    pool = noise / (1.0 - lag * lag)
    return Fluctuation(pool, pool + p * q / (2.0 * n), lag)


def time_average_error(variance: float, lag: float, generations: int) -> float:
    """Standard error of a mean over many generations: sqrt(Var (1 + lag) / ((1 - lag) T)).

    The formula is valid for T far above 1/(1 - lag).

    Parameters
    ----------
    variance : float
        Variance of one generation.
    lag : float
        Correlation of consecutive generations.
    generations : int
        Number of generations.

    Returns
    -------
    float
        Standard error, in the unit of the mean.

    Raises
    ------
    ValueError
        If the variance is below 0, the lag is outside (-1, 1), or there is no generation.
    """
    require_count("generations", generations, 1)
    if not (variance >= 0.0 and -1.0 < lag < 1.0):
        raise ValueError(
            f"variance must be at least 0 and lag lie in (-1, 1), but they are {variance} and"
            f" {lag}."
        )
    return math.sqrt(variance * (1.0 + lag) / ((1.0 - lag) * generations))


def pool_frequency(counts: Sequence[float], w: Sequence[float], k: float) -> float:
    """Probability that a gamete carries D, given parents.

    The probability is (n2 w2 + n1 w1 k) / (n0 w0 + n1 w1 + n2 w2). The 2N gametes of the next
    generation carry D independently.

    Source: derived; see docs/population-genetics.md.

    Parameters
    ----------
    counts : sequence of float
        Parents (n0, n1, n2) with no, one and two copies of D.
    w : sequence of float
        Fitness with no, one and two copies of D.
    k : float
        Transmission ratio of a heterozygote, in [0, 1].

    Returns
    -------
    float
        Probability.

    Raises
    ------
    ValueError
        If a number is negative, k leaves [0, 1], or all weights are 0.
    """
    require_unit("transmission ratio k", k)
    for name, triple in (("counts", counts), ("fitnesses w", w)):
        if len(triple) != 3 or not all(math.isfinite(value) and value >= 0.0 for value in triple):
            raise ValueError(
                f"{name} must be three finite numbers of at least 0, but are {list(triple)}."
            )
    n0, n1, n2 = (count * weight for count, weight in zip(counts, w, strict=True))
    return (n2 + n1 * k) / _alive(n0 + n1 + n2)


def genotype_chain(n: int, w: Sequence[float], k: float) -> tuple[Ints, Floats]:
    """Exact Markov chain of the genotype counts of n diploids.

    Given its parents, a generation is multinomial in Hardy-Weinberg proportions of
    `pool_frequency`, with selfing. The first state is loss, the last is fixation; both absorb.

    Source: derived; see docs/population-genetics.md.

    Parameters
    ----------
    n : int
        Number of diploid individuals.
    w : sequence of float
        Fitness with no, one and two copies of D.
    k : float
        Transmission ratio of a heterozygote, in [0, 1].

    Returns
    -------
    tuple of numpy.ndarray
        States `[S, 2]` (heterozygotes, homozygotes of D) and transitions `[S, S]`.

    Raises
    ------
    ValueError
        If n leaves 1 .. 80, k leaves [0, 1], or w is not (> 0, > 0, >= 0).
    """
    require_count("n", n, 1)
    if n > MAX_CHAIN:
        raise ValueError(f"n must be at most {MAX_CHAIN} individuals, but is {n}.")
    if len(w) != 3 or not (w[0] > 0.0 and w[1] > 0.0):
        raise ValueError(f"fitnesses w must be three, the first two above 0, but are {list(w)}.")
    states = np.array(
        [(hets, homs) for homs in range(n + 1) for hets in range(n + 1 - homs)], dtype=np.int64
    )
    hets, homs = states[:, 0].astype(np.float64), states[:, 1].astype(np.float64)
    # Logarithms of factorials
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    ways = (
        logs[n]
        - logs[n - states.sum(axis=1)]
        - logs[states[:, 0]]
        - logs[states[:, 1]]
        + hets * math.log(2.0)
    )
    copies = hets + 2.0 * homs
    transitions = np.zeros((len(states), len(states)))
    transitions[0, 0] = transitions[-1, -1] = 1.0
    for i in range(1, len(states) - 1):
        g = pool_frequency((n - hets[i] - homs[i], hets[i], homs[i]), w, k)
        if g <= 0.0 or g >= 1.0:
            transitions[i, 0 if g <= 0.0 else -1] = 1.0
        else:
            transitions[i] = np.exp(ways + copies * math.log(g) + (2 * n - copies) * math.log1p(-g))
    return states, transitions


def fixation(n: int, w: Sequence[float], k: float, start: tuple[int, int] = (1, 0)) -> float:
    """Fixation probability of D among n diploids. Exact.

    The function solves the absorbing chain of `genotype_chain`.

    Source: derived; see docs/population-genetics.md.

    Parameters
    ----------
    n : int
        Number of diploid individuals.
    w : sequence of float
        Fitness with no, one and two copies of D.
    k : float
        Transmission ratio of a heterozygote, in [0, 1].
    start : tuple of int
        Numbers of heterozygotes and homozygotes of D in generation 0.

    Returns
    -------
    float
        Probability.

    Raises
    ------
    ValueError
        As for `genotype_chain`, or if there is no such start.
    """
    states, transitions = genotype_chain(n, w, k)
    index = np.flatnonzero((states == np.array(start)).all(axis=1))
    if not index.size:
        raise ValueError(
            f"start must be heterozygotes and homozygotes among {n} individuals, but is {start}."
        )
    if index[0] in (0, len(states) - 1):
        return float(index[0] != 0)
    inner = transitions[1:-1, 1:-1]
    chances = np.linalg.solve(np.eye(len(inner)) - inner, transitions[1:-1, -1])
    return float(chances[index[0] - 1])


def kimura(ne: float, s: float, p0: float) -> float:
    """Fixation probability of an additive allele, by a diffusion approximation.

    The probability is near (1 - exp(-4 Ne s p0)) / (1 - exp(-4 Ne s)), with fitness 1, 1 + s and 1
    + 2s. For one copy among 25 diploids with s from .02 to .4 it is 2 to 11 percent too high. It is
    p0 for a neutral allele.

    Source: Kimura 1962, Genetics 47:713.

    Parameters
    ----------
    ne : float
        Effective number of diploid individuals.
    s : float
        Advantage of one copy.
    p0 : float
        Frequency in generation 0, in [0, 1].

    Returns
    -------
    float
        Probability.

    Raises
    ------
    ValueError
        If p0 leaves [0, 1] or Ne is not above 0.
    """
    require_unit("frequency p0", p0)
    require_positive("effective size Ne", ne)
    x = 4.0 * ne * s
    if x == 0.0:
        return p0
    if x > 0.0:
        return math.expm1(-x * p0) / math.expm1(-x)
    return math.exp(-x * (p0 - 1.0)) * math.expm1(x * p0) / math.expm1(x)


def branching_fixation(k: float, h: float = 0.0, s: float = 0.0) -> float:
    """Probability u that one copy of a driver escapes early loss in an infinite population.

    The equation is 1 - u = exp(-2ka u). This is the limit of `fixation` for strong drive and many
    individuals. It is 0 if D cannot invade.

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
        Probability.

    Raises
    ------
    ValueError
        If k leaves [0, 1] or a fitness is below 0.
    """
    require_unit("transmission ratio k", k)
    offspring = 2.0 * k * fitnesses(h, s)[0]
    if offspring <= 1.0:
        return 0.0
    u = 1.0
    for _ in range(200):  # Newton from above: the gap is concave, so it never overshoots
        lost = math.exp(-offspring * u)
        new = u - (1.0 - u - lost) / (offspring * lost - 1.0)
        if abs(new - u) < 1e-16:
            break
        u = new
    return u


def _ends(k: float, a: float, b: float) -> tuple[float, float]:
    rare, common = 2.0 * k * a - 1.0, b - 2.0 * (1.0 - k) * a
    return (0.0 if abs(rare) < _ZERO else rare), (0.0 if abs(common) < _ZERO else common)


def _after_selection(sperm: float, eggs: float, h: float, s: float) -> tuple[float, float, float]:
    require_unit("frequency in sperm", sperm)
    require_unit("frequency in eggs", eggs)
    a, b = fitnesses(h, s)
    hets = a * (sperm * (1.0 - eggs) + eggs * (1.0 - sperm))
    homs = b * sperm * eggs
    return hets, homs, _alive((1.0 - sperm) * (1.0 - eggs) + hets + homs)


def _alive(weight: float) -> float:
    if weight <= 0.0:
        raise ValueError("some individual must survive, but every fitness is 0. Lower the cost.")
    return weight
