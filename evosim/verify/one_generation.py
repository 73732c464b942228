"""Laws of one generation, conditional on the parents: the strongest and cheapest laws."""

from __future__ import annotations

import itertools

import numpy as np

from evosim.genomes import Grid, LocusParams, Modifier
from evosim.genomes.drive import CostTo
from evosim.genomes.germline import GermLine, build_grid
from evosim.genomes.grid import haldane
from evosim.genomes.loci import Alleles
from evosim.theory import two_locus
from evosim.verify.engine import Engine, driver, markers
from evosim.verify.law import Check, Law, binomial, counts, identity, normal

MORGAN = 100.0


def centimorgan(r: float) -> float:
    """The map distance in centimorgan of a recombination fraction below 1/2."""
    return -50.0 * float(np.log1p(-2.0 * r))


def heterozygotes(n: int, loci: int) -> Alleles:
    """`[n, 2, loci]` genotypes with one strand of wild type and one strand of `other`."""
    out = np.zeros((n, 2, loci), dtype=np.uint8)
    out[:, 1] = 1
    return out


def _size(slow: bool) -> int:
    return 2_000_000 if slow else 500_000  # individuals: at least a million gametes


def transmission(engine: Engine, slow: bool) -> list[Check]:
    """Gametes of heterozygotes by the transmission ratio; no wrong gamete of homozygotes."""
    n = _size(slow)
    checks = []
    for k_egg, k_sperm in ((0.5, 0.5), (0.9, 0.9), (0.6, 0.95), (0.5, 0.9)):
        newborns, _ = engine.generation(
            markers(None, drivers=(driver((k_egg, k_sperm)),)), heterozygotes(n, 1)
        )
        for side, k in ((0, k_egg), (1, k_sperm)):
            what = f"{('eggs', 'sperm')[side]} with the driver, k = {k}"
            checks.append(binomial(what, int(newborns[:, side, 0].sum()), n, k))
    for allele in (0, 1):
        same = np.full((n // 10, 2, 1), allele, dtype=np.uint8)
        newborns, _ = engine.generation(markers(None, drivers=(driver(0.9),)), same)
        what = (
            f"gametes of homozygotes for {('wild type', 'the driver')[allele]} with the other"
            " allele"
        )
        checks.append(identity(what, int((newborns != allele).sum()), 0))
    return checks


def next_pool(engine: Engine, slow: bool) -> list[Check]:
    """The driver among gametes of parents of all three genotypes, with their fitness."""
    n, checks = _size(slow), []
    shares = np.array([0.3, 0.5, 0.2])
    genotypes = np.zeros((n, 2, 1), dtype=np.uint8)
    first, second = int(shares[0] * n), int((shares[0] + shares[1]) * n)
    genotypes[first:, 0, 0] = 1
    genotypes[second:, 1, 0] = 1
    for k, s, h in ((0.8, 0.4, 0.25), (0.5, 0.6, 0.5), (0.9, 1.0, 0.0)):
        newborns, _ = engine.generation(markers(None, drivers=(driver(k, s, h),)), genotypes)
        w = np.array([1.0, 1.0 - h * s, 1.0 - s]) * shares
        expected = float((w @ [0.0, k, 1.0]) / w.sum())
        checks.append(
            binomial(
                f"gametes with the driver, k = {k}, s = {s}, h = {h}",
                int(newborns.sum()),
                2 * n,
                expected,
            )
        )
    return checks


def parentage(engine: Engine, slow: bool) -> list[Check]:
    """Choice of parents by fitness and by sex, with and without selfing."""
    n = _size(slow) // 5
    weights = np.tile([0.0, 1.0, 3.0, 0.5, 2.0], n // 5)
    grid = markers(None)
    newborns, parents = engine.generation(grid, heterozygotes(n, 1), weights)
    usage = np.bincount(parents.ravel() % 5, minlength=5)
    checks = [counts("parents by fitness 0, 1, 3, 1/2, 2", usage, [0.0, 1.0, 3.0, 0.5, 2.0])]
    few = np.zeros(n)
    few[:5] = [1.0, 2.0, 3.0, 4.0, 5.0]
    _, parents = engine.generation(grid, heterozygotes(n, 1), few)
    p = few[:5] / few.sum()
    selfed = int((parents[:, 0] == parents[:, 1]).sum())
    checks.append(binomial("selfed newborns where it is allowed", selfed, n, float((p**2).sum())))
    _, parents = engine.generation(grid, heterozygotes(n, 1), few, selfing=False)
    checks.append(
        identity(
            "selfed newborns where it is forbidden", int((parents[:, 0] == parents[:, 1]).sum()), 0
        )
    )
    pairs = np.outer(p, p) * (1.0 - np.eye(5)) / (1.0 - p)[:, None]
    seen = np.zeros((5, 5))
    np.add.at(seen, (parents[:, 0], parents[:, 1]), 1)
    checks.append(counts("pairs of parents where selfing is forbidden", seen, pairs))
    _, parents = engine.generation(grid, heterozygotes(n, 1), weights, sexes=2)
    half = n // 2
    checks.append(
        identity(
            "mothers that are male, fathers that are female",
            int((parents[:, 0] >= half).sum() + (parents[:, 1] < half).sum()),
            0,
        )
    )
    checks.append(
        counts(
            "mothers by fitness",
            np.bincount(parents[:, 0] % 5, minlength=5),
            [0.0, 1.0, 3.0, 0.5, 2.0],
        )
    )
    # Parents without a common allele show the origin of a newborn's gametes.
    apart = np.zeros((n, 2, 1), dtype=np.uint8)
    apart[::2] = 1
    newborns, _ = engine.generation(grid, apart)
    mixed = int((newborns[:, 0, 0] != newborns[:, 1, 0]).sum())
    checks.append(
        binomial("newborns that have both of two alleles of unmixed parents", mixed, n, 0.5)
    )
    return checks


def recombination(engine: Engine, slow: bool) -> list[Check]:
    """Exchanges by interval and their independence, with and without drive; two loci."""
    n, checks = _size(slow) // 2, []
    positions = (0.0, 1.0, 11.0, 12.0, 62.0)
    rates = [haldane(b - a) for a, b in itertools.pairwise(positions)]
    for k in (0.5, 0.9):
        grid = markers(*positions, None, drivers=(driver(k, locus=2),))
        newborns, _ = engine.generation(grid, heterozygotes(n, 6))
        gametes = newborns.reshape(-1, 6)
        exchanged = gametes[:, :-1] != gametes[:, 1:]
        for i, r in enumerate(rates):
            checks.append(
                binomial(
                    f"exchanges in interval {i + 1} (r = {r:.4f}), k = {k}",
                    int(exchanged[:, i].sum()),
                    2 * n,
                    r,
                )
            )
        # The unlinked locus assorts independently of the driver's chromosome.
        checks.append(
            binomial(
                f"recombinants with another chromosome, k = {k}",
                int(exchanged[:, 4].sum()),
                2 * n,
                0.5,
            )
        )
        for i, j in ((0, 1), (1, 3), (2, 3)):
            both = int((exchanged[:, i] & exchanged[:, j]).sum())
            checks.append(
                binomial(
                    f"exchanges in intervals {i + 1} and {j + 1} (no interference), k = {k}",
                    both,
                    2 * n,
                    rates[i] * rates[j],
                )
            )
        egg, sperm = exchanged.reshape(n, 2, 5).transpose(1, 0, 2)
        together = int((egg[:, 3] & sperm[:, 3]).sum())
        checks.append(
            binomial(
                f"exchanges in egg and sperm of one newborn, k = {k}", together, n, rates[3] ** 2
            )
        )
    for r, k in ((0.1, 0.5), (0.1, 0.9), (0.3, 0.7), (0.01, 0.9)):
        newborns, _ = engine.generation(
            markers(0.0, centimorgan(r), drivers=(driver(k),)), heterozygotes(n, 2)
        )
        seen = np.bincount(2 * newborns[:, :, 0].ravel() + newborns[:, :, 1].ravel(), minlength=4)
        # `other` is the driving allele: AB is (1, 1).
        checks.append(
            counts(
                f"gametes of double heterozygotes, r = {r}, k = {k}",
                seen[::-1],
                two_locus.double_heterozygote_gametes(r, k),
            )
        )
    return checks


def mutation(engine: Engine, slow: bool) -> list[Check]:
    """Mutants by locus, rate and kernel, and their new alleles."""
    n, checks = _size(slow) // 2, []
    for kernel, start, expected in (
        ("step", 2, [0.0, 0.5, 0.0, 0.5, 0.0]),
        ("step", 0, [0.0, 0.5, 0.0, 0.0, 0.0]),
        ("uniform", 2, [0.25, 0.25, 0.0, 0.25, 0.25]),
    ):
        for rate in (0.001, 0.2):
            params = LocusParams(
                (0.0, 1.0, 2.0, 3.0, 4.0),
                mutation=rate,
                kernel="step" if kernel == "step" else "uniform",
            )
            grid: Grid = build_grid([], GermLine(markers={"a": params, "b": params}), 2)
            newborns, _ = engine.generation(grid, np.full((n, 2, 2), start, dtype=np.uint8))
            changed = newborns != start
            share = float(np.sum(expected))
            for locus in (0, 1):
                what = (
                    f"mutants at locus {locus + 1} of 2, rate {rate}, {kernel} from allele"
                    f" {start + 1} of 5"
                )
                checks.append(binomial(what, int(changed[:, :, locus].sum()), 2 * n, rate * share))
            both = int(changed.all(axis=2).sum())
            checks.append(
                binomial(
                    f"gametes with both loci mutated, rate {rate}, {kernel} from {start + 1}",
                    both,
                    2 * n,
                    (rate * share) ** 2,
                )
            )
            checks.append(
                counts(
                    f"new alleles, rate {rate}, {kernel} from {start + 1}",
                    np.bincount(newborns[changed], minlength=5),
                    expected,
                )
            )
    return checks


def modified(engine: Engine, slow: bool) -> list[Check]:
    """The four gametes in eggs and sperm, of all genotypes of driver and modifier with costs."""
    n, checks = _size(slow) // 2, []
    rng = np.random.default_rng(5)
    # Far from linkage equilibrium, so that r has an effect
    genotypes = rng.choice(4, p=[0.4, 0.05, 0.1, 0.45], size=(n, 2))
    alleles = np.stack([genotypes >> 1, genotypes & 1], axis=2).astype(np.uint8)
    cases = (
        ("unlinked suppressor", None, (0.9, 0.9), (0.5, 0.5), 1.0, 0.1),
        ("linked suppressor, partly dominant", 0.1, (0.8, 0.7), (0.5, 0.6), 0.5, 0.2),
        ("linked enhancer", 0.05, (0.7, 0.7), (0.95, 0.9), 1.0, 0.0),
    )
    for what, r, k, changed, dominance, cost in cases:
        place = None if r is None else centimorgan(r)
        modifier = Modifier(
            "m1", "other", "m0", ratio=changed, effect_dominance=dominance, cost=cost
        )
        grid = markers(
            0.0 if r else None, place, drivers=(driver(k, 0.4, 0.5),), modifiers=(modifier,)
        )
        newborns, _ = engine.generation(grid, alleles)
        driving, modifying = np.array([1.0, 0.8, 0.6]), np.array([1.0, 1.0 - cost, 1.0 - cost])
        copies = alleles.sum(axis=1)
        weight = driving[copies[:, 0]] * modifying[copies[:, 1]]
        for side in (0, 1):
            ratios = [
                k[side] + share * (changed[side] - k[side]) for share in (0.0, dominance, 1.0)
            ]
            table = two_locus.transmission(0.5 if r is None else r, ratios)
            expected = (weight[:, None] * table[genotypes[:, 0], genotypes[:, 1]]).sum(axis=0)
            seen = np.bincount(
                2 * newborns[:, side, 0].astype(np.int64) + newborns[:, side, 1], minlength=4
            )
            checks.append(counts(f"{('eggs', 'sperm')[side]}, {what}", seen, expected))
    return checks


def fertility(engine: Engine, slow: bool) -> list[Check]:
    """Costs of fertility of one or both sexes, with different ratios in eggs and sperm."""
    n, checks = _size(slow), []
    genotypes = np.zeros((n, 2, 1), dtype=np.uint8)
    genotypes[::2, 0, 0] = 1  # every second individual carries the driver, every eighth twice
    genotypes[::8, 1, 0] = 1
    shares = np.array([1 / 2, 3 / 8, 1 / 8])
    cases: tuple[tuple[CostTo, tuple[bool, bool]], ...] = (
        ("fertility", (True, True)),
        ("female fertility", (True, False)),
        ("male fertility", (False, True)),
    )
    for cost_to, hit in cases:
        grid = markers(None, drivers=(driver((0.6, 0.9), 0.8, 0.25, cost_to=cost_to),))
        for sexes in (1, 2):
            newborns, _ = engine.generation(grid, genotypes, sexes=sexes, females=0.3)
            for side, k in ((0, 0.6), (1, 0.9)):
                w = shares * (np.array([1.0, 0.8, 0.2]) if hit[side] else 1.0)
                p = float((w @ [0.0, k, 1.0]) / w.sum())
                what = (
                    f"{('eggs', 'sperm')[side]} with the driver, cost to {cost_to}, {sexes}"
                    f" sex{'es' if sexes > 1 else ''}"
                )
                checks.append(binomial(what, int(newborns[:, side, 0].sum()), n, p))
    return checks


def haploids(engine: Engine, slow: bool) -> list[Check]:
    """Drive in the zygote of two haploids: q' = q^2 + 2pqk. One copy has the whole cost."""
    n, checks = _size(slow), []
    haploid = np.zeros((n, 1, 1), dtype=np.uint8)
    haploid[: int(0.3 * n)] = 1
    for k, cost in ((0.8, 0.0), (0.7, 0.4)):
        newborns, _ = engine.generation(
            markers(None, drivers=(driver(k, cost, 0.5),), ploidy=1), haploid
        )
        q = 0.3 * (1.0 - cost) / (0.3 * (1.0 - cost) + 0.7)
        checks.append(
            binomial(
                f"haploids with the driver, k = {k}, cost {cost}",
                int(newborns.sum()),
                n,
                q * q + 2.0 * q * (1.0 - q) * k,
            )
        )
    return checks


def several_modifiers(engine: Engine, slow: bool) -> list[Check]:
    """Two modifiers of one driver act in the order of the file, by their numbers of copies."""
    n, checks = _size(slow) // 2, []
    first = Modifier("m1", "other", "m0", ratio=0.5, effect_dominance=0.4)
    second = Modifier("m2", "other", "m0", ratio=(0.95, 1.0), effect_dominance=0.7)
    grid = markers(None, None, None, drivers=(driver((0.8, 0.9)),), modifiers=(first, second))
    for copies in ((1, 1), (2, 1), (1, 2)):
        genotypes = heterozygotes(n, 3)
        for locus, count in enumerate(copies, start=1):
            genotypes[:, 0, locus] = count == 2
        newborns, _ = engine.generation(grid, genotypes)
        for side, (k, low, high) in enumerate(((0.8, 0.5, 0.95), (0.9, 0.5, 1.0))):
            k += (0.4, 1.0)[copies[0] - 1] * (low - k)
            k += (0.7, 1.0)[copies[1] - 1] * (high - k)
            what = (
                f"{('eggs', 'sperm')[side]} with the driver, {copies[0]} and {copies[1]} copies of"
                " its modifiers"
            )
            checks.append(binomial(what, int(newborns[:, side, 0].sum()), n, k))
    return checks


def many_chromosomes(engine: Engine, slow: bool) -> list[Check]:
    """A hundred chromosomes assort independently; the last one has a driver."""
    n, last = _size(slow) // 10, 99
    grid = markers(*[None] * 100, drivers=(driver(0.9, locus=last),))
    newborns, _ = engine.generation(grid, heterozygotes(n, 100))
    gametes = newborns.reshape(2 * n, 100)
    checks = [
        binomial("the driver on the hundredth chromosome", int(gametes[:, last].sum()), 2 * n, 0.9)
    ]
    for i, j in ((0, 1), (1, 65), (31, 32), (32, 96), (63, 64), (64, 65), (97, 98)):
        checks.append(
            binomial(
                f"recombinants of chromosomes {i + 1} and {j + 1}",
                int((gametes[:, i] != gametes[:, j]).sum()),
                2 * n,
                0.5,
            )
        )
        unlike = newborns[:, 0, i] != newborns[:, 1, i]
        checks.append(
            binomial(f"egg's chromosome {i + 1} unlike the sperm's", int(unlike.sum()), n, 0.5)
        )
    return checks


def one_step_variance(engine: Engine, slow: bool) -> list[Check]:
    """Mean and variance of a neutral frequency after one generation of a small population."""
    n, runs, p = 50, 200_000 if slow else 20_000, 0.3
    founders = np.zeros((n, 2, 1), dtype=np.uint8)
    founders.reshape(-1)[: int(2 * n * p)] = 1
    census, _ = engine.replicates(markers(None), founders, 1, runs)
    frequency = (census[:, 0, 0] @ [0.0, 0.5, 1.0]) / n
    error = float(np.sqrt(p * (1 - p) / (2 * n)))
    variance = float(((frequency - p) ** 2).mean())
    fourth = float(((frequency - p) ** 4).mean())
    return [
        normal(
            "mean frequency after one generation of 50",
            float(frequency.mean()),
            p,
            error / np.sqrt(runs),
        ),
        normal(
            "variance of it, p q / 2N",
            variance,
            error**2,
            float(np.sqrt((fourth - variance**2) / runs)),
        ),
    ]


LAWS = (
    Law(
        "transmission",
        "a heterozygote's gametes carry the driver with probability k; homozygotes transmit their"
        " allele",
        "Sandler and Novitski 1957",
        ("k for 1 - k", "sexes swapped", "drive in homozygotes"),
        transmission,
    ),
    Law(
        "next pool",
        "gametes with the driver: (n2 b + n1 a k) / (n0 + n1 a + n2 b)",
        "derived",
        ("k for 1 - k",),
        next_pool,
    ),
    Law(
        "parentage",
        "parents in proportion to fitness; selfing only where allowed; two parents for each"
        " newborn",
        "Wright-Fisher",
        ("selfing forbidden", "both gametes from one parent"),
        parentage,
    ),
    Law(
        "recombination",
        "exchanges by Haldane's map, independent between intervals, chromosomes and gametes, with"
        " and without drive",
        "Haldane 1919",
        ("r off by one locus", "recombination mask reused"),
        recombination,
    ),
    Law(
        "mutation",
        "mutants by rate, kernel and locus, independently",
        "binomial",
        ("mutation rate halved",),
        mutation,
    ),
    Law(
        "modifiers in one generation",
        "all four gametes of driver and modifier, linked or not, with costs, per sex",
        "derived",
        ("no modifiers", "sexes swapped", "k for 1 - k", "r off by one locus"),
        modified,
    ),
    Law(
        "fertility costs",
        "costs of one sex's fertility affect only its gametes, in one sex and in two",
        "derived",
        ("fertility costs ignored", "sexes swapped"),
        fertility,
    ),
    Law(
        "haploid drive",
        "q' = q^2 + 2pqk in the zygote of two haploids",
        "derived",
        ("k for 1 - k",),
        haploids,
    ),
    Law(
        "several modifiers",
        "modifiers of one driver act in the order of the file, by their copies",
        "convention",
        ("modifiers in another order", "no modifiers"),
        several_modifiers,
    ),
    Law(
        "many chromosomes",
        "a hundred chromosomes assort independently",
        "Mendel",
        ("k for 1 - k", "recombination mask reused"),
        many_chromosomes,
    ),
    Law(
        "one step of drift",
        "variance p q / 2N",
        "Wright 1931",
        ("replicates share their numbers",),
        one_step_variance,
    ),
)
