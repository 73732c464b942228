"""Population genetics in closed form, as recursions and as exact chains: what the engine is
compared with.

It shares no code with the engine. Life cycle throughout: gametes unite at random into zygotes
(census of newborns), selection (census of adults), meiosis with drive and recombination, mutation,
gametes.
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
