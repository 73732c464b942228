"""A population at one moment: classes, their shares, and what drivers leave of fitness."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim.analysis.class_values import ClassEvaluator
from evosim.analysis.values import ByWorld
from evosim.reference.selection import margin

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
WORLDS = ("ancestral", "modern")


@dataclass(frozen=True, eq=False)
class PopulationSnapshot:
    """The population of one replicate at one moment.

    Attributes
    ----------
    classes : ndarray
        `[n]` class of each row.
    share : ndarray
        `[n]` share of newborns; sums to 1.
    fitness_retained : ndarray
        `[n]` share of fitness that drivers and modifiers leave.
    wild_classes, wild_fitness_retained : ndarray
        `[n]` the same if every driving allele is replaced by its wild type.
    """

    classes: Ints
    share: Floats
    fitness_retained: Floats
    wild_classes: Ints
    wild_fitness_retained: Floats

    @classmethod
    def from_table(cls, rows: pl.DataFrame) -> PopulationSnapshot:
        """From rows of the table `populations` that belong to one seed and moment."""
        count = rows["count"].to_numpy().astype(np.float64)
        columns = [rows[name].to_numpy() for name in ("class", "kept", "class_wild", "kept_wild")]
        return cls(columns[0], count / count.sum(), *columns[1:])

    @property
    def members(self) -> set[int]:
        """All classes that occur, with those of the wild types."""
        return {*self.classes.tolist(), *self.wild_classes.tolist()}

    def fitness(
        self, evaluator: ClassEvaluator, selected_by: Floats | None = None
    ) -> ByWorld[PopulationFitness]:
        """Fitness of the population in both worlds: payoff in A, intent in M.

        Parameters
        ----------
        evaluator : ClassEvaluator
            Of the worlds.
        selected_by : array, optional
            `[n]`: the fitness that selection used. The best individual is the best by it. Default:
            ancestral fitness.

        Returns
        -------
        ByWorld of PopulationFitness
        """
        if selected_by is None:
            selected_by = net_fitness(evaluator, self.classes, "ancestral") * self.fitness_retained
        best = float(selected_by.max())
        is_best = selected_by >= best - margin(best, 0.0, evaluator.spans["ancestral"])
        return ByWorld(*(self._fitness(evaluator, world, is_best) for world in WORLDS))

    def _fitness(
        self, evaluator: ClassEvaluator, world: str, is_best: NDArray[np.bool_]
    ) -> PopulationFitness:
        free = net_fitness(evaluator, self.classes, world)
        fitness = free * self.fitness_retained
        wild = net_fitness(evaluator, self.wild_classes, world) * self.wild_fitness_retained
        return PopulationFitness(
            mean=float(self.share @ fitness),
            free=float(self.share @ free),
            wild=float(self.share @ wild),
            best_present=float(fitness[is_best].min()),
        )


@dataclass(frozen=True)
class PopulationFitness:
    """Fitness of a population in one world.

    Attributes
    ----------
    mean : float
        Mean net fitness.
    free : float
        The same if drivers and modifiers cost nothing: by behaviour alone.
    wild : float
        The same with every driving allele replaced by its wild type.
    best_present : float
        Fitness of the individual that is best by what selection used; of a tie, the worst here.
    """

    mean: float
    free: float
    wild: float
    best_present: float


def net_fitness(evaluator: ClassEvaluator, classes: Ints, world: str) -> Floats:
    """`[n]`: fitness of classes by behaviour, net of upkeep: payoff in A, intent in M."""
    distinct, inverse = np.unique(classes, return_inverse=True)
    return np.array([evaluator.scored(int(c), world) for c in distinct])[inverse]
