"""Comparison of formulas with numbers in print, with recursions and with simulations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

EXACT = 1e-10  # tolerance between a closed form and a recursion
Z = 4.5  # standard errors of a simulation with a fixed seed: a false alarm of 7e-6

NEUTRAL = [[1.0] * 3] * 3  # fitness by copies of driver and modifier

Refusals = list[tuple[Callable[[], object], str]]


def is_printed(value: float, printed: str) -> bool:
    """Whether `value` rounds to the digits in print."""
    digits = len(printed.partition(".")[2])
    return abs(value - float(printed)) <= 0.5 * 10.0**-digits + 1e-12


def as_printed(value: float, printed: str) -> None:
    """Assert that `value` rounds to the digits in print."""
    assert is_printed(value, printed), f"{value} is not {printed}"


def fixed_point(change: Callable[[Any], Any], start: Any) -> Any:
    """Iterate until no value changes by more than 1e-15."""
    now = np.array(start, dtype=float)
    for _ in range(200_000):
        new = np.array(change(now), dtype=float)
        if np.abs(new - now).max() < 1e-15:
            return new
        now = new
    raise AssertionError("no fixed point")


def assert_refused(call: Callable[[], object], message: str) -> None:
    """Assert that a call raises `ValueError` with this message, in one line."""
    with pytest.raises(ValueError, match=message.replace("(", r"\(")) as caught:
        call()
    assert "\n" not in str(caught.value)
