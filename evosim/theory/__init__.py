"""Population genetics in closed form, as recursions and as exact chains.

`evosim verify` compares the engine with these formulas. They share no code with the engine. The
life cycle in all modules:

1. Gametes unite at random into zygotes (census of newborns).
2. Selection (census of adults).
3. Meiosis with drive and recombination.
4. Mutation, gametes.
"""

from __future__ import annotations

import math


def require_unit(name: str, value: float) -> None:
    """Raise `ValueError` unless `value` lies in [0, 1]."""
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} must lie in [0, 1], but is {value}.")


def require_recombination(r: float) -> None:
    """Raise `ValueError` unless the recombination fraction `r` lies in [0, 1/2]."""
    if not 0.0 <= r <= 0.5:
        raise ValueError(f"recombination fraction r must lie in [0, 1/2], but is {r}.")


def require_count(name: str, value: int, least: int) -> None:
    """Raise `ValueError` unless `value` is a whole number of at least `least`."""
    if value != int(value) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, but is {value}.")


def require_positive(name: str, value: float) -> None:
    """Raise `ValueError` unless `value` is finite and above 0."""
    if not (math.isfinite(value) and value > 0.0):
        raise ValueError(f"{name} must be finite and above 0, but is {value}.")


def require_survivors(mean_fitness: float) -> float:
    """The mean fitness. Raise `ValueError` if it is 0, because then no individual survives."""
    if mean_fitness <= 0.0:
        raise ValueError("some individual must survive, but every fitness is 0. Lower the cost.")
    return mean_fitness
