"""Sexual and asexual Wright-Fisher populations: the base optimizers that nature uses.

`docs/life-cycle.md` is their page.

Life cycle of one generation: newborns are censused (`ask`); each lives and has expected fitness by
its behaviour, of which drivers and modifiers take their cost; parents are drawn with chance
proportional to what is left; meiosis, with drive where there is some; mutation; the gametes unite.
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
from evosim.kernels.compilation import make, read
from evosim.optimizers.base import Descent, Extinction, Floats, Judge, check_fitness
from evosim.optimizers.genotype_reader import HERMAPHRODITES, reading_of, strands_of
from evosim.optimizers.meiosis_arrays import flags, forces_of, meiosis_of
from evosim.optimizers.params import Asexual, Introduction, Sexual
from evosim.rng import key_of

BLOCK = 2**16


class WrightFisher(ABC):
    """A population of constant size: what `Sexual` and `Asexual` share.

    A subclass says how newborns are made.

    Two arrays of strands take turns, and everything else that is as long as the population is made
    once.
    """

    def __init__(self, params: Asexual, grid: Grid, seed: int) -> None:
        self.params, self.grid, self.seed = params, grid, seed
        self.meiosis, self.reading = meiosis_of(grid), reading_of(grid)
        self.generation = 0
        self.whole: Floats | None = None
        self.newborns = introduce(
            founders(params.population, grid, seed), grid, params.introductions, 0, seed
        )
        self.parents = np.full((params.population, 2), -1, dtype=np.int64)
        self.previous = np.empty_like(self.newborns)

    def begin_phase(self) -> None:  # noqa: B027
        """Selection is not told that the world has changed."""

    def ask(self) -> Alleles:
        """The newborns of this generation."""
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

    def judged_by(self, judge: Judge) -> None:  # noqa: B027
        """It is not needed."""

    def resume(self, genotypes: Alleles, generation: int) -> bool:
        """Go on with the newborns of a generation."""
        self.newborns[:] = genotypes
        self.generation = generation
        return True

    def end(self) -> None:  # noqa: B027
        """Nothing is held."""

    def kept(self, genotypes: Alleles, first: int = 0) -> Floats:
        """All of it: nobody has a meiosis to cheat in."""
        return np.ones(len(genotypes))

    def descent(self) -> Descent | None:
        """Where the newborns came from; nothing for founders."""
        if self.generation == 0:
            return None
        introduced = any(i.generation == self.generation for i in self.params.introductions)
        return Descent(
            self.previous,
            self.parents,
            self.expected,
            self._forces(),
            self._again,
            introduced,
            self.whole,
        )

    @property
    @abstractmethod
    def expected(self) -> Floats:
        """Each parent's expected share of parentage; sums to 1."""

    @abstractmethod
    def _prepare(self, fitness: Floats) -> None:
        """From fitness by behaviour to weights of parentage. Raises `Extinction`."""

    @abstractmethod
    def _make(self, strands: Alleles, out: Alleles) -> None:
        """Newborns from parents' strands."""

    @abstractmethod
    def _forces(self) -> tuple[str, ...]:
        """Forces of transmission that can make a difference here."""

    def _made_again(self, some: Any, every: Any, begin: int, end: int, *how: int) -> Alleles:
        """Newborns `begin .. end - 1` of the parents that were, by a kernel that makes them
        again.
        """
        out = np.empty((end - begin, *self.newborns.shape[1:]), dtype=np.uint8)
        where = (
            begin,
            self.meiosis,
            strands_of(self.previous),
            self.grid.ploidy,
            self.parents,
            self.generation,
        )
        make(some, every, len(out), *where, *key_of(self.seed), *how, strands_of(out))
        return out

    @abstractmethod
    def _again(self, forces: frozenset[str], begin: int, end: int) -> Alleles:
        """Newborns `begin .. end - 1` once more, with only some forces on."""


class SexualPopulation(WrightFisher):
    """Two parents for each newborn: one gives the egg, one the sperm."""

    params: Sexual

    def __init__(self, params: Sexual, grid: Grid, seed: int) -> None:
        super().__init__(params, grid, seed)
        self.females = params.number_of_females if params.sexes == 2 else HERMAPHRODITES
        self.selfing = params.selfing or params.sexes == 2
        self.eggs = self.sperm = _Draw(params.population)
        if params.sexes == 2 or any(site.egg != site.sperm for site in grid.drive.sites):
            self.sperm = _Draw(params.population)

    def kept(self, genotypes: Alleles, first: int = 0) -> Floats:
        """What is left of viability times fertility, the mean of both sexes' for hermaphrodites,
        else one's own sex's.
        """
        out = np.empty(len(genotypes))
        how = (self.reading, strands_of(genotypes), self.grid.ploidy, first, self.females, out)
        read(kernels_genotypes.kept_chunk, kernels_genotypes.kept, len(out), *how)
        return out

    @property
    def expected(self) -> Floats:
        """The mean of both parents' shares."""
        if self.selfing and self.eggs is self.sperm:
            return self.eggs.share
        other = self.sperm.share if self.selfing else self._share_of_the_other()
        return np.asarray(0.5 * (self.eggs.share + other))

    def _prepare(self, fitness: Floats) -> None:
        how = (self.reading, strands_of(self.newborns), self.grid.ploidy, fitness, self.females)
        read(
            kernels_genotypes.weights_chunk,
            kernels_genotypes.weights,
            len(fitness),
            *how,
            self.eggs.weights,
            self.sperm.weights,
        )
        self.sperm.add_up()
        if not self.selfing and (alone := philox.alone(self.sperm.cumulative)) >= 0:
            self._forbid_egg_of(alone)
        if self.eggs is not self.sperm:
            self.eggs.add_up()

    def _forbid_egg_of(self, alone: int) -> None:
        """The only one with sperm has nobody to mate with."""
        if self.eggs is self.sperm:
            raise Extinction
        self.eggs.weights[alone] = 0.0

    def _share_of_the_other(self) -> Floats:
        """Expected share of second parents where nobody may be both: by weight among all but the
        first parent.
        """
        w, first = self.sperm.weights, self.eggs.share
        rest = np.where(first > 0, w.sum() - w, 1.0)
        for i in np.flatnonzero(rest <= 0.0):  # rounding swallowed all the others
            rest[i] = np.delete(w, i).sum()
        each = first / rest
        return np.asarray(w * (each.sum() - each))

    def _make(self, strands: Alleles, out: Alleles) -> None:
        how = (
            self.meiosis,
            strands,
            self.grid.ploidy,
            self.eggs.cumulative,
            self.eggs.guide,
            self.sperm.cumulative,
            self.sperm.guide,
            self.selfing,
            self.generation,
            *key_of(self.seed),
            out,
            self.parents,
        )
        make(reproduce.sexual_chunk, reproduce.sexual, len(self.parents), *how)

    def _forces(self) -> tuple[str, ...]:
        return forces_of(self.grid, self.meiosis)

    def _again(self, forces: frozenset[str], begin: int, end: int) -> Alleles:
        return self._made_again(reproduce.again_chunk, reproduce.again, begin, end, flags(forces))


class AsexualPopulation(WrightFisher):
    """One parent for each newborn: a copy with mutations."""

    def __init__(self, params: Asexual, grid: Grid, seed: int) -> None:
        super().__init__(params, grid, seed)
        self.draw = _Draw(params.population)

    @property
    def expected(self) -> Floats:
        """The one parent's share."""
        return self.draw.share

    def _prepare(self, fitness: Floats) -> None:
        self.draw.weights[:] = fitness
        self.draw.add_up()

    def _make(self, strands: Alleles, out: Alleles) -> None:
        how = (
            self.meiosis,
            strands,
            self.grid.ploidy,
            self.draw.cumulative,
            self.draw.guide,
            self.generation,
            *key_of(self.seed),
            out,
            self.parents,
        )
        make(reproduce.asexual_chunk, reproduce.asexual, len(self.parents), *how)

    def _forces(self) -> tuple[str, ...]:
        return tuple(name for name in forces_of(self.grid, self.meiosis) if name == "mutation")

    def _again(self, forces: frozenset[str], begin: int, end: int) -> Alleles:
        if "mutation" in forces:
            return self._made_again(reproduce.copies_chunk, reproduce.copies, begin, end)
        return np.asarray(self.previous[self.parents[begin:end, 0]])


class _Draw:
    """Weights to draw parents by, of a population of one size."""

    def __init__(self, n: int) -> None:
        self.weights, self.cumulative = np.empty(n), np.empty(n)
        self.guide = np.empty(n, dtype=np.int32)

    def add_up(self) -> None:
        """Make ready to draw by the weights. Raises `Extinction` where there are none."""
        np.cumsum(self.weights, out=self.cumulative)
        if not self.cumulative[-1] > 0.0:
            raise Extinction
        read(philox.guide_chunk, philox.guide, len(self.guide), self.cumulative, self.guide)

    @property
    def share(self) -> Floats:
        """Expected share of parentage; sums to 1."""
        return np.asarray(self.weights / self.cumulative[-1])


def founders(n: int, grid: Grid, seed: int) -> Alleles:
    """The first generation: each allele copy drawn evenly from its locus' initial alleles."""
    choices = [locus.initial_alleles() for locus in grid.loci]
    offsets = np.cumsum([0, *(len(c) for c in choices)])
    out = np.empty((n, grid.ploidy, len(grid.loci)), dtype=np.uint8)
    how = (*key_of(seed), offsets, np.concatenate(choices), out)
    make(reproduce.founders_chunk, reproduce.founders, n, *how)
    return out


def introduce(
    newborns: Alleles,
    grid: Grid,
    introductions: tuple[Introduction, ...],
    generation: int,
    seed: int,
) -> Alleles:
    """Put the alleles of this generation's introductions into the newborns, in place.

    Gives the newborns.
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
    """The strands that an introduction finds: those with the smallest numbers, the first of equal
    ones.
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
