"""Classes and fitness of the current generation, and the fitness that the optimizer gets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evosim.config.resolve import Problem
from evosim.fitness.landscape import Landscape
from evosim.genomes.loci import Alleles, Ints
from evosim.optimizers import Optimizer
from evosim.optimizers.genotype_reader import GenotypeReader, net_fitness
from evosim.reference.selection import case_weights, selection_fitness

Floats = NDArray[np.float64]


class CurrentGeneration:
    """Genotypes, classes and fitness of one generation. `load` reuses the arrays.

    Attributes
    ----------
    reader : GenotypeReader
        Reads the genotypes.
    genotypes : Alleles
        `[n, ploidy, L]`.
    distinct : Ints
        Ids of the distinct classes.
    retained : Floats
        `[n]` share of fitness that drivers and modifiers leave.
    """

    genotypes: Alleles
    distinct: Ints
    retained: Floats

    def __init__(self, reader: GenotypeReader) -> None:
        self.reader, self._out = reader, np.empty(0)

    def load(
        self, genotypes: Alleles, landscape: Landscape, retained: Floats, *, lived: bool = True
    ) -> None:
        """Read a generation and evaluate its classes.

        Parameters
        ----------
        genotypes : Alleles
            `[n, ploidy, L]`.
        landscape : Landscape
            Evaluates the classes.
        retained : Floats
            `[n]` share of fitness that drivers and modifiers leave.
        lived : bool
            Whether the classes count as observed in the run.
        """
        self.genotypes, self.retained = genotypes, retained
        self.distinct, self._index = self.reader.classes(genotypes)
        self._values = landscape.fitness(self.distinct, observed=lived)
        if len(self._out) != len(retained):
            self._out = np.empty(len(retained))

    def net(self, name: str) -> Floats:
        """Return `ancestral`, `modern` or `modern_intent` `[n]` after the costs of drivers."""
        return net_fitness(getattr(self._values, name), self._index, self.retained, self._out)

    def fitness(self, world: str) -> Floats:
        """Return the fitness `[n]` in a world, by behaviour alone."""
        return getattr(self._values, world).take(self._index, out=self._out, mode="clip")

    def selection_fitness(self, problem: Problem, weights: Floats) -> Floats:
        """Return the fitness `[n]` in the ancestral world over start cases with `weights`."""
        return selection_fitness(problem.experiment.selection, self._values.cases, weights)[
            self._index
        ]


class Evaluation:
    """Evaluates generations of one run: for the record, and for the optimizer.

    The optimizer gets the fitness in the world of the current phase and nothing else. The fitness
    in the other world is for the record.

    Attributes
    ----------
    current : CurrentGeneration
        The generation that was loaded last.
    worlds : list of str
        The world of each generation.
    """

    def __init__(
        self, problem: Problem, landscape: Landscape, optimizer: Optimizer, seed: int
    ) -> None:
        self._problem, self._landscape, self._optimizer = problem, landscape, optimizer
        self._shares, self._seed = problem.pair.ancestral.case_shares(), seed
        self.current = CurrentGeneration(GenotypeReader(problem.genome.grid))
        self._reader = GenotypeReader(problem.genome.grid)  # for genotypes outside the generation
        self.worlds = [
            phase.world for phase in problem.experiment.phases for _ in range(phase.generations)
        ]

    def load(self, genotypes: Alleles) -> CurrentGeneration:
        """Evaluate the newborns `[n, ploidy, L]` of a generation in both worlds."""
        retained = self._optimizer.fitness_retained(genotypes)
        self.current.load(genotypes, self._landscape, retained)
        return self.current

    def reported(self, g: int, generation: CurrentGeneration | None = None) -> tuple[Floats, ...]:
        """Return the arguments of `Optimizer.tell` for a generation.

        Parameters
        ----------
        g : int
            Its number. It decides the world and, where selection sees a sample, the sample.
        generation : CurrentGeneration, optional
            The current generation by default.

        Returns
        -------
        tuple of Floats
            `[n]` fitness; and `[n]` fitness in the whole world, where that is something else.
        """
        generation = generation or self.current
        selection, world = self._problem.experiment.selection, self.worlds[g]
        if selection.plain or world == "modern":
            return (generation.fitness(world),)
        weights = case_weights(selection, self._shares, self._seed, g)
        seen = generation.selection_fitness(self._problem, weights)
        return seen, generation.fitness("ancestral")

    def outside_the_run(self, genotypes: Alleles, g: int) -> Floats:
        """Return the fitness `[n]` that genotypes would get in a generation. Nothing is recorded.

        It is a `FitnessFunction` for optimizers.
        """
        others = CurrentGeneration(GenotypeReader(self._problem.genome.grid))
        retained = self._optimizer.fitness_retained(genotypes)
        others.load(genotypes, self._landscape, retained, lived=False)
        return self.reported(g, others)[0]

    def net_in_both_worlds(self, genotypes: Alleles, first: int) -> tuple[Floats, Floats]:
        """Return net fitness `[n]` in both worlds for traits. Nothing is recorded.

        Parameters
        ----------
        genotypes : Alleles
            `[n, ploidy, L]`.
        first : int
            Index in the population of the first of them.
        """
        values = self._landscape.stored
        if values is not None:
            index = self._reader.class_ids(genotypes)
        else:
            distinct, index = self._reader.classes(genotypes)
            values = self._landscape.fitness(distinct, observed=False)
        retained = self._optimizer.fitness_retained(genotypes, first)
        ancestral, modern = (
            net_fitness(by_class, index, retained, np.empty(len(retained)))
            for by_class in (values.ancestral, values.modern)
        )
        return ancestral, modern
