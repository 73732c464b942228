"""Sexual and asexual Wright-Fisher populations: the base optimizers that nature uses.

The documentation is in `docs/life-cycle.md`.

Life cycle of one generation:

1. `ask` returns the newborns. The run records them.
2. Each individual lives. Its behaviour gives its expected fitness. Drivers and modifiers cost a
   part of it.
3. Parents are drawn with probability proportional to the fitness that is left.
4. Meiosis (with drive, if there are drivers), mutation, fusion of gametes.

Population size is constant.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from evosim import rng
from evosim.genomes import Grid
from evosim.genomes.loci import Alleles, Ints
from evosim.kernels import genotypes as kernels_genotypes
from evosim.kernels import philox, reproduce
from evosim.kernels.compilation import run_kernel, run_reader
from evosim.kernels.reproduce import ALL_FORCES, ParentWeights, Transmission
from evosim.optimizers.base import (
    Extinction,
    FitnessFunction,
    Floats,
    Parentage,
    State,
    alleles_of,
    check_fitness,
    count_of,
)
from evosim.optimizers.genotype_reader import HERMAPHRODITES, kernel_layout, strands_of
from evosim.optimizers.meiosis_arrays import flags, forces_of, meiosis_of
from evosim.optimizers.params import Asexual, Introduction, Sexual
from evosim.rng import key_of

BLOCK = 2**16


class WrightFisher(ABC):
    """A population of constant size. A subclass defines how newborns are made.

    Two arrays of genotypes take turns. All other arrays of the population's length are allocated
    once.
    """

    def __init__(self, params: Asexual, grid: Grid, seed: int) -> None:
        self.params, self.grid, self.seed = params, grid, seed
        self.meiosis, self.layout = meiosis_of(grid), kernel_layout(grid)
        self.generation = 0
        self.whole: Floats | None = None
        self.newborns = introduce(
            founders(params.population, grid, seed), grid, params.introductions, 0, seed
        )
        self.parents = np.full((params.population, 2), -1, dtype=np.int64)
        self.previous = np.empty_like(self.newborns)

    def begin_phase(self) -> None:  # noqa: B027
        """Ignore the change of world: selection gets no notice of it."""

    def ask(self) -> Alleles:
        """Return the newborns of this generation."""
        return self.newborns

    def tell(self, fitness: Floats, whole: Floats | None = None) -> None:
        """Draw parents and make the next newborns."""
        check_fitness(fitness, negative=False)
        self.whole = None
        if whole is not None:
            self._prepare(whole)
            self.whole = self.expected
        self._prepare(fitness)
        self.generation += 1
        self.newborns, self.previous = self.previous, self.newborns
        self._make(strands_of(self.previous), strands_of(self.newborns))
        introduce(self.newborns, self.grid, self.params.introductions, self.generation, self.seed)

    def state(self) -> State:
        """Return the newborns. With the seed and the generation they decide all later ones."""
        generation = np.array(self.generation, dtype=np.int64)
        return {"generation": generation, "genotypes": self.newborns}

    def restore(self, state: State) -> None:
        """Continue from a state."""
        n_alleles = np.array([len(locus.params.alleles) for locus in self.grid.loci])
        newborns = alleles_of(state, "genotypes", n_alleles, self.newborns.shape)
        self.generation = count_of(state, "generation")
        self.newborns[:] = newborns

    def use_fitness_function(self, fitness: FitnessFunction) -> None:  # noqa: B027
        """Ignore the function."""

    def close(self) -> None:  # noqa: B027
        """Release nothing."""

    def fitness_retained(self, genotypes: Alleles, first: int = 0) -> Floats:
        """Return 1 for all: without meiosis no allele can cheat."""
        return np.ones(len(genotypes))

    def parentage(self) -> Parentage | None:
        """Return where the newborns came from; None for founders."""
        if self.generation == 0:
            return None
        introduced = any(i.generation == self.generation for i in self.params.introductions)
        return Parentage(
            self.previous,
            self.parents,
            self.expected,
            self._forces(),
            self._remake,
            introduced,
            self.whole,
        )

    @property
    @abstractmethod
    def expected(self) -> Floats:
        """`[n]` expected share of parentage of each individual; sums to 1."""

    @abstractmethod
    def _prepare(self, fitness: Floats) -> None:
        """Compute the weights of parentage from fitness `[n]`. Raises `Extinction`."""

    @abstractmethod
    def _make(self, strands: Alleles, out: Alleles) -> None:
        """Draw parents and write their newborns to `out`, strand by strand."""

    @abstractmethod
    def _forces(self) -> tuple[str, ...]:
        """Return the forces of transmission that can make a difference."""

    def _transmission(self, forces: int = ALL_FORCES) -> Transmission:
        """Return the random numbers of this generation, and the forces that act."""
        return Transmission(self.generation, *key_of(self.seed), forces)

    def _remade(self, serial: Any, parallel: Any, begin: int, end: int, forces: int) -> Alleles:
        """Remake newborns `begin .. end - 1` of the same parents with a kernel."""
        out = np.empty((end - begin, *self.newborns.shape[1:]), dtype=np.uint8)
        run_kernel(
            serial,
            parallel,
            len(out),
            begin,
            self.meiosis,
            strands_of(self.previous),
            self.parents,
            self._transmission(forces),
            strands_of(out),
        )
        return out

    @abstractmethod
    def _remake(self, forces: frozenset[str], begin: int, end: int) -> Alleles:
        """Remake newborns `begin .. end - 1` with only the given forces."""


class SexualPopulation(WrightFisher):
    """Each newborn has two parents: one gives the egg, the other the sperm."""

    params: Sexual

    def __init__(self, params: Sexual, grid: Grid, seed: int) -> None:
        super().__init__(params, grid, seed)
        self.females = params.number_of_females if params.sexes == 2 else HERMAPHRODITES
        self.selfing = params.selfing or params.sexes == 2
        self.eggs = self.sperm = _ParentWeights(params.population)
        if params.sexes == 2 or any(site.egg != site.sperm for site in grid.drive.sites):
            self.sperm = _ParentWeights(params.population)

    def fitness_retained(self, genotypes: Alleles, first: int = 0) -> Floats:
        """Return the share of viability times fertility that drivers and modifiers leave.

        It is that of an individual's own sex; for hermaphrodites, the mean of both sexes.
        """
        out = np.empty(len(genotypes))
        run_reader(
            kernels_genotypes.fitness_retained_chunk,
            kernels_genotypes.fitness_retained,
            len(out),
            self.layout,
            strands_of(genotypes),
            first,
            self.females,
            out,
        )
        return out

    @property
    def expected(self) -> Floats:
        """Mean of the shares as egg parent and as sperm parent."""
        if self.selfing and self.eggs is self.sperm:
            return self.eggs.share
        other = self.sperm.share if self.selfing else self._share_as_second()
        return np.asarray(0.5 * (self.eggs.share + other))

    def _prepare(self, fitness: Floats) -> None:
        run_reader(
            kernels_genotypes.weights_chunk,
            kernels_genotypes.weights,
            len(fitness),
            self.layout,
            strands_of(self.newborns),
            fitness,
            self.females,
            self.eggs.weights,
            self.sperm.weights,
        )
        self.sperm.prepare()
        if not self.selfing and (alone := philox.alone(self.sperm.cumulative)) >= 0:
            self._forbid_egg_of(alone)
        if self.eggs is not self.sperm:
            self.eggs.prepare()

    def _forbid_egg_of(self, alone: int) -> None:
        """Give no eggs to the only individual with sperm, because it cannot mate with itself."""
        if self.eggs is self.sperm:
            raise Extinction
        self.eggs.weights[alone] = 0.0

    def _share_as_second(self) -> Floats:
        """Return expected shares of second parents without selfing.

        The second parent is drawn by weight among all but the first parent.
        """
        w, first = self.sperm.weights, self.eggs.share
        rest = np.where(first > 0, w.sum() - w, 1.0)
        for i in np.flatnonzero(rest <= 0.0):  # rounding lost the weights of all others
            rest[i] = np.delete(w, i).sum()
        each = first / rest
        return np.asarray(w * (each.sum() - each))

    def _make(self, strands: Alleles, out: Alleles) -> None:
        weights = ParentWeights(
            self.eggs.cumulative,
            self.eggs.guide,
            self.sperm.cumulative,
            self.sperm.guide,
            self.selfing,
        )
        run_kernel(
            reproduce.sexual_chunk,
            reproduce.sexual,
            len(self.parents),
            self.meiosis,
            strands,
            weights,
            self._transmission(),
            out,
            self.parents,
        )

    def _forces(self) -> tuple[str, ...]:
        return forces_of(self.grid, self.meiosis)

    def _remake(self, forces: frozenset[str], begin: int, end: int) -> Alleles:
        return self._remade(reproduce.remake_chunk, reproduce.remake, begin, end, flags(forces))


class AsexualPopulation(WrightFisher):
    """Each newborn is a copy of one parent, with mutations."""

    def __init__(self, params: Asexual, grid: Grid, seed: int) -> None:
        super().__init__(params, grid, seed)
        self.draw = _ParentWeights(params.population)

    @property
    def expected(self) -> Floats:
        """Share of each individual as the only parent."""
        return self.draw.share

    def _prepare(self, fitness: Floats) -> None:
        self.draw.weights[:] = fitness
        self.draw.prepare()

    def _make(self, strands: Alleles, out: Alleles) -> None:
        draw = self.draw
        weights = ParentWeights(draw.cumulative, draw.guide, draw.cumulative, draw.guide, True)
        run_kernel(
            reproduce.asexual_chunk,
            reproduce.asexual,
            len(self.parents),
            self.meiosis,
            strands,
            weights,
            self._transmission(),
            out,
            self.parents,
        )

    def _forces(self) -> tuple[str, ...]:
        return tuple(name for name in forces_of(self.grid, self.meiosis) if name == "mutation")

    def _remake(self, forces: frozenset[str], begin: int, end: int) -> Alleles:
        if "mutation" in forces:
            return self._remade(reproduce.copies_chunk, reproduce.copies, begin, end, flags(forces))
        return np.asarray(self.previous[self.parents[begin:end, 0]])


class _ParentWeights:
    """Weights of parentage in a population of constant size, ready to draw parents from."""

    def __init__(self, n: int) -> None:
        self.weights, self.cumulative = np.empty(n), np.empty(n)
        self.guide = np.empty(n, dtype=np.int32)

    def prepare(self) -> None:
        """Prepare drawing by the weights. Raises `Extinction` if all of them are 0."""
        np.cumsum(self.weights, out=self.cumulative)
        if not self.cumulative[-1] > 0.0:
            raise Extinction
        run_reader(philox.guide_chunk, philox.guide, len(self.guide), self.cumulative, self.guide)

    @property
    def share(self) -> Floats:
        """`[n]` expected share of parentage; sums to 1."""
        return np.asarray(self.weights / self.cumulative[-1])


def founders(n: int, grid: Grid, seed: int) -> Alleles:
    """Draw the first generation `[n, ploidy, L]`, evenly from each locus' initial alleles."""
    choices = [locus.initial_alleles() for locus in grid.loci]
    offsets = np.cumsum([0, *(len(c) for c in choices)])
    out = np.empty((n, grid.ploidy, len(grid.loci)), dtype=np.uint8)
    arrays = (*key_of(seed), offsets, np.concatenate(choices), out)
    run_kernel(reproduce.founders_chunk, reproduce.founders, n, *arrays)
    return out


def introduce(
    newborns: Alleles,
    grid: Grid,
    introductions: tuple[Introduction, ...],
    generation: int,
    seed: int,
) -> Alleles:
    """Put the alleles of this generation's introductions into the newborns.

    Parameters
    ----------
    newborns : Alleles
        Genotypes `[n, ploidy, L]`. They are changed in place.
    grid : Grid
        Their grid.
    introductions : tuple of Introduction
        Those of all generations.
    generation, seed : int
        They address the random numbers.

    Returns
    -------
    Alleles
        The newborns.
    """
    for number, introduction in enumerate(introductions):
        if introduction.generation != generation:
            continue
        chosen = _drawn(newborns.shape[:2], introduction.copies, number, generation, seed)
        strands = strands_of(newborns)
        for i, locus in enumerate(grid.loci):
            if locus.name in introduction.alleles:
                alleles: list[Any] = list(locus.params.alleles)
                strands[chosen, i] = alleles.index(introduction.alleles[locus.name])
    return newborns


def _drawn(shape: tuple[int, ...], copies: int, number: int, generation: int, seed: int) -> Ints:
    """Return the indices of the strands that receive an introduction.

    They are those with the smallest random numbers. Of equal numbers the first count.
    """
    n, ploidy = shape
    slots = np.arange(ploidy) + ploidy * number
    lots = np.empty((n, ploidy))
    for begin in range(0, n, BLOCK):
        individuals = np.arange(begin, min(n, begin + BLOCK))
        where: Any = (individuals[:, None], slots[None, :], generation, rng.INTRODUCTIONS)
        words = rng.philox(where, key_of(seed))
        lots[individuals] = rng.uniform(words[0], words[1])
    flat = lots.ravel()
    last = np.partition(flat, copies - 1)[copies - 1]
    below = np.flatnonzero(flat < last)
    return np.concatenate([below, np.flatnonzero(flat == last)[: copies - len(below)]])
