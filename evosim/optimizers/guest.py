"""Guests: algorithms of DEAP, or a user's own, that call for fitness when they like. Here they are asked and told like everybody.

The algorithm runs in a thread of its own, which works only while `ask` waits for it: it hands over what is to be evaluated
(`toolbox.map(toolbox.evaluate, individuals)`) and waits for `tell`. A generation is one such batch. Python's and NumPy's global
generators are seeded anew for each of its turns and put back after it.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import threading
from collections.abc import Callable, Iterable
from functools import cache
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np

from evosim.optimizers.base import Floats, Searcher, check_fitness
from evosim.optimizers.borrowed import seeded
from evosim.optimizers.catalogue import DEAP_ALGORITHMS, MAX_GENERATIONS, Deap, InvalidOptimizer
from evosim.optimizers.population import founders
from evosim.optimizers.slots import Slots
from genomes import Grid
from genomes.loci import Alleles, Ints

STREAM = 103  # beside the seed and the generation
LOOK = 0.1  # seconds
PATIENCE = 2.0  # seconds in which an algorithm that is told to end may do so


class _End(BaseException):
    """The run is over; raised in the algorithm where it waits for fitness."""


class Individual(list[int]):
    """A member of a guest's population: the alleles of its slots, and DEAP's fitness. A clone's fitness is not known."""

    def __init__(self, alleles: Iterable[int]) -> None:
        super().__init__(alleles)
        self.fitness = _fitness()()


@cache
def _fitness() -> Any:
    from deap import base

    return type("Offspring", (base.Fitness,), {"weights": (1.0,)})


class Guest(Searcher):
    """An algorithm that is led from outside."""

    def __init__(self, params: Deap, grid: Grid, seed: int) -> None:
        self.params, self.seed, self.slots = params, seed, Slots(grid)
        self.generation = 0
        self._function = _found(params.algorithm)
        self._toolbox = self._tools()
        self._members = [Individual(alleles) for alleles in self.slots.read(founders(params.population, grid, seed)).tolist()]
        self._arguments = self._wanted()
        self._orders: SimpleQueue[list[tuple[float]] | None] = SimpleQueue()
        self._handed: SimpleQueue[Ints | BaseException] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=f"evosim {params.algorithm}", daemon=True)
        self._asked: Ints | None = None
        self._order: list[tuple[float]] | None = None
        self._over, self._asked_for = False, 0

    def ask(self) -> Alleles:
        """What the algorithm wants evaluated; its last population, when it has ended."""
        if self._asked is None:
            self._asked = self._turn()
        return self.slots.genotypes(self._asked)

    def tell(self, fitness: Floats, whole: Floats | None = None) -> None:
        """Keep fitness for the algorithm's next turn."""
        check_fitness(fitness, negative=True)
        self.generation += 1
        if not self._over:
            self._order, self._asked = [(value,) for value in fitness.tolist()], None

    def end(self) -> None:
        """End the algorithm's thread."""
        self._orders.put(None)
        if self._thread.is_alive():
            self._thread.join(PATIENCE)

    def _turn(self) -> Ints:
        """Let the algorithm work until it wants fitness, or has ended. Raises `InvalidOptimizer` if it fails."""
        with seeded(self.seed, self.generation, STREAM):
            if self._order is None:
                self._thread.start()
            else:
                self._orders.put(self._order)
            handed = self._next()
        if isinstance(handed, BaseException):
            words = f"{type(handed).__name__}: {handed}".rstrip(".: ")
            raise InvalidOptimizer(f"optimizer.algorithm must run, but '{self.params.algorithm}' failed in generation {self.generation} ({words}). Mend it.")
        return handed

    def _next(self) -> Ints | BaseException:
        """What the algorithm hands over. Looked for again and again, so that a signal is heard while it works."""
        while True:
            with contextlib.suppress(Empty):
                return self._handed.get(timeout=LOOK)

    def _work(self) -> None:
        """The algorithm's thread."""
        try:
            given = self._function(**self._arguments)
            self._over, last = True, given[0] if isinstance(given, tuple) and given else given
            if given is None:  # then what it was given is its population: DEAP's algorithms change it in place
                last = self._members
            if not isinstance(last, list) or not last:
                raise TypeError(f"it must return its last population, a list of individuals, alone or first of a tuple, but returned {str(given)[:50]}")
            if self._asked_for == 0:
                raise TypeError("it must have individuals evaluated, but ended without")
            self._handed.put(self._alleles(last))
        except _End:
            pass
        except BaseException as error:  # told to the one who waits
            self._handed.put(error)

    def _evaluated(self, members: list[Any]) -> list[tuple[float]]:
        """Hand a batch over, and wait for its fitness. In the algorithm's thread."""
        if not members:
            return []
        self._asked_for += len(members)
        self._handed.put(self._alleles(members))
        order = self._orders.get()
        if order is None:
            raise _End
        return order

    def _alleles(self, members: list[Any]) -> Ints:
        """Alleles `[n, K]` of members. Raises `ValueError` if they are none."""
        n = self.slots.n_alleles
        for member in members:
            if len(member) != len(n) or not all(0 <= allele < most for allele, most in zip(member, n, strict=True)):
                raise ValueError(f"an individual must list {len(n)} allele numbers from 0 to {', '.join(map(str, n - 1))}, but is {list(member)}")
        return np.array(members, dtype=np.int64).reshape(len(members), len(n))

    def _tools(self) -> Any:
        from deap import base, tools

        p, k = self.params, len(self.slots)
        mates: dict[str, tuple[Any, dict[str, Any]]] = {
            "one-point": (tools.cxOnePoint, {}), "two-point": (tools.cxTwoPoint, {}), "uniform": (tools.cxUniform, {"indpb": 0.5}),
        }  # fmt: skip
        mate, how = mates[p.crossover if k > 1 else "uniform"]
        toolbox = base.Toolbox()
        toolbox.register("clone", Individual)
        toolbox.register("mate", mate, **how)
        toolbox.register("mutate", tools.mutUniformInt, low=[0] * k, up=(self.slots.n_alleles - 1).tolist(), indpb=p.indpb)
        toolbox.register("select", tools.selTournament, tournsize=p.tournament)
        toolbox.register("evaluate", lambda member: self._evaluated([member])[0])

        def mapped(function: Callable[..., Any], *many: Iterable[Any]) -> Any:
            return self._evaluated(list(many[0])) if function is toolbox.evaluate else map(function, *many)

        toolbox.register("map", mapped)
        return toolbox

    def _wanted(self) -> dict[str, Any]:
        """The arguments that the algorithm asks for by name. Raises `InvalidOptimizer` if it wants others."""
        p = self.params
        known = {
            "population": self._members, "toolbox": self._toolbox, "cxpb": p.cxpb, "mutpb": p.mutpb, "mu": p.mu or p.population,
            "lambda_": p.lambda_ or p.population, "ngen": p.ngen or MAX_GENERATIONS, "verbose": False,
        }  # fmt: skip
        asked = inspect.signature(self._function).parameters
        for name, parameter in asked.items():
            needed = parameter.default is parameter.empty and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
            if parameter.kind is parameter.POSITIONAL_ONLY or (needed and name not in known):
                raise InvalidOptimizer(
                    f"optimizer.algorithm must ask for {', '.join(known)} by name and nothing else, but '{p.algorithm}' wants '{name}'. "
                    "Give it a default."
                )
        return {name: value for name, value in known.items() if name in asked}


def _found(algorithm: str) -> Callable[..., Any]:
    """The function of a name. Raises `InvalidOptimizer`."""
    module, _, name = algorithm.rpartition(":")
    if algorithm in DEAP_ALGORITHMS:
        module, name = "deap.algorithms", algorithm
    try:
        function = getattr(importlib.import_module(module), name)
        if not callable(function):
            raise TypeError(f"a {type(function).__name__} cannot be called")
    except Exception as error:
        raise InvalidOptimizer(
            f"optimizer.algorithm must be a function that can be imported, but '{algorithm}' is not ({type(error).__name__}: {error}). "
            "Mend it, or put its folder on PYTHONPATH."
        ) from None
    return function
