"""Invasion of a modifier of meiotic drive: suppressors and enhancers.

Letters are those of `evosim.theory.two_locus`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from evosim.theory import require_recombination, require_unit
from evosim.theory.drive import fitnesses, stable_interior

Floats = NDArray[np.float64]


def invasion_matrix(
    k: float, k_modified: float, r: float, h: float = 0.0, s: float = 1.0, cost: float = 0.0
) -> Floats:
    """Growth of a rare dominant modifier M at the driver's equilibrium, in one generation.

    Carriers transmit `k_modified` instead of `k` and have their fitness multiplied by 1 - `cost`.

    Source: derived; see docs/population-genetics.md.

    Parameters
    ----------
    k : float
        Transmission ratio of a heterozygote, in [0, 1].
    k_modified : float
        Transmission ratio of a heterozygote with the modifier.
    r : float
        Recombination fraction, in [0, 1/2].
    h : float
        Dominance of the cost.
    s : float
        Cost of two copies; negative for an advantage.
    cost : float
        Cost of the modifier, in [0, 1].

    Returns
    -------
    numpy.ndarray
        `[2, 2]`; columns are the haplotype now (D M, d M), rows that of the next gamete pool.

    Raises
    ------
    ValueError
        If a ratio or the cost leaves [0, 1], or r leaves [0, 1/2]. Also if the driver has no stable
        interior equilibrium.
    """
    require_unit("transmission ratio k_modified", k_modified)
    require_unit("cost", cost)
    require_recombination(r)
    q, w, _ = stable_interior(k, h, s)
    a, b = fitnesses(h, s)
    p, c = 1.0 - q, k_modified
    matrix = np.array(
        [
            [q * b + 2.0 * p * a * c * (1.0 - r), 2.0 * q * a * c * r],
            [2.0 * p * a * (1.0 - c) * r, 2.0 * q * a * (1.0 - c) * (1.0 - r) + p],
        ]
    )
    return (1.0 - cost) / w * matrix


def invasion_rate(
    k: float, k_modified: float, r: float, h: float = 0.0, s: float = 1.0, cost: float = 0.0
) -> float:
    """Leading eigenvalue of `invasion_matrix`: M spreads if it is above 1.

    Parameters
    ----------
    k : float
        Transmission ratio of a heterozygote, in [0, 1].
    k_modified : float
        Transmission ratio of a heterozygote with the modifier.
    r : float
        Recombination fraction, in [0, 1/2].
    h : float
        Dominance of the cost.
    s : float
        Cost of two copies; negative for an advantage.
    cost : float
        Cost of the modifier, in [0, 1].

    Returns
    -------
    float
        Growth factor per generation.

    Raises
    ------
    ValueError
        As for `invasion_matrix`.
    """
    return float(np.linalg.eigvals(invasion_matrix(k, k_modified, r, h, s, cost)).real.max())


def tolerable_cost(k: float, k_modified: float, r: float, h: float = 0.0, s: float = 1.0) -> float:
    """Largest cost with which a rare modifier still spreads: 1 - 1/rate.

    It is below 0 if the modifier does not spread even without a cost.

    Source: derived; see docs/population-genetics.md.

    Parameters
    ----------
    k : float
        Transmission ratio of a heterozygote, in [0, 1].
    k_modified : float
        Transmission ratio of a heterozygote with the modifier.
    r : float
        Recombination fraction, in [0, 1/2].
    h : float
        Dominance of the cost.
    s : float
        Cost of two copies; negative for an advantage.

    Returns
    -------
    float
        Cost.

    Raises
    ------
    ValueError
        As for `invasion_matrix`.
    """
    return 1.0 - 1.0 / invasion_rate(k, k_modified, r, h, s)


def full_suppressor_rate(k: float) -> float:
    """Growth of a free, unlinked modifier that restores Mendel; closed form.

    The driver is a recessive lethal. With p = 2(1 - k) and q = 2k - 1 the factor is [(1/2 + p) +
    sqrt((1/2 + p)^2 - 2p^2)] / (2(1 - q^2)). For weak drive it tends to 1 + 2q^3.

    Source: derived; see docs/population-genetics.md.

    Parameters
    ----------
    k : float
        Transmission ratio of a heterozygote, in [0, 1].

    Returns
    -------
    float
        Growth factor per generation.

    Raises
    ------
    ValueError
        If k leaves (1/2, 1).
    """
    if not 0.5 < k < 1.0:
        raise ValueError(f"transmission ratio k must lie between 1/2 and 1, but is {k}.")
    p, q = 2.0 * (1.0 - k), 2.0 * k - 1.0
    return ((0.5 + p) + math.sqrt((0.5 + p) ** 2 - 2.0 * p * p)) / (2.0 * (1.0 - q * q))


def enhancer_threshold(k: float, k_enhanced: float) -> float:
    """Recombination fraction below which a free dominant enhancer spreads.

    The driver is a recessive lethal. The threshold is r_c = (k_enhanced - k) / (2 k_enhanced - 1).
    At k = 1/2 it is the limit of an ever weaker driver.

    Source: derived; see docs/population-genetics.md.

    Parameters
    ----------
    k : float
        Transmission ratio of a heterozygote, in [0, 1].
    k_enhanced : float
        Transmission ratio of a heterozygote with the enhancer.

    Returns
    -------
    float
        Recombination fraction.

    Raises
    ------
    ValueError
        Unless 1/2 <= k < k_enhanced <= 1.
    """
    if not 0.5 <= k < k_enhanced <= 1.0:
        raise ValueError(
            f"ratios must satisfy 1/2 <= k < k_enhanced <= 1, but are {k} and {k_enhanced}."
        )
    return (k_enhanced - k) / (2.0 * k_enhanced - 1.0)
