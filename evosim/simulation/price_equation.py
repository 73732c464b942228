"""The search ledger: what moved a trait from each generation to the next, by the Price equation
(Price 1970, 1972).

For any trait `z` of newborns, exactly, in every generation:

    change of mean z = selection + drift + sampling + segregation + recombination + drive + mutation
    + introduction

* selection: the mean under the *expected* shares of parentage, minus the mean of all. Selection may
  see a sample of the world or its worst cases. These are then the shares that fitness in the whole
  world would have given.
* sampling: the mean under the expected shares by what selection saw, minus that mean. It is null
  (unmeasured, not 0) if selection sees the whole world.
* drift: the mean under the realised shares of parentage, minus the mean under the expected ones.
  The former is also the mean of the mid-parents.
* segregation ... mutation: offspring minus mid-parent. The newborns are remade from the same
  parents and random numbers. At first whole chromosomes segregate fairly, without other forces.
  Then one force after another is added, in the order above.
* introduction: alleles put into newborns from outside.

The sum is exact. Its parts depend on the order of the forces. `order_spread` is the largest change
of any entry over all orders. Summed over generations it is an upper bound of the total's spread.

Traits are read, and newborns remade, in chunks, so the additional memory is bounded.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim.genomes import Grid
from evosim.genomes.loci import Alleles, Ints
from evosim.kernels import genotypes as kernels_genotypes
from evosim.kernels.compilation import run_reader
from evosim.optimizers import Parentage
from evosim.optimizers.genotype_reader import kernel_layout, strands_of

Floats = NDArray[np.float64]
FORCES = ("recombination", "drive", "mutation")
TERMS = ("selection", "drift", "sampling", "segregation", *FORCES, "introduction")
FITNESS = ("fitness in A", "fitness in M")
CHUNK = 2**16


class Traits:
    """The traits that the ledger follows: `names`, and values `[K, n]` of genotypes.

    They are fitness in both worlds and the expressed value of every numeric locus that varies.
    Drivers and modifiers add their frequency (copies over ploidy).
    """

    def __init__(
        self, grid: Grid, fitness: Callable[[Alleles, int], tuple[Floats, Floats]]
    ) -> None:
        self.grid, self.fitness, self.layout = grid, fitness, kernel_layout(grid)
        varying = self.layout.varying.tolist()
        expressed = [i for i in varying if not isinstance(grid.loci[i].params.alleles[0], str)]
        sites = [(site.locus, site.allele) for site in grid.drive.sites]
        self.names = (
            *FITNESS,
            *(grid.loci[i].name for i in expressed),
            *(
                f"{grid.loci[locus].name}: {grid.loci[locus].params.alleles[allele]}"
                for locus, allele in grid.drive.alleles
            ),
        )
        values = np.zeros(
            (len(expressed), max((grid.loci[i].values.size for i in expressed), default=0))
        )
        for row, i in zip(values, expressed, strict=True):
            row[: grid.loci[i].values.size] = grid.loci[i].values
        self._chosen = np.array([varying.index(i) for i in expressed], dtype=np.int64)
        self._values = values
        self._copies = np.array(
            [sites.index(allele) for allele in grid.drive.alleles], dtype=np.int64
        )

    def __call__(self, genotypes: Alleles, first: int = 0) -> Floats:
        """Values `[K, n]` of genotypes `[n, ploidy, L]`, the individuals from `first` on."""
        out = np.empty((len(self.names), len(genotypes)))
        out[0], out[1] = self.fitness(genotypes, first)
        arguments = (
            self.layout,
            strands_of(genotypes),
            self._chosen,
            self._values,
            self._copies,
            out[2:],
        )
        run_reader(
            kernels_genotypes.traits_chunk, kernels_genotypes.traits, len(genotypes), *arguments
        )
        return out


Row = tuple[int, str, Floats]  # generation, the world its parents were selected in, its account


@dataclass(frozen=True, eq=False)
class Mark:
    """The length of a ledger at some time.

    Attributes
    ----------
    blocks : int
        Whole blocks.
    rows : int
        Rows of the list `of`, which only grows.
    of : list of Row
        Rows that are in no block.
    end : Floats or None
        `[K]` mean of each trait.
    """

    blocks: int
    rows: int
    of: list[Row]
    end: Floats | None


class SearchLedger:
    """Records the changes of traits through the generations of one run."""

    def __init__(self, traits: Traits, seed: int) -> None:
        self.traits, self.seed = traits, seed
        self._end: Floats | None = None
        # Traits [K, n] of the last generation, if it is small: they are needed again as parents
        self._values: Floats | None = None
        self._rows: list[Row] = []
        self.blocks: list[list[Row]] = []

    def add(self, g: int, selecting: str, genotypes: Alleles, parentage: Parentage | None) -> None:
        """Record the newborns `[n, ploidy, L]` of generation `g`.

        Parameters
        ----------
        g : int
            The generation.
        selecting : str
            The world in which their parents lived.
        genotypes : Alleles
            The newborns.
        parentage : Parentage or None
            Their parents.
        """
        start, before, n = self._end, self._values, len(genotypes)
        self._values = self.traits(genotypes) if n <= CHUNK else None
        if self._values is not None:
            self._end = self._values.sum(axis=1)
        else:
            (self._end,) = self._sums(
                n, lambda begin, end: self.traits(genotypes[begin:end], begin)
            )
        self._end /= n
        if parentage is not None and start is not None:
            self._rows.append((g, selecting, self._account(start, self._end, parentage, before)))

    def take_rows(self) -> list[Row]:
        """Remove and return the rows that are in no block. Lists of a `Mark` stay as they are."""
        rows, self._rows = self._rows, []
        return rows

    def mark(self) -> Mark:
        """Return the current length of the ledger."""
        return Mark(len(self.blocks), len(self._rows), self._rows, self._end)

    def state(self, mark: Mark) -> dict[str, NDArray[Any]]:
        """Return the ledger up to a mark as arrays, without blocks on disk."""
        rows = [row for block in self.blocks[: mark.blocks] for row in block] + mark.of[: mark.rows]
        size = (len(rows), len(TERMS) + 2, len(self.traits.names))
        return {
            "ledger_end": np.empty(0) if mark.end is None else mark.end,
            "ledger_generations": np.array([g for g, *_ in rows], dtype=np.int64),
            "ledger_selecting": np.array([world for _, world, _ in rows], dtype=np.str_),
            "ledger_accounts": np.array([account for *_, account in rows]).reshape(size),
        }

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Continue from the arrays of `state`."""
        self._end = arrays["ledger_end"] if arrays["ledger_end"].size else None
        columns = (
            arrays["ledger_generations"].tolist(),
            arrays["ledger_selecting"].tolist(),
            arrays["ledger_accounts"],
        )
        self._rows = list(zip(*columns, strict=True))

    def _sums(
        self, n: int, block: Callable[[int, int], Floats], *weights: Floats | Ints
    ) -> list[Floats]:
        """Return sums of traits `[K]` over `n` individuals: plain, or one for each weight `[n]`.

        `block(begin, end)` returns traits `[K, end - begin]` of some of the individuals.
        """
        out = [np.zeros(len(self.traits.names)) for _ in weights or (1,)]
        for begin in range(0, n, CHUNK):
            end = min(n, begin + CHUNK)
            values = block(begin, end)
            for k, total in enumerate(out):
                # Not a matrix product: its order of summation may depend on threads.
                total += (values * weights[k][begin:end] if weights else values).sum(axis=1)
        return out

    def _account(
        self, start: Floats, end: Floats, parentage: Parentage, before: Floats | None
    ) -> Floats:
        """Return terms, whole change and spread over orders, as `[len(TERMS) + 2, K]`.

        `before [K, n]` are the traits of the parents' generation, if they are in memory.
        """
        n = len(parentage.parents)
        children = np.bincount(parentage.parents.ravel(), minlength=len(parentage.before))
        weights: list[Floats | Ints] = [
            parentage.expected,
            children,
            *(() if parentage.whole is None else (parentage.whole,)),
        ]

        def traits_before(begin: int, end: int) -> Floats:
            if before is not None:
                return before[:, begin:end]
            return self.traits(parentage.before[begin:end], begin)

        sums = self._sums(len(parentage.before), traits_before, *weights)
        seen, midparent = sums[:2]
        chosen = sums[-1] if parentage.whole is not None else seen
        midparent /= parentage.parents.size
        every = frozenset(parentage.forces)
        means = {every: end} if not parentage.introduced else {}

        def mean(forces: frozenset[str]) -> Floats:
            if forces not in means:
                (total,) = self._sums(
                    n, lambda begin, end: self.traits(parentage.newborns(forces, begin, end), begin)
                )
                means[forces] = total / n
            return means[forces]

        fixed = _one_by_one(parentage.forces, mean)
        spread = np.zeros_like(start)
        for order in itertools.permutations(parentage.forces):
            other = _one_by_one(order, mean)
            for force in parentage.forces:
                spread = np.maximum(spread, np.abs(other[force] - fixed[force]))
        nothing = np.zeros_like(start)
        terms = {
            "selection": chosen - start,
            "drift": midparent - seen,
            "sampling": seen - chosen
            if parentage.whole is not None
            else np.full_like(start, np.nan),
            "segregation": mean(frozenset()) - midparent,
            **{force: fixed.get(force, nothing) for force in FORCES},
            "introduction": end - mean(every),
        }
        return np.stack([*(terms[name] for name in TERMS), end - start, spread])

    def table(self) -> pl.DataFrame:
        """Return the table `search` of all rows in memory; see `docs/schema.md`."""
        return self.table_of([row for block in (*self.blocks, self._rows) for row in block])

    def table_of(self, rows: list[Row]) -> pl.DataFrame:
        """Return the table `search` of rows."""
        names = self.traits.names
        schema = {
            "seed": pl.Int64,
            "generation": pl.Int64,
            "selecting": pl.String,
            "trait": pl.String,
        }
        columns = [*TERMS, "change", "order_spread"]
        if not rows:
            return pl.DataFrame(schema=schema | dict.fromkeys(columns, pl.Float64))
        k = len(names)
        values = np.concatenate([account.T for _, _, account in rows])
        frame = pl.DataFrame(
            {
                "seed": np.full(len(values), self.seed, dtype=np.int64),
                "generation": np.repeat([g for g, _, _ in rows], k),
                "selecting": [world for _, world, _ in rows for _ in range(k)],
                "trait": list(names) * len(rows),
                **{name: values[:, i] for i, name in enumerate(columns)},
            },
            schema_overrides=schema,
        )
        drive = "drive" if self.traits.grid.drive else None
        frame = frame.with_columns(pl.col("sampling").fill_nan(None))
        return frame if drive else frame.with_columns(pl.lit(None, dtype=pl.Float64).alias("drive"))


def _one_by_one(
    order: tuple[str, ...], mean: Callable[[frozenset[str]], Floats]
) -> dict[str, Floats]:
    """Return the effect `[K]` of each force when forces are added in this order."""
    out, on = {}, frozenset[str]()
    for force in order:
        more = on | {force}
        out[force] = mean(more) - mean(on)
        on = more
    return out
