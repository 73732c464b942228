"""Values for both worlds, and means over seeds with their intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from evosim.runtime.dataclass_json import Key

T = TypeVar("T")
Ends = tuple[float, float]
Amounts = Mapping[str, float]


@dataclass(frozen=True)
class ByWorld(Generic[T]):
    """One value for the ancestral world and one for the modern world."""

    ancestral: T
    modern: T

    def of(self, world: str) -> T:
        """The value for `ancestral` or `modern`."""
        return self.ancestral if world == "ancestral" else self.modern

    def items(self) -> tuple[tuple[str, T], tuple[str, T]]:
        """Names of the worlds with their values, the ancestral world first."""
        return ("ancestral", self.ancestral), ("modern", self.modern)


@dataclass(frozen=True)
class MeasuredByWorld(Generic[T]):
    """Values by name for both worlds; no names where nothing was measured."""

    ancestral: Annotated[Mapping[str, T], Key(omit={})]
    modern: Annotated[Mapping[str, T], Key(omit={})]

    def of(self, world: str) -> Mapping[str, T]:
        """The values for `ancestral` or `modern`."""
        return self.ancestral if world == "ancestral" else self.modern


@dataclass(frozen=True)
class Estimate:
    """A mean over `n` seeds, with the ends of its interval.

    The ends are None if there are too few seeds, or if all agree.
    """

    mean: float | None
    low: float | None
    high: float | None
    n: int

    @property
    def interval(self) -> Ends | None:
        """Both ends; None without an interval."""
        return None if self.low is None or self.high is None else (self.low, self.high)
