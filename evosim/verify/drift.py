"""Laws of drift and linkage: loss of heterozygosity and disequilibrium in small populations."""

from __future__ import annotations

import numpy as np

from evosim.genomes.loci import Alleles
from evosim.theory import drift as theory
from evosim.theory import two_locus
from evosim.verify.drive import frequency
from evosim.verify.engine import Engine, markers
from evosim.verify.law import Check, Law, identity, mean_of
from evosim.verify.one_generation import centimorgan


def homozygotes(n: int, loci: int) -> Alleles:
    """Genotypes `[n, 2, loci]`: half the individuals are wild type, half are `other`.

    Their gamete pool has frequency 1/2 and disequilibrium 1/4.
    """
    out = np.zeros((n, 2, loci), dtype=np.uint8)
    out[::2] = 1
    return out


def heterozygosity(engine: Engine, slow: bool) -> list[Check]:
    """Expected and observed heterozygosity with random selfing; else identity by descent.

    Founders' gametes are the founding pool of the theory. So generation 1 of the run is generation
    0 of the theory.
    """
    runs, n = 400_000 if slow else 40_000, 10
    census, _ = engine.replicates(markers(None), homozygotes(n, 1), 11, runs)
    checks = []
    for t in (0, 3, 10):
        expected, p = theory.heterozygosity_selfing(0.5, n, t), frequency(census[:, t, 0])
        checks.append(
            mean_of(
                f"expected heterozygosity, random selfing, generation {t}",
                2 * p * (1 - p),
                expected.expected,
            )
        )
        checks.append(
            mean_of(
                f"observed heterozygosity, random selfing, generation {t}",
                census[:, t, 0, 1] / n,
                expected.observed,
            )
        )
    return [*checks, *_identity_by_descent(engine, runs // 4, n)]


def _identity_by_descent(engine: Engine, runs: int, n: int) -> list[Check]:
    """Identity by descent without selfing and with two sexes, from different founder genes."""
    checks = []
    for what, females, same_parent in (
        ("selfing forbidden", 0, 1.0 / n),
        ("5 females, 5 males", 5, 1.0 / theory.effective_size_sexes(5, 5)),
        ("2 females, 8 males", 2, 1.0 / theory.effective_size_sexes(2, 8)),
    ):
        founders = np.arange(2 * n, dtype=np.uint8).reshape(n, 2, 1)
        for t in (2, 4, 10):
            expected = theory.kinship(same_parent, t)
            _, last = engine.replicates(
                markers(None), founders, t, runs, females=females, selfing=False
            )
            genes = last[:, :, :, 0]
            inbred = (genes[:, :, 0] == genes[:, :, 1]).mean(axis=1)
            checks.append(
                mean_of(f"inbreeding after {t} generations, {what}", inbred, expected.inbreeding)
            )
            flat = genes.reshape(len(genes), -1)
            alike = (flat[:, :, None] == flat[:, None, :]).sum(axis=(1, 2)) - 2 * n - 2 * inbred * n
            checks.append(
                mean_of(
                    f"coancestry after {t} generations, {what}",
                    alike / (4 * n * (n - 1)),
                    expected.coancestry,
                )
            )
    return checks


def disequilibrium(engine: Engine, slow: bool) -> list[Check]:
    """Linkage disequilibrium among newborns, by size, recombination fraction and generation."""
    runs = 200_000 if slow else 60_000
    checks = []
    for n in (10, 20):
        for r in (0.5, 0.25, 0.1):
            grid = markers(None, None) if r == 0.5 else markers(0.0, centimorgan(r))
            for t in range(7) if slow else (0, 1, 4):
                _, last = engine.replicates(grid, homozygotes(n, 2), t + 1, runs)
                genes = last.reshape(runs, 2 * n, 2).astype(np.float64)
                d = (genes[:, :, 0] * genes[:, :, 1]).mean(axis=1) - genes[:, :, 0].mean(
                    axis=1
                ) * genes[:, :, 1].mean(axis=1)
                expected = two_locus.disequilibrium_decay(0.25, r, t, n).census
                checks.append(
                    mean_of(f"D among newborns, N = {n}, r = {r}, generation {t}", d, expected)
                )
    return checks


def marker_pairs(engine: Engine, slow: bool) -> list[Check]:
    """Loci at distance 0 must have equal counts of copies."""
    founders = homozygotes(50, 2)
    census, _ = engine.replicates(markers(5.0, 5.0), founders, 40, 2_000 if slow else 200)
    return [
        identity(
            "copies of one of two loci at distance 0, not at the other",
            int(np.abs(census[:, :, 0] - census[:, :, 1]).sum()),
            0,
        )
    ]


LAWS = (
    Law(
        "heterozygosity",
        "lost at 1/(2N) with random selfing; without selfing, and with two sexes, by the recursion"
        " of inbreeding and coancestry",
        "Wright 1931; derived",
        ("selfing forbidden", "replicates share their numbers"),
        heterozygosity,
    ),
    Law(
        "linkage disequilibrium",
        "E[D] = (1 - 1/2N) (1 - r - 1/2N)^t D0 in small populations",
        "derived",
        ("r off by one locus", "selfing forbidden"),
        disequilibrium,
    ),
    Law(
        "complete linkage",
        "loci at distance 0 share one history",
        "identity",
        ("r off by one locus",),
        marker_pairs,
    ),
)
