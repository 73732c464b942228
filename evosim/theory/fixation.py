"""Fixation of a driver in a finite population: an exact chain and approximations.

Letters are those of `evosim.theory.drive`. `n` counts diploid individuals.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evosim.theory import require_count, require_positive, require_survivors, require_unit
from evosim.theory.drive import fitnesses

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MAX_CHAIN = 80  # individuals; the chain has (n + 1)(n + 2) / 2 states and is solved densely


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
    return (n2 + n1 * k) / require_survivors(n0 + n1 + n2)


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

    The probability is near (1 - exp(-4 Ne s p0)) / (1 - exp(-4 Ne s)). Fitness is 1, 1 + s and 1 +
    2s. For one copy among 25 diploids with s from .02 to .4 it is 2 to 11 percent too high. It is
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
