"""Fluctuation of a driver's frequency about its equilibrium in a finite population.

Letters are those of `evosim.theory.drive`. Variances are of frequencies, time is in generations.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from evosim.theory import require_count
from evosim.theory.drive import fitnesses, slope, stable_interior


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
