"""Build the arrays of the reproduction kernel from a grid's loci and drivers."""

from __future__ import annotations

import numpy as np

from evosim.genomes import Grid
from evosim.kernels.reproduce import DRIVE, MUTATE, RECOMBINATION, Meiosis

FORCES = {"recombination": RECOMBINATION, "drive": DRIVE, "mutation": MUTATE}


def meiosis_of(grid: Grid) -> Meiosis:
    """Return the meiosis of a grid as arrays for the kernel."""
    starts = grid.chromosomes()
    crossover = grid.recombination()
    crossover[starts[:-1]] = 0.0
    rates = np.array([locus.params.mutation for locus in grid.loci], dtype=np.float64)
    driver = np.full(len(starts) - 1, -1, dtype=np.int64)
    allele = np.zeros(len(driver), dtype=np.uint8)
    ratio = np.full((len(driver), 2), 0.5)
    by_chromosome = [[] for _ in driver]  # type: list[list[int]]
    for placed in grid.drive.drivers:
        c = _chromosome(starts, placed.locus)
        driver[c], allele[c], ratio[c] = placed.locus, placed.allele, placed.ratio
        by_chromosome[c] = [i for i, m in enumerate(grid.drive.modifiers) if m.of == placed.locus]
    acting = [grid.drive.modifiers[i] for group in by_chromosome for i in group]
    return Meiosis(
        ploidy=grid.ploidy,
        starts=starts,
        crossover=crossover,
        uncrossed=_none(crossover),
        rates=rates,
        unmutated=_none(rates),
        kernels=np.array(
            [("step", "uniform").index(locus.params.kernel) for locus in grid.loci], dtype=np.int64
        ),
        n_alleles=np.array([len(locus.params.alleles) for locus in grid.loci], dtype=np.int64),
        driver=driver,
        allele=allele,
        ratio=ratio,
        modifiers=np.cumsum([0, *(len(group) for group in by_chromosome)], dtype=np.int64),
        modifier_locus=np.array([m.locus for m in acting], dtype=np.int64),
        modifier_allele=np.array([m.allele for m in acting], dtype=np.uint8),
        modifier_ratio=np.array([m.ratio for m in acting], dtype=np.float64).reshape(-1, 2),
        modifier_effect=np.array([m.effect for m in acting], dtype=np.float64).reshape(-1, 3),
    )


def forces_of(grid: Grid, meiosis: Meiosis) -> tuple[str, ...]:
    """Return the forces of transmission that can make a difference on a grid."""
    there = {
        "recombination": bool(meiosis.crossover.any()),
        "drive": grid.drive.unfair,
        "mutation": bool((meiosis.rates[meiosis.n_alleles > 1] > 0).any()),
    }
    return tuple(name for name in FORCES if there[name])


def flags(forces: frozenset[str]) -> int:
    """Return forces as bits for the kernel."""
    return sum(bit for name, bit in FORCES.items() if name in forces)


def _none(chances: np.ndarray) -> float:
    """Return the probability that no event happens, multiplied in the kernel's order."""
    return float(np.multiply.accumulate(1.0 - chances)[-1])


def _chromosome(starts: np.ndarray, locus: int) -> int:
    return int(np.searchsorted(starts, locus, side="right")) - 1
