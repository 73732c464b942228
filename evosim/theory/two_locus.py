"""Two loci: a driver with its modifier, and linkage disequilibrium.

Haplotype `2i + j` carries the driver D if i = 1 and the second locus' allele M if j = 1: `[d m,
d M, D m, D M]`. `k[c]` is the transmission ratio of a driver heterozygote with c copies of M.
`w[c][d]` is the fitness with c copies of D and d of M, and r the recombination fraction.
Frequencies, ratios and fitnesses have no unit, time is in generations, `n` counts diploids.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evosim.theory import require_count, require_recombination, require_survivors, require_unit

Floats = NDArray[np.float64]

SETTLED = 1e-15  # largest change of a haplotype frequency in a generation at rest


class Disequilibrium(NamedTuple):
    """Expected linkage disequilibrium in the gamete pool and among newborns' 2n haplotypes."""

    pool: float
    census: float


def transmission(r: float, k: Sequence[float]) -> Floats:
    """Shares of haplotypes among the gametes of an individual with two given haplotypes.

    A driver heterozygote gives a share k[copies of M] of its gametes the D chromosome's driver,
    with or without recombination.

    Source: derived; see docs/population-genetics.md.

    Parameters
    ----------
    r : float
        Recombination fraction, in [0, 1/2].
    k : sequence of float
        Transmission ratio with 0, 1 and 2 copies of M.

    Returns
    -------
    numpy.ndarray
        `[4, 4, 4]` shares: first haplotype, second haplotype, haplotype of the gamete.

    Raises
    ------
    ValueError
        If r leaves [0, 1/2] or k is not three numbers in [0, 1].
    """
    require_recombination(r)
    if len(k) != 3:
        raise ValueError(
            f"k must hold three transmission ratios, for 0, 1 and 2 copies of M, but has {len(k)}."
        )
    for ratio in k:
        require_unit("transmission ratio k", ratio)
    out = np.zeros((4, 4, 4))
    for u in range(4):
        for v in range(4):
            (i1, j1), (i2, j2) = divmod(u, 2), divmod(v, 2)
            first = 0.5 if i1 == i2 else (k[j1 + j2] if i1 else 1.0 - k[j1 + j2])
            out[u, v, 2 * i1 + j1] += first * (1.0 - r)
            out[u, v, 2 * i1 + j2] += first * r
            out[u, v, 2 * i2 + j2] += (1.0 - first) * (1.0 - r)
            out[u, v, 2 * i2 + j1] += (1.0 - first) * r
    return out


def step(x: ArrayLike, r: float, k: Sequence[float], w: ArrayLike) -> tuple[Floats, float]:
    """Haplotype frequencies of the next gamete pool, and mean fitness, with equal sexes.

    Source: derived; see docs/population-genetics.md.

    Parameters
    ----------
    x : array_like
        `[4]` haplotype frequencies.
    r : float
        Recombination fraction, in [0, 1/2].
    k : sequence of float
        Transmission ratio with 0, 1 and 2 copies of M.
    w : array_like
        `[3, 3]` fitness by copies of D and of M.

    Returns
    -------
    tuple
        Haplotype frequencies `[4]`, and mean fitness of newborns.

    Raises
    ------
    ValueError
        If `x` is not four frequencies that sum to 1, or `w` is not `[3, 3]` of at least 0. Also if
        r or k is out of range, or no individual survives.
    """
    eggs, _, weight = step_by_sex(x, x, r, k, k, w)
    return eggs, weight


def step_by_sex(
    eggs: ArrayLike,
    sperm: ArrayLike,
    r: float,
    k_female: Sequence[float],
    k_male: Sequence[float],
    w: ArrayLike,
) -> tuple[Floats, Floats, float]:
    """Haplotype frequencies of the next eggs and sperm, with different transmission in the sexes.

    Source: derived; see docs/population-genetics.md.

    Parameters
    ----------
    eggs : array_like
        `[4]` haplotype frequencies of eggs.
    sperm : array_like
        `[4]` haplotype frequencies of sperm.
    r : float
        Recombination fraction, in [0, 1/2].
    k_female : sequence of float
        Transmission ratio of females with 0, 1 and 2 copies of M.
    k_male : sequence of float
        Transmission ratio of males with 0, 1 and 2 copies of M.
    w : array_like
        `[3, 3]` fitness by copies of D and of M.

    Returns
    -------
    tuple
        Haplotype frequencies of eggs `[4]` and of sperm `[4]`, and mean fitness of newborns.

    Raises
    ------
    ValueError
        As for `step`.
    """
    y, x = _haplotypes(eggs), _haplotypes(sperm)
    adults = np.outer(y, x) * _pair_fitness(w)
    weight = float(adults.sum())
    require_survivors(weight)
    flat = adults.ravel() / weight
    return (
        flat @ transmission(r, k_female).reshape(16, 4),
        flat @ transmission(r, k_male).reshape(16, 4),
        weight,
    )


def iterate(
    x: ArrayLike,
    r: float,
    k: Sequence[float],
    w: ArrayLike,
    generations: int,
    settled: float = -1.0,
) -> tuple[Floats, Floats]:
    """Trajectory of haplotype frequencies and mean fitness, with equal sexes.

    Source: derived; see docs/population-genetics.md.

    Parameters
    ----------
    x : array_like
        `[4]` haplotype frequencies.
    r : float
        Recombination fraction, in [0, 1/2].
    k : sequence of float
        Transmission ratio with 0, 1 and 2 copies of M.
    w : array_like
        `[3, 3]` fitness by copies of D and of M.
    generations : int
        Number of generations.
    settled : float
        Stop if no frequency changes by more than this in a generation, for example `SETTLED`.
        Default: never.

    Returns
    -------
    tuple of numpy.ndarray
        Haplotype frequencies `[T + 1, 4]`, the start first, and mean fitness `[T]` of newborns.

    Raises
    ------
    ValueError
        As for `step`, or if `generations` is below 0.
    """
    require_count("generations", generations, 0)
    gametes = transmission(r, k).reshape(16, 4) * _pair_fitness(w).reshape(16, 1)
    path, weights = [_haplotypes(x)], []
    for _ in range(generations):
        new = np.outer(path[-1], path[-1]).ravel() @ gametes
        weight = float(new.sum())
        require_survivors(weight)
        path.append(new / weight)
        weights.append(weight)
        if np.abs(path[-1] - path[-2]).max() <= settled:
            break
    return np.array(path), np.array(weights)


def haplotypes(driver: float, modifier: float, disequilibrium: float = 0.0) -> Floats:
    """Haplotype frequencies from those of D and M and their linkage disequilibrium.

    Parameters
    ----------
    driver : float
        Frequency of D.
    modifier : float
        Frequency of M.
    disequilibrium : float
        Linkage disequilibrium of D and M.

    Returns
    -------
    numpy.ndarray
        `[4]` haplotype frequencies.

    Raises
    ------
    ValueError
        If a frequency leaves [0, 1] or no haplotype frequencies have that disequilibrium.
    """
    require_unit("frequency of D", driver)
    require_unit("frequency of M", modifier)
    x = np.outer([1.0 - driver, driver], [1.0 - modifier, modifier]).ravel()
    return _haplotypes(x + disequilibrium * np.array([1.0, -1.0, -1.0, 1.0]))


def driver_frequency(x: ArrayLike) -> float:
    """Frequency of D in haplotype frequencies.

    Parameters
    ----------
    x : array_like
        `[4]` haplotype frequencies.

    Returns
    -------
    float
        Frequency, in [0, 1].
    """
    return float(np.asarray(x, dtype=np.float64)[2:].sum())


def modifier_frequency(x: ArrayLike) -> float:
    """Frequency of M in haplotype frequencies.

    Parameters
    ----------
    x : array_like
        `[4]` haplotype frequencies.

    Returns
    -------
    float
        Frequency, in [0, 1].
    """
    return float(np.asarray(x, dtype=np.float64)[1::2].sum())


def disequilibrium(x: ArrayLike) -> float:
    """Linkage disequilibrium of haplotype frequencies: x_dm x_DM - x_dM x_Dm.

    Parameters
    ----------
    x : array_like
        `[4]` haplotype frequencies.

    Returns
    -------
    float
        Disequilibrium, in [-1/4, 1/4].
    """
    y = np.asarray(x, dtype=np.float64)
    return float(y[0] * y[3] - y[1] * y[2])


def disequilibrium_decay(
    d0: float, r: float, generations: int, n: int | None = None
) -> Disequilibrium:
    """Expected linkage disequilibrium after some generations of drift and fair meiosis.

    In an infinite population it is d0 (1 - r)^t. In n diploids, with selfing at 1/n, it is exactly
    `d0 (1 - r - 1/(2n))^t` in the pool. In the census it is `1 - 1/(2n)` times that. The factor is
    not (1 - r)(1 - 1/(2n)): the two chromosomes that recombine in an individual are two independent
    draws.

    Source: derived; see docs/population-genetics.md.

    Parameters
    ----------
    d0 : float
        Linkage disequilibrium of the founding pool.
    r : float
        Recombination fraction, in [0, 1/2].
    generations : int
        Number of generations.
    n : int or None
        Number of diploid individuals; None: infinite.

    Returns
    -------
    Disequilibrium
        Disequilibrium in the pool and in the census.

    Raises
    ------
    ValueError
        If r leaves [0, 1/2], t is below 0 or n is below 1.
    """
    require_recombination(r)
    require_count("generations", generations, 0)
    if n is None:
        return Disequilibrium(d0 * (1.0 - r) ** generations, d0 * (1.0 - r) ** generations)
    require_count("n", n, 1)
    pool = d0 * (1.0 - r - 1.0 / (2.0 * n)) ** generations
    return Disequilibrium(pool, (1.0 - 1.0 / (2.0 * n)) * pool)


def double_heterozygote_gametes(r: float, k: float = 0.5) -> Floats:
    """Shares of AB, Ab, aB, ab among gametes of AB/ab with drive of A.

    The shares are k(1 - r), kr, (1 - k)r and (1 - k)(1 - r).

    Source: derived; see docs/population-genetics.md.

    Parameters
    ----------
    r : float
        Recombination fraction, in [0, 1/2].
    k : float
        Transmission ratio of a heterozygote, in [0, 1].

    Returns
    -------
    numpy.ndarray
        `[4]` shares.

    Raises
    ------
    ValueError
        If r leaves [0, 1/2] or k leaves [0, 1].
    """
    require_recombination(r)
    require_unit("transmission ratio k", k)
    return np.array([k * (1.0 - r), k * r, (1.0 - k) * r, (1.0 - k) * (1.0 - r)])


def recombination_fraction(morgans: float) -> float:
    """Recombination fraction at a map distance, no interference: (1 - e^(-2d)) / 2.

    Source: Haldane 1919, Journal of Genetics 8:299.

    Parameters
    ----------
    morgans : float
        Map distance in morgan.

    Returns
    -------
    float
        Recombination fraction, in [0, 1/2].

    Raises
    ------
    ValueError
        If the distance is below 0.
    """
    if not morgans >= 0.0:
        raise ValueError(f"map distance must be at least 0 morgans, but is {morgans}.")
    return -0.5 * math.expm1(-2.0 * morgans)


def _haplotypes(x: ArrayLike) -> Floats:
    out = np.array(x, dtype=np.float64)
    if out.shape != (4,) or not (out >= -1e-12).all() or abs(out.sum() - 1.0) > 1e-9:
        raise ValueError(
            "haplotype frequencies must be four of at least 0 that sum to 1, but are"
            f" {out.tolist()}."
        )
    return np.maximum(out, 0.0)


def _pair_fitness(w: ArrayLike) -> Floats:
    table = np.asarray(w, dtype=np.float64)
    if table.shape != (3, 3) or not (np.isfinite(table).all() and (table >= 0.0).all()):
        raise ValueError("fitness w must be a 3 by 3 table of finite numbers of at least 0.")
    i, j = np.divmod(np.arange(4), 2)
    return table[np.add.outer(i, i), np.add.outer(j, j)]
