"""The interface of a base optimizer: `begin_phase`, `ask`, `tell`, `state`, `restore`.

An optimizer sees genotypes and their fitness, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from evosim.genomes.loci import Alleles
from evosim.optimizers.params import InvalidOptimizer

Floats = NDArray[np.float64]
# Arguments: genotypes [n, ploidy, L] and the number of a generation. Result: the fitness [n] that
# `tell` would give these genotypes in that generation.
FitnessFunction = Callable[[Alleles, int], Floats]
# All that an optimizer remembers, as plain arrays. Numbers are arrays without axes.
State = dict[str, NDArray[Any]]


class Extinction(Exception):
    """All fitness in the generation is 0, so it has no parents.

    This is a result of a run, not an error.
    """


@dataclass(frozen=True, eq=False)
class Parentage:
    """Parents of a generation's newborns, expected parents, and a way to remake the newborns.

    Attributes
    ----------
    before : Alleles
        Genotypes `[n, ploidy, L]` of the parents' generation.
    parents : NDArray
        `[n, 2]` indices of the two parents of each newborn. Both are equal where there is one.
    expected : Floats
        `[n]` expected share of parentage of each individual, before chance. They sum to 1.
    forces : tuple of str
        Those of `recombination`, `drive` and `mutation` that can make a difference, in this order.
    newborns : Callable
        `newborns(forces, begin, end)` remakes newborns `begin .. end - 1` of the same parents with
        the same random numbers, with only the given forces. Without any force, whole chromosomes
        segregate fairly.
    introduced : bool
        Whether alleles were put into the newborns after they were made.
    whole : Floats or None
        `[n]` the value of `expected` if selection had seen the whole world. None where it did.
    """

    before: Alleles
    parents: NDArray[np.int64]
    expected: Floats
    forces: tuple[str, ...]
    newborns: Callable[[frozenset[str], int, int], Alleles]
    introduced: bool
    whole: Floats | None = None


class Optimizer(Protocol):
    """A base optimizer.

    The loop of a run calls `ask` and then `tell`, once a generation. It calls `begin_phase` before
    the first generation and when the world changes. Most optimizers ignore that, because natural
    selection gets no notice of a new world.
    """

    def begin_phase(self) -> None:
        """Take notice that a new world begins."""
        ...

    def use_fitness_function(self, fitness: FitnessFunction) -> None:
        """Take a function that evaluates genotypes outside `tell`. Most optimizers ignore it.

        Parameters
        ----------
        fitness : FitnessFunction
            Called with genotypes `[n, ploidy, L]` and the number of a generation. It returns the
            fitness `[n]`, in expected offspring, that `tell` would give them in that generation.
        """
        ...

    def ask(self) -> Alleles:
        """Return the genotypes `[n, ploidy, L]` of this generation's newborns."""
        ...

    def tell(self, fitness: Floats, whole: Floats | None = None) -> None:
        """Take the fitness of the newborns that `ask` returned.

        The optimizer itself subtracts the costs of drivers and modifiers.

        Parameters
        ----------
        fitness : Floats
            `[n]` fitness by behaviour alone, in expected offspring.
        whole : Floats, optional
            `[n]` fitness in the whole world, where `fitness` is something else. It decides
            nothing. `parentage` reports the shares that it would have given.

        Raises
        ------
        Extinction
            If the optimizer needs parents and there are none.
        InvalidOptimizer
            If the optimizer cannot work with such a fitness.
        """
        ...

    def state(self) -> State:
        """Return all that the optimizer remembers between `ask` and `tell`.

        The arrays stay as they are until `tell` has been called twice more.
        """
        ...

    def restore(self, state: State) -> None:
        """Continue from a state: the next `ask` returns the same newborns as before.

        Raises
        ------
        InvalidState
            If the state cannot be one of this optimizer.
        """
        ...

    def close(self) -> None:
        """End the run and release resources. Nothing is called afterwards."""
        ...

    def fitness_retained(self, genotypes: Alleles, first: int = 0) -> Floats:
        """Return the share `[n]` of fitness that drivers and modifiers leave to genotypes.

        Parameters
        ----------
        genotypes : Alleles
            `[n, ploidy, L]`.
        first : int
            Index in the population of the first of them. It decides the sex.
        """
        ...

    def parentage(self) -> Parentage | None:
        """Return where the newborns of the next `ask` came from; None if they have no parents."""
        ...


class Searcher:
    """Defaults for optimizers without parents and meiosis."""

    def begin_phase(self) -> None:
        """Ignore the change of world."""

    def use_fitness_function(self, fitness: FitnessFunction) -> None:
        """Ignore the function."""

    def close(self) -> None:
        """Release nothing."""

    def fitness_retained(self, genotypes: Alleles, first: int = 0) -> Floats:
        """Return 1 for all: without meiosis no allele can cheat."""
        return np.ones(len(genotypes))

    def parentage(self) -> Parentage | None:
        """Return None: newborns have no parents."""
        return None


class InvalidState(ValueError):
    """A state that the optimizer cannot have had. One line."""


def array_of(
    state: State, name: str, kind: type[np.generic], shape: tuple[int | None, ...]
) -> NDArray[Any]:
    """Return an array of a state that has the expected type and shape.

    Parameters
    ----------
    state : State
        Of an optimizer.
    name : str
        Name of the array.
    kind : type
        The NumPy type of its elements.
    shape : tuple
        Length of each axis. None allows any length of at least 1.

    Raises
    ------
    InvalidState
        If the array is missing or has another type or shape.
    """
    array = state.get(name)
    if array is None:
        raise InvalidState(f"the optimizer's state has no '{name}'")
    fits = len(array.shape) == len(shape) and all(
        length == expected or (expected is None and length > 0)
        for length, expected in zip(array.shape, shape, strict=True)
    )
    if array.dtype != kind or not fits:
        raise InvalidState(
            f"the optimizer's state has '{name}' with shape {array.shape} and type {array.dtype};"
            f" expected {shape} and {np.dtype(kind)}"
        )
    return array


def count_of(state: State, name: str) -> int:
    """Return a whole number of at least 0 in a state. Raises `InvalidState`."""
    count = int(array_of(state, name, np.int64, ()))
    if count < 0:
        raise InvalidState(f"the optimizer's state has '{name}' = {count}; expected at least 0")
    return count


def alleles_of(
    state: State, name: str, n_alleles: NDArray[np.int64], shape: tuple[int | None, ...]
) -> NDArray[Any]:
    """Return allele indices `[..., K]` in a state, each below `n_alleles [K]`.

    Genotypes are of type uint8, other allele indices of int64. Raises `InvalidState`.
    """
    kind = np.uint8 if name == "genotypes" else np.int64
    array = array_of(state, name, kind, shape)
    if ((array < 0) | (array >= n_alleles)).any():
        raise InvalidState(f"the optimizer's state has '{name}' with alleles that do not exist")
    return array


def check_fitness(fitness: Floats, *, negative: bool) -> None:
    """Raise `InvalidOptimizer` for a fitness that is not finite or, unless allowed, negative."""
    if (
        not np.isfinite(fitness.max())
        or not np.isfinite(least := fitness.min())
        or (least < 0 and not negative)
    ):
        bad = ~np.isfinite(fitness) | ((fitness < 0) & (not negative))
        rule = (
            "finite" if negative else "finite and not negative for fitness-proportional parentage"
        )
        raise InvalidOptimizer(
            f"fitness must be {rule}, but is {fitness[bad][0]}. Use an optimizer that ranks"
            " (hill-climb, cma-es, deap, exhaustive). Or use a world that pays more: lava and"
            " gymnasium have an offset."
        )
