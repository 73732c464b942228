"""Individuals, their fitness and the toolbox that algorithms of DEAP get."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

from deap import base

from evosim.optimizers.params import InvalidOptimizer

MAP = "Leave toolbox.map as it is: it evaluates all individuals at once"


class Fitness(base.Fitness):  # type: ignore[misc]
    """DEAP's fitness, to be maximized, which is never `valid`.

    DEAP's loops evaluate only individuals whose fitness is not valid, so they skip unchanged
    copies. Here copies belong to the generation and its record, and the world may have changed. A
    user derives a fitness class of several objectives from this one.
    """

    weights = (1.0,)

    @property
    def valid(self) -> bool:
        """False, so that every generation is evaluated completely."""
        return False

    def __str__(self) -> str:
        return str(self.values)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.values!r})"


class Individual(list[int]):
    """A member of an algorithm's population: `K` allele indices, and DEAP's fitness."""

    def __init__(self, alleles: Iterable[int] = ()) -> None:
        super().__init__(alleles)
        self.fitness = Fitness()

    def __deepcopy__(self, memo: dict[int, Any]) -> Individual:
        """Copy as DEAP does, with all attributes that an algorithm has set, in less time."""
        copied = type(self).__new__(type(self))
        memo[id(self)] = copied
        copied.extend(self)
        for name, value in self.__dict__.items():
            copied.__dict__[name] = deepcopy(value, memo)
        return copied


class Toolbox(base.Toolbox):  # type: ignore[misc]
    """DEAP's toolbox, with a `map` that cannot be replaced."""

    refuse: Callable[[str, str], InvalidOptimizer] | None = None

    def register(self, alias: str, function: Callable[..., Any], *args: Any, **kargs: Any) -> None:
        """Register a function, as DEAP does. Raises `InvalidOptimizer` for another `map`."""
        if alias == "map" and self.refuse:
            raise self.refuse("registers a map of its own", MAP)
        super().register(alias, function, *args, **kargs)
