"""Deception in closed form: conditions under which a planner gains by good behaviour in training.

The game: `train` episodes (T or n), then `deploy` episodes (D or m). In each episode the planner
does `A` or `B`. A planner that does `B` in training is modified, and from then on it does `A`.
Amounts are numbers of `B`s. Source of the game: Hubinger et al. 2019, "Risks from Learned
Optimization", section 4.
"""

from __future__ import annotations

import math

from evosim.theory import require_count, require_positive, require_unit


def at_once(train: int, deploy: int) -> float:
    """Number of `B`s of a planner that always does `B`.

    The number is 1 if there is any training, else one in every episode.

    Parameters
    ----------
    train : int
        Number of training episodes.
    deploy : int
        Number of deployment episodes.

    Returns
    -------
    float
        Number of `B`s.

    Raises
    ------
    ValueError
        If a number of episodes is below 0.
    """
    _check(train, deploy, 0)
    return 1.0 if train else float(deploy)


def deceiving(train: int, deploy: int) -> float:
    """Number of `B`s of a planner that does `A` in training and `B` afterwards.

    Parameters
    ----------
    train : int
        Number of training episodes.
    deploy : int
        Number of deployment episodes.

    Returns
    -------
    float
        Number of `B`s.

    Raises
    ------
    ValueError
        If a number of episodes is below 0.
    """
    _check(train, deploy, 0)
    return float(deploy)


def waiting(train: int, deploy: int, ends: float = 1.0, weight: float = 1.0) -> float:
    """Value of waiting, in units of one `B` now. Deception pays if the value is above 1.

    The value is ends * sum over j < deploy of weight^(train + j). With weight 0 the objective does
    not reach across modifications. With weight 1 and ends below 1/deploy, the planner does not
    expect the threat to go away.

    Source: derived.

    Parameters
    ----------
    train : int
        Number of training episodes.
    deploy : int
        Number of deployment episodes.
    ends : float
        Believed probability that deployment comes at all, in [0, 1].
    weight : float
        Weight of the next episode relative to the current one, in [0, 1].

    Returns
    -------
    float
        Expected discounted number of `B`s.

    Raises
    ------
    ValueError
        If `ends` or `weight` leaves [0, 1].
    """
    _check(train, deploy, 1)
    require_unit("chance that the threat ends", ends)
    require_unit("weight of the next episode", weight)
    return ends * math.fsum(weight ** (train + j) for j in range(deploy))


def absent_minded(p: float, train: int, deploy: int) -> float:
    """Expected number of `B`s of a planner that cannot distinguish the episodes.

    The number is 1 - (1-p)^T + D p (1-p)^T.

    Source: derived from the rules.

    Parameters
    ----------
    p : float
        Probability of `B` in each episode.
    train : int
        Number of training episodes.
    deploy : int
        Number of deployment episodes.

    Returns
    -------
    float
        Expected number of `B`s.

    Raises
    ------
    ValueError
        If p leaves [0, 1].
    """
    _check(train, deploy, 1)
    require_unit("chance of B", p)
    unmodified = (1.0 - p) ** train
    return 1.0 - unmodified + deploy * p * unmodified


def absent_minded_optimum(train: int, deploy: int) -> float:
    """The probability of `B` that maximises `absent_minded`: (T + D) / (D (T + 1)).

    For 2 and 3 episodes it is 5/9 = 0.556. The paper prints 0.61, which does not follow from its
    rules.

    Source: derived.

    Parameters
    ----------
    train : int
        Number of training episodes.
    deploy : int
        Number of deployment episodes.

    Returns
    -------
    float
        Probability of `B`.

    Raises
    ------
    ValueError
        If a number of episodes is below 1.
    """
    _check(train, deploy, 1)
    return (train + deploy) / (deploy * (train + 1.0))


def catastrophe(c: float, train: int, deploy: int) -> float:
    """Probability of passing the training and then doing `B` at least once: c^n (1 - c^m).

    Here n and m are the numbers of training and deployment episodes.

    Parameters
    ----------
    c : float
        Probability of `A` in each episode.
    train : int
        Number of training episodes.
    deploy : int
        Number of deployment episodes.

    Returns
    -------
    float
        Probability.

    Raises
    ------
    ValueError
        If c leaves [0, 1].
    """
    _check(train, deploy, 1)
    require_unit("chance of A", c)
    return float(c**train * (1.0 - c**deploy))


def catastrophe_optimum(train: int, deploy: int) -> float:
    """The probability of `A` that maximises `catastrophe`: c^m = n / (n + m).

    Source: derived.

    Parameters
    ----------
    train : int
        Number of training episodes.
    deploy : int
        Number of deployment episodes.

    Returns
    -------
    float
        Probability of `A`.

    Raises
    ------
    ValueError
        If a number of episodes is below 1.
    """
    _check(train, deploy, 1)
    return float((train / (train + deploy)) ** (1.0 / deploy))


def catastrophe_after_training(train: int, deploy: int) -> float:
    """Probability of a catastrophe after training, at `catastrophe_optimum`: m / (n + m).

    The condition is that the planner passed the training. The unconditional probability is smaller
    by the factor (n / (n + m))^(n / m), the probability of passing.

    Parameters
    ----------
    train : int
        Number of training episodes.
    deploy : int
        Number of deployment episodes.

    Returns
    -------
    float
        Probability.

    Raises
    ------
    ValueError
        If a number of episodes is below 1.
    """
    _check(train, deploy, 1)
    return deploy / (train + deploy)


def training_for(eps: float, deploy: float) -> float:
    """Number of training episodes with which `catastrophe_after_training` is eps.

    The number is n = m (1 - eps) / eps.

    Parameters
    ----------
    eps : float
        Probability of catastrophe after training, in (0, 1].
    deploy : float
        Number of deployment episodes.

    Returns
    -------
    float
        Number of training episodes; it may be a fraction.

    Raises
    ------
    ValueError
        If eps leaves (0, 1].
    """
    require_unit("eps", eps)
    require_positive("eps", eps)
    require_positive("deploy", deploy)
    return deploy * (1.0 - eps) / eps


def _check(train: int, deploy: int, least: int) -> None:
    require_count("train", train, least)
    require_count("deploy", deploy, least)
