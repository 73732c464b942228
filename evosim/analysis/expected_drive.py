"""Expected trajectory of a driver in an infinite population, where the assumptions hold.

Two questions, and each may have no answer:

* `path`: the frequency in every generation, without a number from the run. The grid must have one
  class, so that genetics alone moves the driver. Each individual has two parents. There is one
  driver, and at most one modifier of it at another locus. Neither mutates, and costs are equal for
  eggs and sperm.
* `resting`: the equilibrium frequency if genomes vary, so that carriers differ in behaviour. The
  recursion takes the fitness of individuals with no, one and two copies in a recorded population.
  It assumes that this fitness stays the same. Every seed in which the driver is neither lost nor
  fixed must have all three kinds. Otherwise there is no answer.

The recursions are in `evosim.theory.two_locus`. A driver without a modifier is a driver whose
modifier has frequency 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim.config.schema import Experiment
from evosim.genomes import Genome
from evosim.genomes.drive import DriveSite
from evosim.genomes.grid import haldane
from evosim.theory import two_locus

Floats = NDArray[np.float64]
UNLINKED = 0.5
# Generations at most until a recursion is taken to rest, and the change in one by which it does
LONG, RESTS = (4000, 1e-9)
PATH = {"site": pl.String, "generation": pl.Int64, "frequency": pl.Float64}
COPIES = 3


@dataclass(frozen=True)
class Resting:
    """Where a driver would rest.

    Attributes
    ----------
    site : str
        The driver, `ALLELE at LOCUS`.
    frequency : float
        Mean over seeds of the equilibrium frequency among newborns.
    low, high : float
        The smallest and the largest equilibrium frequency over seeds.
    recorded : float
        Mean over the same seeds of the recorded frequency.
    seeds : int
        Number of seeds.
    generation : int
        Generation of the population that the fitness of carriers was taken from.
    """

    site: str
    frequency: float
    low: float
    high: float
    recorded: float
    seeds: int
    generation: int


@dataclass(frozen=True, eq=False)
class Cast:
    """One driver, at most one modifier of it, and how they are linked."""

    driver: DriveSite
    modifier: DriveSite | None
    recombination: float
    names: tuple[str, ...]

    def ratios(self, side: int) -> list[float]:
        """Transmission ratio in eggs (0) or sperm (1) of a heterozygote with no, one and two copies
        of the modifier.
        """
        k = self.driver.ratio[side]
        return [
            k if self.modifier is None else k + share * (self.modifier.ratio[side] - k)
            for share in (self.modifier or self.driver).effect
        ]

    def fitness_retained(self) -> Floats:
        """`[3, 3]` what copies of the driver (rows) and of the modifier leave of fitness."""
        tables = [
            np.array(site.viability) * np.array(site.egg)
            for site in (self.driver, self.modifier)
            if site
        ]
        return np.outer(tables[0], tables[1] if self.modifier else np.ones(COPIES))


def cast_of(experiment: Experiment, genome: Genome) -> Cast | None:
    """The driver and its modifier, if theory has a recursion for them; None otherwise."""
    grid, optimizer = genome.grid, experiment.optimizer
    drive = grid.drive
    if (
        optimizer["name"] != "sexual"
        or grid.ploidy != 2
        or len(drive.drivers) != 1
        or len(drive.modifiers) > 1
    ):
        return None
    driver, modifier = drive.drivers[0], drive.modifiers[0] if drive.modifiers else None
    if any(site.egg != site.sperm for site in drive.sites) or (
        modifier and (modifier.of != driver.locus or modifier.locus == driver.locus)
    ):
        return None
    loci = [grid.loci[site.locus] for site in drive.sites]
    if any(locus.params.mutation > 0.0 for locus in loci):
        return None
    r, where = UNLINKED, [locus.params for locus in loci]
    if len(where) == 2 and where[0].chromosome and where[0].chromosome == where[1].chromosome:
        r = haldane(abs(where[0].position - where[1].position))
    names = tuple(
        f"{grid.loci[site.locus].params.alleles[site.allele]} at {grid.loci[site.locus].name}"
        for site in drive.sites
    )
    return Cast(driver, modifier, r, names)


def path(experiment: Experiment, genome: Genome) -> pl.DataFrame | None:
    """The frequency of driver and modifier among newborns of every generation, by `site`.

    None if genomes vary or theory has no recursion.
    """
    cast = cast_of(experiment, genome)
    if cast is None or genome.grid.size > 1 or not experiment.selection.plain:
        return None
    x = _founded(genome, cast)
    eggs = sperm = x
    rows: list[dict[str, object]] = []
    for generation in range(experiment.generations):
        for introduced in experiment.optimizer.get("introductions", ()):
            if introduced["generation"] == generation:
                share = introduced["copies"] / (2.0 * experiment.optimizer["population"])
                eggs, sperm = (
                    _introduced(y, share, introduced["alleles"], genome, cast)
                    for y in (eggs, sperm)
                )
        newborns = (eggs + sperm) / 2.0
        for name, frequency in zip(
            cast.names, (newborns[2:].sum(), newborns[1::2].sum()), strict=False
        ):
            rows.append({"site": name, "generation": generation, "frequency": float(frequency)})
        try:
            eggs, sperm, _ = two_locus.step_by_sex(
                eggs,
                sperm,
                cast.recombination,
                cast.ratios(0),
                cast.ratios(1),
                cast.fitness_retained(),
            )
        except ValueError:  # no individual survives
            break
    return pl.DataFrame(rows, schema=PATH)


def _founded(genome: Genome, cast: Cast) -> Floats:
    """Haplotypes `[4]` of founders, whose alleles are drawn evenly from the first ones, locus by
    locus.
    """
    shares = [0.0, 0.0]
    for i, site in enumerate(s for s in (cast.driver, cast.modifier) if s):
        first = genome.grid.loci[site.locus].initial_alleles()
        shares[i] = float((first == site.allele).mean())
    return two_locus.haplotypes(shares[0], shares[1])


def _introduced(
    x: Floats, share: float, alleles: Mapping[str, object], genome: Genome, cast: Cast
) -> Floats:
    """Haplotypes after a share of them, drawn evenly, was given alleles."""
    given = x.reshape(2, 2)
    for axis, site in enumerate(s for s in (cast.driver, cast.modifier) if s):
        locus = genome.grid.loci[site.locus]
        if locus.name in alleles:
            has = int(list(locus.params.alleles).index(alleles[locus.name]) == site.allele)
            both = given.sum(axis=axis, keepdims=True)
            given = np.concatenate([both * (1 - has), both * has], axis=axis)
    return np.asarray((1.0 - share) * x + share * given.ravel())


def resting(
    experiment: Experiment, genome: Genome, populations: pl.DataFrame, landscape: pl.DataFrame
) -> Resting | None:
    """Equilibrium frequency of the driver if its carriers keep their fitness at the swap in A.

    None if it cannot be computed, such as when a seed lacks one kind of carrier. With a modifier
    there is no answer: nine kinds of individuals are too many for a population.
    """
    cast = cast_of(experiment, genome)
    at_swap = populations.filter(pl.col("moment") == "swap")
    if (
        cast is None
        or cast.modifier
        or genome.grid.size == 1
        or not experiment.selection.plain
        or at_swap.is_empty()
    ):
        return None
    locus = genome.grid.loci[cast.driver.locus]
    column = f"copies:{locus.name}:{locus.params.alleles[cast.driver.allele]}"
    with_fitness = at_swap.join(
        landscape.select("class", "ancestral"), on="class", maintain_order="left"
    ).with_columns(fitness=pl.col("ancestral") * pl.col("kept"))
    equilibria, recorded = [], []
    for (_,), rows in with_fitness.group_by("seed", maintain_order=True):
        count, copies, w = (
            rows[name].to_numpy().astype(np.float64) for name in ("count", column, "fitness")
        )
        frequency = float(count @ copies / (2.0 * count.sum()))
        if frequency in (0.0, 1.0):
            continue
        kinds = [(count * (copies == c)).sum() for c in range(COPIES)]
        if min(kinds) == 0.0:
            return None  # the fitness of some carriers is unknown
        by_copies = np.array([(count * w * (copies == c)).sum() / kinds[c] for c in range(COPIES)])
        if not by_copies.max() > 0.0:
            return None
        equilibria.append(_rests(cast, frequency, by_copies / by_copies.max()))
        recorded.append(frequency)
    if not equilibria:
        return None
    return Resting(
        cast.names[0],
        float(np.mean(equilibria)),
        min(equilibria),
        max(equilibria),
        float(np.mean(recorded)),
        len(equilibria),
        int(at_swap["generation"][0]),
    )


def _rests(cast: Cast, start: float, fitness: Floats) -> float:
    """Frequency at which the recursion of one driver settles; fitness `[3]` is by copies."""
    w, x = np.outer(fitness, np.ones(COPIES)), two_locus.haplotypes(start, 0.0)
    if cast.ratios(0) == cast.ratios(1):
        way, _ = two_locus.iterate(x, UNLINKED, cast.ratios(0), w, LONG, settled=RESTS)
        return float(two_locus.driver_frequency(way[-1]))
    eggs = sperm = x
    for _ in range(LONG):
        before = (eggs, sperm)
        eggs, sperm, _ = two_locus.step_by_sex(
            eggs, sperm, UNLINKED, cast.ratios(0), cast.ratios(1), w
        )
        if max(np.abs(eggs - before[0]).max(), np.abs(sperm - before[1]).max()) <= RESTS:
            break
    return float((eggs[2:].sum() + sperm[2:].sum()) / 2.0)
