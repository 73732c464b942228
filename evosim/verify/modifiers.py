"""Laws of suppressors, enhancers and hitchhikers, against the recursion of four haplotypes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evosim.genomes import Modifier
from evosim.genomes.loci import Alleles
from evosim.theory import drive as one_locus
from evosim.theory import two_locus as theory
from evosim.verify.drive import frequency
from evosim.verify.engine import Engine, driver, markers
from evosim.verify.law import Check, Law, mean_of
from evosim.verify.one_generation import centimorgan

Floats = NDArray[np.float64]


def random_union(n: int, haplotypes: Floats, seed: int = 3) -> Alleles:
    """`[n, 2, 2]`: genotypes by random union of haplotypes in exact proportions."""
    counts = np.diff(np.round(np.concatenate([[0.0], np.cumsum(haplotypes)]) * 2 * n).astype(int))
    strands = np.random.default_rng(seed).permutation(np.repeat(np.arange(4), counts)).reshape(n, 2)
    return np.stack([strands >> 1, strands & 1], axis=2).astype(np.uint8)


def _pairs(genotypes: Alleles) -> Floats:
    """`[4, 4]` shares of ordered haplotype pairs."""
    h = 2 * genotypes[:, :, 0].astype(np.int64) + genotypes[:, :, 1]
    out = np.zeros((4, 4))
    np.add.at(out, (h[:, 0], h[:, 1]), 1.0)
    return out / len(genotypes)


def trajectory(genotypes: Alleles, r: float, k: list[float], w: Floats, generations: int) -> Floats:
    """`[T, 4]` haplotype frequencies of the newborns in the generations after given founders."""
    adults = _pairs(genotypes) * np.array(
        [[w[(u >> 1) + (v >> 1), (u & 1) + (v & 1)] for v in range(4)] for u in range(4)]
    )
    first = (adults[:, :, None] * theory.transmission(r, k)).sum(axis=(0, 1)) / adults.sum()
    return theory.iterate(first / first.sum(), r, k, w, generations - 1)[0]


def invasion(engine: Engine, slow: bool) -> list[Check]:
    """Growth of a rare modifier at the driver's equilibrium, at every k and r of the table."""
    n, runs, t = (50_000, 60, 10) if slow else (10_000, 24, 6)
    checks = []
    cases = [(k, 0.5, r, "suppressor") for k in (0.6, 0.75, 0.9) for r in (0.5, 0.1, 0.0)]
    cases += [(0.7, 0.9, 0.5, "enhancer"), (0.7, 0.9, 0.1, "enhancer"), (0.6, 0.7, 0.3, "enhancer")]
    for k, changed, r, what in cases if slow else cases[3::2]:
        q = one_locus.equilibrium(k, 0.0, 1.0).frequency
        modifier = Modifier("m1", "other", "m0", ratio=changed)
        positions = (None, None) if r == 0.5 else (0.0, centimorgan(r))
        grid = markers(*positions, drivers=(driver(k, 1.0, 0.0),), modifiers=(modifier,))
        founders = random_union(n, np.array([(1 - q) * 0.95, (1 - q) * 0.05, q, 0.0]))
        w = np.outer([1.0, 1.0, 0.0], np.ones(3))
        expected = trajectory(founders, r, [k, changed, changed], w, t)[-1]
        census, _ = engine.replicates(grid, founders, t, runs)
        name = f"{what} to {changed}, k = {k}, r = {r}, after {t} generations"
        checks.append(
            mean_of(
                f"modifier frequency, {name}",
                frequency(census[:, -1, 1]),
                theory.modifier_frequency(expected),
                1.0 / n,
            )
        )
        checks.append(
            mean_of(
                f"driver frequency, {name}",
                frequency(census[:, -1, 0]),
                theory.driver_frequency(expected),
                1.0 / n,
            )
        )
    return checks


def coexistence(engine: Engine, slow: bool) -> list[Check]:
    """Stable coexistence of a recessive lethal (k = .9) and a costly unlinked suppressor."""
    n, runs, burn, keep = (20_000, 24, 80, 150) if slow else (4_000, 20, 60, 80)
    checks = []
    for cost in (0.02, 0.1, 0.3) if slow else (0.1,):
        w = np.outer([1.0, 1.0, 0.0], [1.0, 1.0 - cost, 1.0 - cost])
        path, weights = theory.iterate(
            theory.haplotypes(0.8, 1e-4), 0.5, [0.9, 0.5, 0.5], w, 3_000, settled=theory.SETTLED
        )
        equilibrium = path[-1]
        grid = markers(
            None,
            None,
            drivers=(driver(0.9, 1.0, 0.0),),
            modifiers=(Modifier("m1", "other", "m0", cost=cost),),
        )
        census, last = engine.replicates(grid, random_union(n, equilibrium), burn + keep, runs)
        name = f"cost {cost}"
        bias = 2.0 / n
        checks.append(
            mean_of(
                f"driver frequency, {name}",
                frequency(census[:, burn:, 0]).mean(axis=1),
                theory.driver_frequency(equilibrium),
                bias,
            )
        )
        checks.append(
            mean_of(
                f"suppressor frequency, {name}",
                frequency(census[:, burn:, 1]).mean(axis=1),
                theory.modifier_frequency(equilibrium),
                bias,
            )
        )
        copies = (last == 1).sum(axis=2)
        fitness = w[copies[:, :, 0], copies[:, :, 1]].mean(axis=1)
        checks.append(mean_of(f"mean fitness, {name}", fitness, float(weights[-1]), bias))
    return checks


def hitchhiking(engine: Engine, slow: bool) -> list[Check]:
    """Final frequency of a neutral allele near a costless driver, against the map distance."""
    n, runs, q0 = (20_000, 40, 0.03) if slow else (20_000, 24, 0.05)
    checks = []
    for k in (0.6, 0.75, 0.9) if slow else (0.9,):
        for r in (0.001, 0.01, 0.05, 0.1, 0.5) if slow else (0.01, 0.1):
            grid = markers(
                *((None, None) if r == 0.5 else (0.0, centimorgan(r))), drivers=(driver(k),)
            )
            founders = random_union(n, np.array([1 - q0, 0.0, 0.0, q0]))
            t = int(np.ceil(np.log(2.0 * n * 10.0) / np.log(2.0 * k))) + int(
                np.ceil(np.log(2.0 * n * 10.0) / -np.log(2.0 - 2.0 * k))
            )
            expected = trajectory(founders, r, [k] * 3, np.ones((3, 3)), t)[-1]
            census, _ = engine.replicates(grid, founders, t, runs)
            # By drift of the rare driver, the mean differs from the recursion by about 1/(2 N q0).
            bias = 1.0 / (2.0 * n * q0)
            checks.append(
                mean_of(
                    f"final frequency of the rider, k = {k}, r = {r}",
                    frequency(census[:, -1, 1]),
                    theory.modifier_frequency(expected),
                    bias,
                )
            )
    return checks


LAWS = (
    Law(
        "modifier invasion",
        "suppressors grow by the invasion matrix; enhancers only if linked closer than r_c",
        "derived; Hartl 1975, Leigh 1971, Eshel 1985",
        ("no modifiers", "r off by one locus"),
        invasion,
    ),
    Law(
        "suppressed coexistence",
        "a costly suppressor and its driver coexist, and fitness is partly restored",
        "derived",
        ("no modifiers",),
        coexistence,
    ),
    Law(
        "hitchhiking",
        "final frequency of a linked neutral allele, against k and r",
        "derived",
        ("r off by one locus", "k for 1 - k"),
        hitchhiking,
    ),
)
