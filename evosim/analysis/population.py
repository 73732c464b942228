"""A population as analysis sees it: classes, how many of each, and what drivers leave of their
fitness.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim.analysis.class_values import Conducts
from evosim.reference.selection import margin

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
WORLDS = ("ancestral", "modern")


@dataclass(frozen=True, eq=False)
class Census:
    """One snapshot of one replicate.

    Attributes:
        classes: `[n]` class of each row.
        share: `[n]` share of newborns; sums to 1.
        kept: `[n]` what drivers and modifiers leave of fitness.
        wild_classes, wild_kept: `[n]` the same individuals with every driving allele replaced by
        its wild type.
    """

    classes: Ints
    share: Floats
    kept: Floats
    wild_classes: Ints
    wild_kept: Floats

    @classmethod
    def of(cls, rows: pl.DataFrame) -> Census:
        """From rows of the table `populations`."""
        count = rows["count"].to_numpy().astype(np.float64)
        columns = [rows[name].to_numpy() for name in ("class", "kept", "class_wild", "kept_wild")]
        return cls(columns[0], count / count.sum(), *columns[1:])

    @property
    def members(self) -> set[int]:
        """All classes that are named."""
        return {*self.classes.tolist(), *self.wild_classes.tolist()}

    def worth(self, conducts: Conducts, heard: Floats | None = None) -> dict[str, Worth]:
        """Compute what the population is worth in both worlds: payoff in A, intent in M.

        Parameters
        ----------
        conducts
            Of the worlds.
        heard
            `[n]`: the fitness that selection heard, by which the best individual present is found.
            None: fitness in A.

        Returns
        -------
        dict
            By world.
        """
        if heard is None:
            heard = net(conducts, self.classes, "ancestral") * self.kept
        best = heard >= heard.max() - margin(float(heard.max()), 0.0, conducts.spans["ancestral"])
        return {which: self._worth(conducts, which, best) for which in WORLDS}

    def _worth(self, conducts: Conducts, which: str, best: NDArray[np.bool_]) -> Worth:
        free = net(conducts, self.classes, which)
        worth = free * self.kept
        return Worth(
            mean=float(self.share @ worth),
            free=float(self.share @ free),
            wild=float(self.share @ (net(conducts, self.wild_classes, which) * self.wild_kept)),
            best_present=float(worth[best].min()),
        )


@dataclass(frozen=True)
class Worth:
    """Worth of a population in one world.

    Attributes:
        mean: mean fitness, net.
        free: the same if drivers and modifiers cost nothing: by behaviour alone.
        wild: the same with every driving allele replaced by its wild type.
        best_present: worth of the individual that is best for what selection heard (the worst of
        them here, if several tie).
    """

    mean: float
    free: float
    wild: float
    best_present: float


def net(conducts: Conducts, classes: Ints, which: str) -> Floats:
    """`[n]` worth of classes by behaviour: payoff in A, intent in M, net of planning."""
    distinct, inverse = np.unique(classes, return_inverse=True)
    worths = [conducts.worth(int(c), which) for c in distinct]
    return np.array([w.fitness if which == "ancestral" else w.net_intent for w in worths])[inverse]
