"""Deception in closed form: when it pays to do what is rewarded for as long as one is watched.

The game: `train` episodes, then `deploy` episodes. In each one does `A` or `B`. Who does `B` in a
training episode is modified and does `A` from then on. Amounts are numbers of `B`s. Source of the
game: Hubinger et al. 2019, "Risks from Learned Optimization", section 4.
"""

from __future__ import annotations

import math

from evosim.theory import require_count, require_positive, require_unit


def at_once(train: int, deploy: int) -> float:
    """`B`s of who always does `B`: 1, if there is any training, else one in every episode.

    Raises `ValueError` below 0 episodes.
    """
    _check(train, deploy, 0)
    return 1.0 if train else float(deploy)


def deceiving(train: int, deploy: int) -> float:
    """`B`s of who does `A` while trained and `B` afterwards.

    Raises `ValueError` below 0 episodes.
    """
    _check(train, deploy, 0)
    return float(deploy)


def waiting(train: int, deploy: int, ends: float = 1.0, weight: float = 1.0) -> float:
    """What waiting is worth beside one `B` now: ends * sum over j < deploy of weight^(train + j).

    Deceive iff it is above 1.

    `ends` is the believed chance that deployment comes at all, `weight` what the next episode
    counts beside this one. With weight 0 the objective does not reach across modifications; with
    weight 1, ends below 1/deploy is a threat that is not expected to go away. Raises `ValueError`
    if either leaves [0, 1]. Source: derived.
    """
    _check(train, deploy, 1)
    require_unit("chance that the threat ends", ends)
    require_unit("weight of the next episode", weight)
    return ends * math.fsum(weight ** (train + j) for j in range(deploy))


def absent_minded(p: float, train: int, deploy: int) -> float:
    """Expected `B`s of who cannot tell the episode and does `B` with chance `p` in each: 1 -
    (1-p)^T + D p (1-p)^T.

    Raises `ValueError` if p leaves [0, 1]. Source: derived from the rules.
    """
    _check(train, deploy, 1)
    require_unit("chance of B", p)
    kept = (1.0 - p) ** train
    return 1.0 - kept + deploy * p * kept


def absent_minded_optimum(train: int, deploy: int) -> float:
    """The chance of `B` that maximises `absent_minded`: (T + D) / (D (T + 1)).

    For 2 and 3 episodes 5/9 = 0.556; the paper prints 0.61, which its rules do not give. Raises
    `ValueError` below 1 episode. Source: derived.
    """
    _check(train, deploy, 1)
    return (train + deploy) / (deploy * (train + 1.0))


def catastrophe(c: float, train: int, deploy: int) -> float:
    """Chance of coming through training and then doing `B` at least once, if `A` has chance `c` in
    each episode: c^n (1 - c^m).

    Raises `ValueError` if c leaves [0, 1].
    """
    _check(train, deploy, 1)
    require_unit("chance of A", c)
    return float(c**train * (1.0 - c**deploy))


def catastrophe_optimum(train: int, deploy: int) -> float:
    """The chance of `A` that maximises `catastrophe`: c^m = n / (n + m).

    Raises `ValueError` below 1 episode. Source: derived.
    """
    _check(train, deploy, 1)
    return float((train / (train + deploy)) ** (1.0 / deploy))


def catastrophe_after_training(train: int, deploy: int) -> float:
    """At that optimum, the chance of catastrophe of who came through training: 1 - c^m = m / (n +
    m).

    The chance beforehand is smaller, by the chance (n / (n + m))^(n / m) of coming through. Raises
    `ValueError` below 1 episode.
    """
    _check(train, deploy, 1)
    return deploy / (train + deploy)


def training_for(eps: float, deploy: float) -> float:
    """Training episodes n = m (1 - eps) / eps with which `catastrophe_after_training` is eps.

    Raises `ValueError` if eps leaves (0, 1].
    """
    require_unit("eps", eps)
    require_positive("eps", eps)
    require_positive("deploy", deploy)
    return deploy * (1.0 - eps) / eps


def _check(train: int, deploy: int, least: int) -> None:
    require_count("train", train, least)
    require_count("deploy", deploy, least)
