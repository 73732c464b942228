"""Classes and fitness of the current generation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evosim.config.schema import SelectionChoice
from evosim.fitness.landscape import Landscape
from evosim.genomes.loci import Alleles
from evosim.optimizers.genotype_reader import Census, worth
from evosim.reference.selection import selection_fitness


class Living:
    """One generation: which classes it has, and what each individual is worth.

    What it gives is overwritten.
    """

    def __init__(self, census: Census) -> None:
        self._census, self._out = census, np.empty(0)

    def look(
        self,
        genotypes: Alleles,
        landscape: Landscape,
        kept: NDArray[np.float64],
        *,
        lived: bool = True,
    ) -> None:
        """A generation has come. `kept [n]` is what drivers and modifiers leave of fitness.

        Classes of individuals that never `lived` are not recorded.
        """
        self.distinct, self._places = self._census.classes(genotypes)
        self._worth, self.kept = landscape.worth(self.distinct, lived=lived), kept
        if len(self._out) != len(kept):
            self._out = np.empty(len(kept))

    def worth(self, name: str) -> NDArray[np.float64]:
        """Worth `[n]` of individuals, after what drivers and modifiers take."""
        return worth(getattr(self._worth, name), self._places, self.kept, self._out)

    def fitness(self, name: str) -> NDArray[np.float64]:
        """Fitness `[n]` by behaviour alone."""
        return getattr(self._worth, name).take(self._places, out=self._out, mode="clip")

    def selected(
        self, choice: SelectionChoice, weights: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """The same as selection hears it in the ancestral world, of cases by their `weights`."""
        return selection_fitness(choice, self._worth.cases, weights)[self._places]
