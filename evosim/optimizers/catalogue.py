"""Parameters of base optimizers, apart from their implementations: a file can be checked without compiling a kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class InvalidOptimizer(ValueError):
    """Settings a base optimizer cannot work with. One line: offender, rule, remedy."""


@dataclass(frozen=True)
class Population:
    """Parameters of `sexual` and `asexual`.

    Attributes:
        population: number of individuals in every generation.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012

    population: int = 500

    def __post_init__(self) -> None:
        if self.population < 1:
            raise InvalidOptimizer(
                f"optimizer.population must be at least 1 individual, but is {self.population}. Raise it."
            )


@dataclass(frozen=True)
class Exhaustive:
    """Parameters of `exhaustive`.

    Attributes:
        max_classes: refuse a grid with more classes than this.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012

    max_classes: int = 2_000_000


OPTIMIZER_PARAMS: dict[str, type[Any]] = {"sexual": Population, "asexual": Population, "exhaustive": Exhaustive}
WHAT: dict[str, str] = {
    "sexual": "Wright-Fisher with two parents, recombination along the map, and mutation",
    "asexual": "Wright-Fisher by mutated copies of one parent",
    "exhaustive": "every class of the grid: the perfect outer optimizer",
}
