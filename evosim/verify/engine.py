"""The engine under test: evosim's own reproduction, and faults that can be planted in it.

A planted fault changes the input or the output of the engine, never the law. A law that holds
despite its fault tests nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import blake2b

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evosim.genomes import Drive, Driver, Grid, LocusParams, Modifier
from evosim.genomes.drive import CostTo
from evosim.genomes.germline import GermLine, build_grid
from evosim.genomes.loci import Alleles
from evosim.kernels import breeding, reproduce
from evosim.kernels.reproduce import DRIVE, MUTATE, RECOMBINATION, Meiosis
from evosim.optimizers.meiosis_arrays import meiosis_of
from evosim.optimizers.params import Sexual
from evosim.optimizers.wright_fisher import SexualPopulation
from evosim.rng import key_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
WILD, OTHER = "wild", "other"


def markers(
    *positions: float | None,
    drivers: tuple[Driver, ...] = (),
    modifiers: tuple[Modifier, ...] = (),
    mutation: float = 0.0,
    ploidy: int = 2,
) -> Grid:
    """A genome of markers `m0, m1, ...` with alleles `wild` and `other`.

    Parameters
    ----------
    *positions : float or None
        Position of each marker in centimorgan on one chromosome; None: a chromosome of its own.
    drivers, modifiers : tuple of Driver, tuple of Modifier
        Drivers and modifiers.
    mutation : float
        Rate at which either allele becomes the other.
    ploidy : int
        1 or 2.

    Returns
    -------
    Grid
        The genome's grid.
    """
    loci = {
        f"m{i}": LocusParams(
            (WILD, OTHER),
            mutation=mutation,
            kernel="uniform",
            chromosome="" if position is None else "c",
            position=position or 0.0,
        )
        for i, position in enumerate(positions)
    }
    return build_grid([], GermLine(markers=loci, drivers=drivers, modifiers=modifiers), ploidy)


def driver(
    ratio: float | tuple[float, float],
    cost: float = 0.0,
    dominance: float = 0.0,
    locus: int = 0,
    cost_to: CostTo = "viability",
) -> Driver:
    """A driver at marker `locus`; see `evosim.genomes.Driver`."""
    return Driver(f"m{locus}", OTHER, ratio, cost, dominance, cost_to)


def seed_of(*what: object) -> int:
    """A seed for each simulation, so that no two laws or cases share random numbers."""
    digest = blake2b(digest_size=7)
    for item in what:
        # Seeds of stored results contain the class's former name.
        text = repr(item).replace("DriveSite(", "Placed(")
        digest.update(item.tobytes() if isinstance(item, np.ndarray) else text.encode())
    return int.from_bytes(digest.digest(), "little")


@dataclass(frozen=True)
class Engine:
    """The engine: a generation of a sexual population, or replicates of genetics only.

    Attributes
    ----------
    change_meiosis : callable
        Applied to the kernel's arrays before use.
    change_newborns : callable
        Applied to newborns after one generation: `change_newborns(newborns, parents, generation)`.
    selfing : callable
        Applied to a law's choice of selfing.
    census_before_mutation : bool
        Whether newborns are counted before their mutations.
    same_numbers : bool
        Whether all replicates get the random numbers of the first.
    change_grid : callable
        Applied to a law's genome before use.
    run : int
        Part of every seed. Another number gives other random numbers.
    """

    change_meiosis: Callable[[Meiosis], Meiosis] = field(default=lambda m: m)
    change_newborns: Callable[[Alleles, Alleles, Generation], Alleles] = field(
        default=lambda newborns, parents, generation: newborns
    )
    selfing: Callable[[bool], bool] = field(default=lambda allowed: allowed)
    census_before_mutation: bool = False
    same_numbers: bool = False
    change_grid: Callable[[Grid], Grid] = field(default=lambda grid: grid)
    run: int = 0

    def generation(
        self,
        grid: Grid,
        genotypes: Alleles,
        fitness: ArrayLike | None = None,
        *,
        sexes: int = 1,
        females: float = 0.5,
        selfing: bool = True,
    ) -> tuple[Alleles, Ints]:
        """The newborns of one generation and their parents `[n, 2]`, by evosim's optimizer.

        Parameters
        ----------
        grid : Grid
            The genome.
        genotypes : numpy.ndarray
            `[n, ploidy, L]` genotypes of the parents' generation.
        fitness : array_like or None
            `[n]` fitness; None: all equal.
        sexes, females, selfing
            Options of the optimizer; see `evosim.optimizers.params.Sexual`.
        """
        population = self.population(grid, genotypes, sexes=sexes, females=females, selfing=selfing)
        self.breed(
            population,
            np.ones(len(genotypes)) if fitness is None else np.asarray(fitness, dtype=np.float64),
        )
        return population.ask(), population.parents

    def population(
        self,
        grid: Grid,
        genotypes: Alleles,
        *,
        sexes: int = 1,
        females: float = 0.5,
        selfing: bool = True,
    ) -> SexualPopulation:
        """Evosim's optimizer, with given newborns; for parameters see `generation`."""
        params = Sexual(
            population=len(genotypes),
            sexes=2 if sexes == 2 else 1,
            females=females,
            selfing=self.selfing(selfing),
        )
        seed = seed_of(self.run, sexes, females, selfing, *_described(grid), genotypes)
        out = SexualPopulation(params, self.change_grid(grid), seed)
        out.meiosis = self.change_meiosis(out.meiosis)
        out.newborns = np.ascontiguousarray(genotypes)
        return out

    def breed(self, population: SexualPopulation, fitness: Floats) -> None:
        """Breed one generation of a population, given the fitness `[n]` of its newborns."""
        population.tell(fitness)
        generation = Generation(
            population.meiosis, population.parents, population.seed, population.generation
        )
        population.newborns = self.change_newborns(
            population.newborns, population.previous, generation
        )

    def replicates(
        self,
        grid: Grid,
        founders: Alleles,
        generations: int,
        runs: int,
        *,
        females: int = 0,
        selfing: bool = True,
    ) -> tuple[Ints, Alleles]:
        """Replicate populations with genetics only, without behaviour.

        Parameters
        ----------
        grid : Grid
            The genome.
        founders : numpy.ndarray
            `[n, 2, L]` genotypes, the same in all runs.
        generations : int
            Number of generations.
        runs : int
            Number of replicates R.
        females : int
            Number of females; 0: hermaphrodites.
        selfing : bool
            Whether both parents may be the same individual.

        Returns
        -------
        tuple of numpy.ndarray
            Census `[R, generations, L, 3]`: individuals with 0, 1 and 2 copies of `other` at each
            locus, from generation 1. And the last newborns.
        """
        n, _, loci = founders.shape
        seed = seed_of(self.run, generations, runs, females, selfing, *_described(grid), founders)
        grid = self.change_grid(grid)
        watched = np.array([[locus, 1] for locus in range(loci)], dtype=np.int64)
        census = np.zeros((runs, generations, loci, 3), dtype=np.int64)
        last = np.empty((runs, 2 * n, loci), dtype=np.uint8)
        meiosis = self.change_meiosis(meiosis_of(grid))
        strands = np.ascontiguousarray(founders).reshape(2 * n, loci)
        if self.census_before_mutation:
            _census_before_mutation(meiosis, grid, strands, generations, runs, seed, census, last)
        else:
            breeding.replicates(
                meiosis,
                costs_of(grid),
                strands,
                breeding.Mating(females, self.selfing(selfing)),
                seed,
                watched,
                census,
                last,
            )
        if self.same_numbers:
            census[:], last[:] = census[:1], last[:1]
        return census, last.reshape(runs, n, 2, loci)


@dataclass(frozen=True)
class Generation:
    """The input of one generation, from which it can be made again with a fault."""

    meiosis: Meiosis
    parents: Ints
    seed: int
    index: int

    def remake(
        self, genotypes: Alleles, parents: Ints, forces: int = RECOMBINATION | DRIVE | MUTATE
    ) -> Alleles:
        """The newborns of these parents, with the same random numbers."""
        out = np.empty((len(parents), *genotypes.shape[1:]), dtype=np.uint8)
        strands = genotypes.reshape(-1, genotypes.shape[2])
        gametes = out.reshape(-1, genotypes.shape[2])
        chosen = np.ascontiguousarray(parents)
        reproduce.remake_chunk(
            0,
            len(parents),
            0,
            self.meiosis,
            strands,
            chosen,
            reproduce.Transmission(self.index, *key_of(self.seed), forces),
            gametes,
        )
        return out


def _described(grid: Grid) -> tuple[object, ...]:
    """The properties of a law's genome that determine its seed."""
    return (*(locus.params for locus in grid.loci), grid.drive.drivers, grid.drive.modifiers)


def _viability_alone(grid: Grid) -> Grid:
    """The same genome without costs of fertility."""
    free = (1.0, 1.0, 1.0)
    drivers, modifiers = (
        tuple(replace(s, egg=free, sperm=free) for s in sites)
        for sites in (grid.drive.drivers, grid.drive.modifiers)
    )
    return replace(grid, drive=Drive(drivers, modifiers))


def _modifiers_reversed(grid: Grid) -> Grid:
    return replace(grid, drive=Drive(grid.drive.drivers, grid.drive.modifiers[::-1]))


def costs_of(grid: Grid) -> breeding.Costs:
    """Costs of a grid's drivers and modifiers, as arrays for the kernel `breeding`."""
    sites = grid.drive.sites
    eggs = np.array([np.multiply(s.viability, s.egg) for s in sites]).reshape(-1, 3)
    sperm = np.array([np.multiply(s.viability, s.sperm) for s in sites]).reshape(-1, 3)
    return breeding.Costs(
        np.array([s.locus for s in sites], dtype=np.int64),
        np.array([s.allele for s in sites], dtype=np.uint8),
        eggs,
        sperm,
        bool(np.array_equal(eggs, sperm)),
    )


def _census_before_mutation(
    meiosis: Meiosis,
    grid: Grid,
    strands: Alleles,
    generations: int,
    runs: int,
    seed: int,
    census: Ints,
    last: Alleles,
) -> None:
    """A fault: newborns are counted before their mutations, but live with them."""
    n, loci = strands.shape[0] // 2, strands.shape[1]
    unmutated = meiosis._replace(unmutated=1.0)
    for run in range(runs):
        now = strands.copy()
        for g in range(generations):
            newborns, key = [], key_of(seed + run)
            for m in (unmutated, meiosis):
                out = np.empty_like(now)
                scratch = breeding.Scratch(
                    out,
                    np.empty((2, n)),
                    np.empty((2, n), dtype=np.int32),
                    np.empty((n, 2), dtype=np.int64),
                )
                nothing = (np.zeros((0, 2), dtype=np.int64), np.zeros((1, 0, 3), dtype=np.int64))
                breeding.evolve(
                    m,
                    costs_of(grid),
                    now.copy(),
                    breeding.Mating(0, True),
                    breeding.Start(g + 1, *key),
                    scratch,
                    *nothing,
                )
                newborns.append(out)
            copies = (newborns[0].reshape(n, 2, loci) == 1).sum(axis=1)
            for locus in range(loci):
                census[run, g, locus] = np.bincount(copies[:, locus], minlength=3)
            now = newborns[1]
        last[run] = now


def _drive_in_homozygotes(newborns: Alleles, genotypes: Alleles, generation: Generation) -> Alleles:
    """A fault: homozygotes transmit the wild type with one minus the transmission ratio."""
    out = newborns.copy()
    chance = np.random.default_rng(1).random(newborns.shape[:2])
    for c, locus in enumerate(generation.meiosis.driver):
        if locus >= 0:
            both = (genotypes[:, :, locus] == generation.meiosis.allele[c]).all(axis=1)[
                generation.parents
            ]
            out[:, :, locus] = np.where(
                both & (chance < 1.0 - generation.meiosis.ratio[c]), 0, out[:, :, locus]
            )
    return out


def _one_parent(newborns: Alleles, genotypes: Alleles, generation: Generation) -> Alleles:
    """A fault: egg and sperm both come from the first parent."""
    return generation.remake(genotypes, generation.parents[:, [0, 0]])


def _mask_reused(newborns: Alleles, genotypes: Alleles, generation: Generation) -> Alleles:
    """A fault: the sperm gets the egg's random numbers."""
    out = newborns.copy()
    out[:, 1] = generation.remake(genotypes, generation.parents[:, ::-1])[:, 0]
    return out


def _shifted(m: Meiosis) -> Meiosis:
    """A fault: every map interval has the recombination fraction of its neighbour."""
    crossover = m.crossover.copy()
    for begin, end in zip(m.starts[:-1], m.starts[1:], strict=True):
        if end - begin > 2:
            crossover[begin + 1 : end] = np.roll(crossover[begin + 1 : end], 1)
        elif end - begin == 2:  # the only interval gets the fraction before the first locus
            crossover[begin + 1] = 0.5 if crossover[begin + 1] < 0.5 else 0.0
    return m._replace(crossover=crossover, uncrossed=float(np.prod(1.0 - crossover)))


def _rates(m: Meiosis, factor: float) -> Meiosis:
    return m._replace(
        rates=m.rates * factor, unmutated=float(np.multiply.accumulate(1.0 - m.rates * factor)[-1])
    )


SOUND = Engine()
FAULTS: dict[str, Engine] = {
    "k for 1 - k": replace(
        SOUND,
        change_meiosis=lambda m: m._replace(
            ratio=1.0 - m.ratio, modifier_ratio=1.0 - m.modifier_ratio
        ),
    ),
    "sexes swapped": replace(
        SOUND,
        change_meiosis=lambda m: m._replace(
            ratio=np.ascontiguousarray(m.ratio[:, ::-1]),
            modifier_ratio=np.ascontiguousarray(m.modifier_ratio[:, ::-1]),
        ),
    ),
    "fertility costs ignored": replace(SOUND, change_grid=_viability_alone),
    "modifiers in another order": replace(SOUND, change_grid=_modifiers_reversed),
    "no modifiers": replace(
        SOUND, change_meiosis=lambda m: m._replace(modifier_effect=0.0 * m.modifier_effect)
    ),
    "drive in homozygotes": replace(SOUND, change_newborns=_drive_in_homozygotes),
    "mutation before selection": replace(SOUND, census_before_mutation=True),
    "selfing forbidden": replace(SOUND, selfing=lambda allowed: not allowed),
    "r off by one locus": replace(SOUND, change_meiosis=_shifted),
    "both gametes from one parent": replace(SOUND, change_newborns=_one_parent),
    "recombination mask reused": replace(SOUND, change_newborns=_mask_reused),
    "replicates share their numbers": replace(SOUND, same_numbers=True),
    "mutation rate halved": replace(SOUND, change_meiosis=lambda m: _rates(m, 0.5)),
}
