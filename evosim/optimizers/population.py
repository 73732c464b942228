"""Sexual and asexual Wright-Fisher populations: the base optimizers that nature uses. `docs/life-cycle.md` is their page.

Life cycle of one generation: newborns are censused (`ask`); each lives and has expected fitness by its behaviour, of
which drivers and modifiers take their cost; parents are drawn with chance proportional to what is left; meiosis, with
drive where there is some; mutation; the gametes unite. Population size is constant.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from evosim import streams
from evosim.kernels import philox, reproduce
from evosim.optimizers.base import Descent, Extinction, Floats, check_fitness
from evosim.optimizers.catalogue import Asexual, Introduction, Sexual
from evosim.optimizers.meiosis import flags, forces_of, meiosis_of
from evosim.streams import key_of
from genomes import Grid
from genomes.loci import Alleles

THREADED = 4096


class WrightFisher(ABC):
    """A population of constant size: what `Sexual` and `Asexual` share. A subclass says how newborns are made."""

    def __init__(self, params: Asexual, grid: Grid, seed: int) -> None:
        self.params, self.grid, self.seed = params, grid, seed
        self.meiosis = meiosis_of(grid)
        self.generation = 0
        self.newborns = introduce(founders(params.population, grid, seed), grid, params.introductions, 0, seed)
        self.parents = np.full((params.population, 2), -1, dtype=np.int64)
        self.previous = np.empty_like(self.newborns)
        self.expected: Floats | None = None

    def begin_phase(self) -> None:  # noqa: B027 (nothing to do is what it does)
        """Selection is not told that the world has changed."""

    def ask(self) -> Alleles:
        """The newborns of this generation."""
        return self.newborns

    def tell(self, fitness: Floats) -> None:
        """Draw parents and make the next newborns."""
        check_fitness(fitness, negative=False)
        self._prepare(fitness)
        self.generation += 1
        self.newborns, self.previous = self.previous, self.newborns
        strands = self._strands(self.previous)
        # Waking a second thread costs more than a small population does; either way gives the same bytes.
        self._make(strands, self._strands(self.newborns), threaded=len(self.newborns) >= THREADED)
        introduce(self.newborns, self.grid, self.params.introductions, self.generation, self.seed)

    def kept(self, genotypes: Alleles) -> Floats:
        """All of it: nobody has a meiosis to cheat in."""
        return np.ones(len(genotypes))

    def descent(self) -> Descent | None:
        """Where the newborns came from; nothing for founders."""
        if self.expected is None:
            return None
        introduced = any(i.generation == self.generation for i in self.params.introductions)
        return Descent(self.parents, self.expected, self._forces(), self._again, introduced)

    @abstractmethod
    def _prepare(self, fitness: Floats) -> None:
        """From fitness by behaviour to weights of parentage. Raises `Extinction`."""

    @abstractmethod
    def _make(self, strands: Alleles, out: Alleles, *, threaded: bool) -> None:
        """Newborns from parents' strands."""

    @abstractmethod
    def _forces(self) -> tuple[str, ...]:
        """Forces of transmission that can make a difference here."""

    @abstractmethod
    def _again(self, forces: frozenset[str]) -> Alleles:
        """The newborns once more, with only some forces on."""

    def _strands(self, genotypes: Alleles) -> Alleles:
        return genotypes.reshape(-1, genotypes.shape[2])


class SexualPopulation(WrightFisher):
    """Two parents for each newborn: one gives the egg, one the sperm."""

    params: Sexual

    def kept(self, genotypes: Alleles) -> Floats:
        """What is left of viability times fertility, the mean of both sexes' for hermaphrodites, else one's own sex's."""
        if not self.grid.drive:
            return np.ones(len(genotypes))
        viability, female, male = self.grid.drive.kept(genotypes)
        fertility = 0.5 * (female + male)
        if self.params.sexes == 2:
            fertility = np.where(np.arange(len(genotypes)) < self.params.number_of_females, female, male)
        return np.asarray(viability * fertility)

    def _prepare(self, fitness: Floats) -> None:
        viability, female, male = self.grid.drive.kept(self.newborns) if self.grid.drive else (1.0, 1.0, 1.0)
        eggs, sperm = fitness * viability * female, fitness * viability * male
        if self.params.sexes == 2:
            eggs[self.params.number_of_females :] = 0.0
            sperm[: self.params.number_of_females] = 0.0
        self.selfing = self.params.selfing or self.params.sexes == 2
        if not self.selfing:
            eggs = np.where(_others_have(sperm), eggs, 0.0)
        self.eggs = _Draw(eggs)
        self.sperm = self.eggs if np.array_equal(eggs, sperm) else _Draw(sperm)
        self.expected = 0.5 * (self.eggs.share + (self.sperm.share if self.selfing else self._share_of_the_other()))

    def _share_of_the_other(self) -> Floats:
        """Expected share of second parents where nobody may be both: by weight among all but the first parent."""
        w, first = self.sperm.weights, self.eggs.share
        rest = np.where(first > 0, w.sum() - w, 1.0)
        for i in np.flatnonzero(rest <= 0.0):  # rounding swallowed all the others
            rest[i] = np.delete(w, i).sum()
        each = first / rest
        return np.asarray(w * (each.sum() - each))

    def _make(self, strands: Alleles, out: Alleles, *, threaded: bool) -> None:
        how = (
            self.meiosis, strands, self.grid.ploidy, self.eggs.cumulative, self.eggs.guide, self.sperm.cumulative,
            self.sperm.guide, self.selfing, self.generation, *key_of(self.seed), out, self.parents,
        )  # fmt: skip
        if threaded:
            reproduce.sexual(*how)
        else:
            reproduce.sexual_chunk(0, len(self.parents), *how)

    def _forces(self) -> tuple[str, ...]:
        return forces_of(self.grid, self.meiosis)

    def _again(self, forces: frozenset[str]) -> Alleles:
        out = np.empty_like(self.newborns)
        where = (self.meiosis, self._strands(self.previous), self.grid.ploidy, self.parents, self.generation)
        reproduce.again(*where, *key_of(self.seed), flags(forces), self._strands(out))
        return out


class AsexualPopulation(WrightFisher):
    """One parent for each newborn: a copy with mutations."""

    def _prepare(self, fitness: Floats) -> None:
        self.weights = _Draw(fitness)
        self.expected = self.weights.share

    def _make(self, strands: Alleles, out: Alleles, *, threaded: bool) -> None:
        how = (
            self.meiosis, strands, self.grid.ploidy, self.weights.cumulative, self.weights.guide, self.generation,
            *key_of(self.seed), out, self.parents,
        )  # fmt: skip
        if threaded:
            reproduce.asexual(*how)
        else:
            reproduce.asexual_chunk(0, len(self.parents), *how)

    def _forces(self) -> tuple[str, ...]:
        return tuple(name for name in forces_of(self.grid, self.meiosis) if name == "mutation")

    def _again(self, forces: frozenset[str]) -> Alleles:
        if "mutation" in forces:
            out = np.empty_like(self.newborns)
            where = (self.meiosis, self._strands(self.previous), self.grid.ploidy, self.parents, self.generation)
            reproduce.copies(*where, *key_of(self.seed), self._strands(out))
            return out
        return np.asarray(self.previous[self.parents[:, 0]])


def _others_have(weights: Floats) -> np.ndarray:
    """`[n]`: whether anybody else has weight that a running sum can tell from nothing: who has not, cannot mate."""
    tells = np.diff(np.cumsum(weights), prepend=0.0) > 0.0
    return np.asarray(tells.sum() - tells > 0)


class _Draw:
    """Weights to draw parents by. Raises `Extinction` where there are none."""

    def __init__(self, weights: Floats) -> None:
        self.weights = weights
        self.cumulative = np.cumsum(weights)
        if not self.cumulative[-1] > 0.0:
            raise Extinction
        self.guide = np.empty(len(weights), dtype=np.int64)
        philox.guide(self.cumulative, self.guide)

    @property
    def share(self) -> Floats:
        """Expected share of parentage; sums to 1."""
        return np.asarray(self.weights / self.cumulative[-1])


def founders(n: int, grid: Grid, seed: int) -> Alleles:
    """The first generation: each allele copy drawn evenly from its locus' initial alleles."""
    choices = [locus.initial_alleles() for locus in grid.loci]
    offsets = np.cumsum([0, *(len(c) for c in choices)])
    out = np.empty((n, grid.ploidy, len(grid.loci)), dtype=np.uint8)
    reproduce.founders(*key_of(seed), offsets, np.concatenate(choices), out)
    return out


def introduce(
    newborns: Alleles, grid: Grid, introductions: tuple[Introduction, ...], generation: int, seed: int
) -> Alleles:
    """Put the alleles of this generation's introductions into the newborns, in place. Gives the newborns."""
    n, ploidy, _ = newborns.shape
    for number, introduction in enumerate(introductions):
        if introduction.generation != generation:
            continue
        slots = np.arange(ploidy) + ploidy * number
        where: Any = (np.arange(n)[:, None], slots[None, :], generation, streams.INTRODUCTIONS)
        words = streams.philox(where, key_of(seed))
        chosen = np.argsort(streams.uniform(words[0], words[1]).ravel(), kind="stable")[: introduction.copies]
        strands = newborns.reshape(n * ploidy, -1)
        for i, locus in enumerate(grid.loci):
            if locus.name in introduction.alleles:
                alleles: list[Any] = list(locus.params.alleles)
                strands[chosen, i] = alleles.index(introduction.alleles[locus.name])
    return newborns
