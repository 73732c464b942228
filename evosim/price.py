"""The search ledger: what moved a trait from each generation to the next, by the Price equation (Price 1970, 1972).

For any trait `z` of newborns, exactly, in every generation:

    change of mean z = selection + drift + sampling + segregation + recombination + drive + mutation + introduction

* selection: the mean under the *expected* shares of parentage, minus the mean of all;
* drift: the mean under the realised shares of parentage, minus that. It is also the mean of the mid-parents;
* sampling: what selection on a sample of the ancestral world would change in the expectation; fitness is exact here, so
  it is not measured (null), which is not 0;
* segregation ... mutation: offspring minus mid-parent. The newborns of the same parents are made again by the same random
  numbers, first with fair segregation of whole chromosomes alone, then with one force after another switched on, in the
  order written. The sum is exact; how it is split depends on the order, and `order_spread` is the largest change of any
  entry over all orders (summed over generations, an upper bound of the total's);
* introduction: alleles put into newborns from outside.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim.optimizers import Descent
from genomes import Grid
from genomes.loci import Alleles

Floats = NDArray[np.float64]
FORCES = ("recombination", "drive", "mutation")
TERMS = ("selection", "drift", "sampling", "segregation", *FORCES, "introduction")
FITNESS = ("fitness in A", "fitness in M")


class Traits:
    """The traits that are followed, as numbers of genotypes: `names`, and `[K, n]` values.

    Fitness in both worlds, the expressed value of every numeric locus that varies, and the frequency (copies over
    ploidy) of every driver and modifier.
    """

    def __init__(self, grid: Grid, fitness: Callable[[Alleles], tuple[Floats, Floats]]) -> None:
        self.grid, self.fitness = grid, fitness
        self.expressed = [
            i for i, locus in enumerate(grid.loci) if locus.values.size > 1 and not isinstance(locus.params.alleles[0], str)
        ]
        self.names = (
            *FITNESS,
            *(grid.loci[i].name for i in self.expressed),
            *(f"{grid.loci[locus].name}: {grid.loci[locus].params.alleles[allele]}" for locus, allele in grid.drive.alleles),
        )

    def __call__(self, genotypes: Alleles) -> Floats:
        """Values `[K, n]` of genotypes `[n, ploidy, L]`."""
        rows = [*self.fitness(genotypes)]
        last = genotypes.shape[1] - 1
        for i in self.expressed:
            locus = self.grid.loci[i]
            rows.append(locus.values[locus.expression[genotypes[:, 0, i], genotypes[:, last, i]]])
        rows += [(genotypes[:, :, locus] == allele).mean(axis=1) for locus, allele in self.grid.drive.alleles]
        return np.stack(rows)


class SearchLedger:
    """Follows traits through the generations of one run."""

    def __init__(self, traits: Traits, seed: int) -> None:
        self.traits, self.seed = traits, seed
        self._before: Floats | None = None
        self._rows: list[tuple[int, str, Floats]] = []

    def generation(self, g: int, selecting: str, genotypes: Alleles, descent: Descent | None) -> None:
        """The newborns of generation `g`, whose parents lived in the world `selecting`."""
        now = self.traits(genotypes)
        if descent is not None and self._before is not None:
            self._rows.append((g, selecting, self._account(self._before, now, descent)))
        self._before = now

    def _account(self, before: Floats, now: Floats, descent: Descent) -> Floats:
        """`[len(TERMS) + 2, K]`: the terms, the whole change, and the spread over orders."""
        start, end = before.mean(axis=1), now.mean(axis=1)
        n = before.shape[1]
        chosen = before @ descent.expected
        midparent = before @ (np.bincount(descent.parents.ravel(), minlength=n) / descent.parents.size)
        every = frozenset(descent.forces)
        means = {every: end} if not descent.introduced else {}

        def mean(forces: frozenset[str]) -> Floats:
            if forces not in means:
                means[forces] = self.traits(descent.newborns(forces)).mean(axis=1)
            return means[forces]

        fixed = _one_by_one(descent.forces, mean)
        spread = np.zeros_like(start)
        for order in itertools.permutations(descent.forces):
            other = _one_by_one(order, mean)
            for force in descent.forces:
                spread = np.maximum(spread, np.abs(other[force] - fixed[force]))
        nothing = np.zeros_like(start)
        terms = {
            "selection": chosen - start,
            "drift": midparent - chosen,
            "sampling": np.full_like(start, np.nan),
            "segregation": mean(frozenset()) - midparent,
            **{force: fixed.get(force, nothing) for force in FORCES},
            "introduction": end - mean(every),
        }
        return np.stack([*(terms[name] for name in TERMS), end - start, spread])

    def table(self) -> pl.DataFrame:
        """The table `search`; `docs/schema.md` documents every column."""
        names = self.traits.names
        schema = {"seed": pl.Int64, "generation": pl.Int64, "selecting": pl.String, "trait": pl.String}
        columns = [*TERMS, "change", "order_spread"]
        if not self._rows:
            return pl.DataFrame(schema=schema | dict.fromkeys(columns, pl.Float64))
        k = len(names)
        values = np.concatenate([account.T for _, _, account in self._rows])
        frame = pl.DataFrame(
            {
                "seed": np.full(len(values), self.seed, dtype=np.int64),
                "generation": np.repeat([g for g, _, _ in self._rows], k),
                "selecting": [world for _, world, _ in self._rows for _ in range(k)],
                "trait": list(names) * len(self._rows),
                **{name: values[:, i] for i, name in enumerate(columns)},
            },
            schema_overrides=schema,
        )
        drive = "drive" if self.traits.grid.drive else None
        unmeasured = ["sampling"] + ([] if drive else ["drive"])
        return frame.with_columns(pl.lit(None, dtype=pl.Float64).alias(name) for name in unmeasured)


def _one_by_one(order: tuple[str, ...], mean: Callable[[frozenset[str]], Floats]) -> dict[str, Floats]:
    """What each force adds when forces are switched on in this order."""
    out, on = {}, frozenset[str]()
    for force in order:
        more = on | {force}
        out[force] = mean(more) - mean(on)
        on = more
    return out
