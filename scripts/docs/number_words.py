"""Numbers and words of documents: formats, estimates with intervals, words with a condition."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np


class Wrong(Exception):
    """A source says what its tables do not."""


def number(value: float | None, digits: int = 2, *, dot: bool = False) -> str:
    """A number with so many decimals, and no negative zero; `dot` leaves out the 0 before the
    point. Raises `Wrong` for what is no number.
    """
    if value is None or not np.isfinite(value):
        raise Wrong(f"{value} is no number")
    # Tables are decimal: 0.4305 is a half
    exact = Decimal(repr(round(value, 12))).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    out = f"{abs(exact) if exact == 0 else exact:,f}"
    return re.sub(r"^(-?)0\.", r"\1.", out) if dot else out


def percent(value: float, digits: int = 0) -> str:
    """A share in percent."""
    return f"{number(100 * value, digits)}%"


def significant(value: float, digits: int) -> str:
    """A number rounded to so many digits, without exponent, without zeros at the end of its
    decimals.
    """
    rounded = float(f"{value:.{digits - 1}e}")
    decimals = max(0, digits - 1 - int(np.floor(np.log10(abs(rounded)))))
    out = f"{rounded:,.{decimals}f}"
    return out.rstrip("0").rstrip(".") if "." in out else out


def span(values: Iterable[float], digits: int = 2) -> str:
    """The least and the largest, as `0.22-0.37`; one number where both read alike."""
    some = list(values)
    low, high = number(min(some), digits), number(max(some), digits)
    return low if low == high else f"{low}-{high}"


def joined(values: Iterable[float], digits: int = 2, last: str = ", ") -> str:
    """Numbers one after the other; `last` stands before the last one."""
    words = [number(value, digits) for value in values]
    return last.join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


WORDS = [
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
]


def words(value: float) -> str:
    """A small whole number in letters. Raises `Wrong` for others."""
    if value != int(value) or not 0 <= value < len(WORDS):
        raise Wrong(f"{value} has no word")
    return WORDS[int(value)]


@dataclass(frozen=True)
class Estimate:
    """A number with its interval, if it has one."""

    value: float
    low: float | None = None
    high: float | None = None

    def __call__(
        self, digits: int = 3, *, dot: bool = False, scale: float = 1.0, sign: str = ""
    ) -> str:
        """As `0.97 [0.96, 0.98]`. `scale` multiplies; `sign` `%` writes all in percent."""
        if sign == "%":
            scale *= 100.0
        numbers = [
            number(x * scale, digits, dot=dot) + sign
            for x in (self.value, self.low, self.high)
            if x is not None
        ]
        return f"{numbers[0]} [{numbers[1]}, {numbers[2]}]" if len(numbers) == 3 else numbers[0]

    def __neg__(self) -> Estimate:
        return Estimate(
            -self.value,
            None if self.high is None else -self.high,
            None if self.low is None else -self.low,
        )

    def within(self, other: float, by: float) -> bool:
        """Whether it is not farther than `by` from another number."""
        return abs(self.value - other) <= by


def checked(text: str, holds: Any) -> str:
    """Return words whose condition is true. Raises `Wrong` if it is false."""
    if not isinstance(holds, bool | np.bool_):
        raise Wrong(f"{text!r} depends on {holds!r}, which is neither true nor false")
    if not holds:
        raise Wrong(f"the condition of {text!r} is false")
    return text


def literal(text: str) -> str:
    """Return digits that are not a result: a name, a choice of the study, a number of the model."""
    return text
