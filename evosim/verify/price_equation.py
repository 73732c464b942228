"""The law of the search ledger: the Price equation closes, and its terms agree with theory."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evosim.genomes import Driver, Grid, LocusParams
from evosim.genomes.germline import GermLine, build_grid
from evosim.genomes.loci import Alleles, make_locus
from evosim.simulation.price_equation import TERMS, SearchLedger, Traits
from evosim.theory import price_equation as theory
from evosim.verify.engine import Engine
from evosim.verify.law import Check, Law, identity, normal

Floats = NDArray[np.float64]

K, U = 0.8, 0.01
ADDITIVE, FITNESS = 1e-12, 1e-9


def grid_with_everything() -> Grid:
    """Two additive loci and a dominant one; a costly driver is linked to two of them."""
    loci = {
        "near": LocusParams(
            (0.0, 1.0), mutation=U, kernel="uniform", chromosome="c", position=10.0
        ),
        "far": LocusParams((0.0, 1.0), mutation=U, kernel="uniform"),
        "dominant": LocusParams(
            (0.0, 1.0), mutation=U, kernel="uniform", dominance=1.0, chromosome="c", position=40.0
        ),
    }
    expressed = [make_locus(name, params, where=name, ploidy=2) for name, params in loci.items()]
    marker = LocusParams(("wild", "driver"), mutation=0.0, chromosome="c", position=0.0)
    return build_grid(
        expressed, GermLine(markers={"t": marker}, drivers=(Driver("t", "driver", K, 0.3, 0.0),)), 2
    )


def _fitness(grid: Grid, genotypes: Alleles) -> tuple[Floats, Floats]:
    """Ancestral fitness with epistasis and the driver's cost, and additive modern fitness."""
    z = {locus.name: genotypes[:, :, i].mean(axis=1) for i, locus in enumerate(grid.loci)}
    retained = np.prod(grid.drive.fitness_retained(genotypes), axis=0)
    return (1.0 + z["near"] * z["far"] + 0.3 * z["dominant"]) * retained, 1.0 + 0.5 * z["far"]


def ledger(engine: Engine, slow: bool) -> list[Check]:
    """Compare every term and every generation's sum with theory, with all features switched on."""
    n, generations = 2_000, 400 if slow else 60
    grid = grid_with_everything()
    rng = np.random.default_rng(8)
    population = engine.population(
        grid, rng.integers(0, 2, size=(n, 2, len(grid.loci))).astype(np.uint8)
    )
    book = SearchLedger(Traits(grid, lambda genotypes, first: _fitness(grid, genotypes)), seed=0)
    book.add(0, "ancestral", population.ask(), population.parentage())
    unlike, expected, names = 0, [], [locus.name for locus in grid.loci]
    t, near, far = names.index("t"), names.index("near"), names.index("far")
    for g in range(1, generations):
        before = population.ask().copy()
        without_cost = _fitness(grid, before)[0] / np.prod(
            grid.drive.fitness_retained(before), axis=0
        )
        engine.breed(population, without_cost)
        descent = population.parentage()
        assert descent is not None
        unlike += int((descent.newborns(frozenset(descent.forces), 0, n) != population.ask()).sum())
        book.add(g, "ancestral", population.ask(), descent)
        expected.append(
            _expected(
                before,
                _fitness(grid, before)[0],
                population.parents,
                descent.newborns(frozenset({"recombination", "drive"}), 0, n),
                (t, near, far),
            )
        )
    table = book.table()
    checks = [identity("alleles of newborns that are not so when made again", unlike, 0)]
    for trait in book.traits.names:
        rows = table.filter(table["trait"] == trait)
        terms = np.sum([rows[name].fill_null(0.0).to_numpy() for name in TERMS], axis=0)
        tolerance = FITNESS if trait.startswith("fitness") else ADDITIVE
        checks.append(
            identity(
                f"largest rest of the change of {trait}",
                float(np.abs(rows["change"].to_numpy() - terms).max()),
                0.0,
                tolerance,
            )
        )
    return [*checks, *_term_checks(table, expected, generations)]


def _term_checks(
    table: pl.DataFrame, expected: list[dict[str, tuple[float, float]]], generations: int
) -> list[Check]:
    """Sums of terms over generations, against the sums of their expectations and variances."""
    checks = []
    for trait, column, key in (
        ("t: driver", "selection", "t selection"),
        ("t: driver", "drift", "t drift"),
        ("t: driver", "segregation", "t fair"),
        ("t: driver", "drive", "t drive"),
        ("far", "segregation", "far fair"),
        ("near", "segregation", "near fair"),
        ("far", "drive", "far drive"),
        ("far", "mutation", "far mutation"),
    ):
        total = table.filter(table["trait"] == trait)[column].to_numpy().sum()
        mean, variance = (sum(e[key][i] for e in expected) for i in (0, 1))
        what = f"{column} of {trait}, summed over {generations - 1} generations"
        checks.append(
            identity(what, total, mean, 1e-9)
            if variance == 0.0
            else normal(what, total, mean, float(np.sqrt(variance)))
        )
    return checks


def _expected(
    before: Alleles,
    w: Floats,
    parents: NDArray[np.int64],
    unmutated: Alleles,
    loci: tuple[int, int, int],
) -> dict[str, tuple[float, float]]:
    """Mean and variance of terms of one generation, given the parents.

    The mutation term is given the gametes before mutation.
    """
    n = len(before)
    t, near, far = loci
    dosage = before.mean(axis=1)
    heterozygous = (before[:, 0] != before[:, 1])[parents].sum(axis=(0, 1))
    chosen = theory.expected_selection(2.0 * dosage[:, t], w)
    drift = (w @ dosage[:, t] ** 2 / w.sum() - (w @ dosage[:, t] / w.sum()) ** 2) / (2 * n)
    ones = int(unmutated[:, :, far].sum())
    mutants = theory.expected_mutation(U, U, 2 * n - ones, ones)
    driven = int(heterozygous[t])
    # The same random number decides with and without drive. So drive adds a driver with
    # probability k - 1/2, and never removes one.
    return {
        "t selection": (chosen.mean, 0.0),
        "t drift": (0.0, float(drift)),
        "t fair": (0.0, driven * 0.25 / (2 * n) ** 2),
        "t drive": ((K - 0.5) * driven / (2 * n), driven * (K - 0.5) * (1.5 - K) / (2 * n) ** 2),
        "near fair": (0.0, int(heterozygous[near]) * 0.25 / (2 * n) ** 2),
        "far fair": (0.0, int(heterozygous[far]) * 0.25 / (2 * n) ** 2),
        "far drive": (0.0, 0.0),
        "far mutation": (mutants.mean, mutants.se**2),
    }


LAWS = (
    Law(
        "search ledger",
        "the Price equation closes in every generation; selection, drift, segregation, drive and"
        " mutation agree with theory",
        "Price 1970, 1972",
        ("k for 1 - k", "both gametes from one parent", "mutation rate halved"),
        ledger,
    ),
)
