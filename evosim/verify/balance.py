"""Laws of mutation: balance with selection, load, and neutral mutation.

The engine's mutation has both directions.
"""

from __future__ import annotations

import numpy as np

from evosim.genomes.loci import Alleles
from evosim.theory import balance as theory
from evosim.verify.drive import frequency, hardy_weinberg
from evosim.verify.engine import Engine, driver, markers
from evosim.verify.law import Check, Law, mean_of

SETTLED = 1e-15


def balanced(u: float, h: float, s: float) -> float:
    """Newborn frequency at the balance, with mutation back at the same rate, by iteration."""
    q = theory.frequency(u, h, s)
    for _ in range(100_000):
        before_mutation = (theory.next_frequency(q, u, h, s) - u) / (1.0 - u)
        after = before_mutation * (1.0 - u) + u * (1.0 - before_mutation)
        if abs(after - q) < SETTLED:
            break
        q = after
    return q


def _mean_fitness(q: float, h: float, s: float) -> float:
    return 1.0 - 2.0 * q * (1.0 - q) * h * s - q * q * s


def balance(engine: Engine, slow: bool) -> list[Check]:
    """Frequency and mean fitness at the balance; by Haldane the load does not depend on s."""
    n, runs, burn, keep = (20_000, 24, 80, 150) if slow else (5_000, 20, 40, 100)
    cases = (
        ((0.01, 0.0, 0.5), (0.01, 0.5, 0.5), (0.01, 0.5, 0.25), (0.005, 0.25, 0.4))
        if slow
        else ((0.01, 0.0, 0.5), (0.01, 0.5, 0.5))
    )
    checks = []
    for u, h, s in cases:
        q = balanced(u, h, s)
        grid = markers(None, drivers=(driver(0.5, s, h),), mutation=u)
        census, _ = engine.replicates(grid, hardy_weinberg(n, q), burn + keep, runs)
        steady = census[:, burn:, 0]
        name = f"u = {u}, h = {h}, s = {s}"
        # Twice the bias by curvature. For a recessive it is -2s Var/2 over the return rate 2sq. In
        # other cases the recursion is nearly linear.
        bias = 2.0 * (1.0 - q) / (4.0 * n * q) if h == 0.0 else 1.0 / n
        checks.append(
            mean_of(f"newborn frequency, {name}", frequency(steady).mean(axis=1), q, bias / 4.0)
        )
        w = steady @ [1.0, 1.0 - h * s, 1.0 - s] / n
        checks.append(
            mean_of(f"mean fitness, {name}", w.mean(axis=1), _mean_fitness(q, h, s), 2.0 * s / n)
        )
    return checks


def many_loci(engine: Engine, slow: bool) -> list[Check]:
    """Fitness of unlinked loci multiplies, for any costs."""
    n, runs, burn, keep = (20_000, 24, 80, 150) if slow else (5_000, 20, 40, 80)
    loci = ((0.01, 0.5, 0.5), (0.01, 0.25, 0.3), (0.01, 0.5, 0.2))
    grid = markers(
        None,
        None,
        None,
        drivers=tuple(driver(0.5, s, h, locus=i) for i, (_, h, s) in enumerate(loci)),
        mutation=0.01,
    )
    founders: Alleles = np.concatenate(
        [
            np.random.default_rng(i).permutation(hardy_weinberg(n, balanced(*locus)))
            for i, locus in enumerate(loci)
        ],
        axis=2,
    )
    census, last = engine.replicates(grid, founders, burn + keep, runs)
    checks = []
    for i, (u, h, s) in enumerate(loci):
        q = balanced(u, h, s)
        checks.append(
            mean_of(
                f"newborn frequency, locus {i + 1}: h = {h}, s = {s}",
                frequency(census[:, burn:, i]).mean(axis=1),
                q,
                0.25 / n,
            )
        )
    copies = (last == 1).sum(axis=2)
    w = np.prod(
        [
            np.array([1.0, 1.0 - h * s, 1.0 - s])[copies[:, :, i]]
            for i, (_, h, s) in enumerate(loci)
        ],
        axis=0,
    )
    expected = float(np.prod([_mean_fitness(balanced(*locus), *locus[1:]) for locus in loci]))
    checks.append(mean_of("mean fitness of three loci together", w.mean(axis=1), expected, 2.0 / n))
    return checks


def neutral(engine: Engine, slow: bool) -> list[Check]:
    """With mutation in both directions only, the mean approaches 1/2 as (1 - 2u)^t."""
    n, runs, u = 100, 20_000 if slow else 3_000, 0.02
    founders = np.zeros((n, 2, 1), dtype=np.uint8)
    census, _ = engine.replicates(markers(None, mutation=u), founders, 40, runs)
    return [
        mean_of(
            f"mean frequency, generation {t + 1}",
            frequency(census[:, t, 0]),
            theory.two_way_approach(0.0, u, u, t + 1),
        )
        for t in (0, 9, 39)
    ]


LAWS = (
    Law(
        "mutation-selection balance",
        "s(1-2h) q^2 + hs(1+u) q - u = 0, here with mutation back; the load does not depend on s",
        "Haldane 1937; derived",
        ("mutation rate halved", "mutation before selection"),
        balance,
    ),
    Law(
        "load of many loci",
        "unlinked loci multiply",
        "Haldane 1937",
        ("mutation rate halved",),
        many_loci,
    ),
    Law(
        "neutral mutation",
        "the mean approaches u/(u+v) as (1-u-v)^t",
        "Wright 1931",
        ("mutation rate halved",),
        neutral,
    ),
)
