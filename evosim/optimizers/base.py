"""What every base optimizer is to the loop: `begin_phase`, `ask`, `tell`.

It sees fitness and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from evosim.genomes.loci import Alleles
from evosim.optimizers.params import InvalidOptimizer

Floats = NDArray[np.float64]
# Of genotypes [n, ploidy, L] and a generation's number: the fitness [n] that this would hear of
# them.
Judge = Callable[[Alleles, int], Floats]


class Extinction(Exception):
    """Nobody in the generation has any fitness, so nobody can be a parent.

    A result, not an error.
    """


@dataclass(frozen=True, eq=False)
class Descent:
    """Who the parents of a generation's newborns were, who was expected to be, and what
    transmission did.

    Attributes:
        before: the genotypes `[n, ploidy, L]` that the parents are among.
        parents: `[n, 2]` the two parents of each newborn (the same one twice where there is one).
        expected: `[n]` each parent's expected share of parentage, before chance; sums to 1.
        forces: those of `recombination`, `drive` and `mutation` that can make a difference here, in
        this order. newborns: newborns of the same parents by the same random numbers, with only the
        given forces on, from one number up
            to another (for as many at a time as there is room for). Nothing on: fair segregation of
            whole chromosomes.
        introduced: whether alleles were put into the newborns after they were made.
        whole: `[n]` what `expected` would have been if selection had seen the whole world; nothing
        where it did.
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

    Called once a generation in the order `ask`, `tell`. `begin_phase` is called when the world
    changes and before the first generation; most optimizers do nothing then, as natural selection
    gets no notice of a new world.
    """

    def begin_phase(self) -> None:
        """A new world begins."""
        ...

    def judged_by(self, judge: Judge) -> None:
        """Take what judges genotypes outside a generation. Only an optimizer that asks keeps it.

        Parameters
        ----------
        judge
            Called with genotypes `[n, ploidy, L]` and the number of a generation. It returns the
            fitness `[n]`, in expected offspring, that `tell` would give them in that generation.
        """
        ...

    def ask(self) -> Alleles:
        """Genotypes `[n, ploidy, L]` of this generation's newborns."""
        ...

    def tell(self, fitness: Floats, whole: Floats | None = None) -> None:
        """Fitness `[n]` by behaviour of what `ask` gave, in expected offspring; raises `Extinction`
        if nobody has any.

        Where this is not fitness in the whole world, that may be given as `whole`: it decides
        nothing, and `descent` tells what it would have meant.

        What drivers and modifiers cost is part of reproduction: the optimizer itself takes it off.
        """
        ...

    def resume(self, genotypes: Alleles, generation: int) -> bool:
        """Go on as if `ask` had just given these newborns of a generation, if with the seed they
        decide all that comes.

        Tells whether they do. Else nothing has changed: the optimizer must be led through all
        generations again.
        """
        ...

    def end(self) -> None:
        """The run is over, or stopped: let go of what is held. Nothing is asked any more."""
        ...

    def kept(self, genotypes: Alleles, first: int = 0) -> Floats:
        """`[n]`: what drivers and modifiers leave of the fitness of such genotypes, the individuals
        from `first` on.
        """
        ...

    def descent(self) -> Descent | None:
        """Where the newborns that `ask` gives next came from; nothing for an optimizer without
        descent, or at first.
        """
        ...


class Searcher:
    """What optimizers share that have no parents: no meiosis, no descent, and a memory beside what
    they ask.
    """

    def begin_phase(self) -> None:
        """Nobody tells that the world has changed."""

    def judged_by(self, judge: Judge) -> None:
        """It is not needed."""

    def resume(self, genotypes: Alleles, generation: int) -> bool:
        """What is remembered is not among the newborns: it must be learnt again."""
        return False

    def end(self) -> None:
        """Nothing is held."""

    def kept(self, genotypes: Alleles, first: int = 0) -> Floats:
        """All of it: there is no meiosis to cheat in."""
        return np.ones(len(genotypes))

    def descent(self) -> Descent | None:
        """Nobody descends from anybody here."""
        return None


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
            " (hill-climb, cma-es, deap, exhaustive), or a world that pays more (lava and"
            " gymnasium have an offset)."
        )
