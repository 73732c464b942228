"""Laws of drivers over time: equilibrium, spread, sexes, fluctuation and fixation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evosim.genomes import Driver
from evosim.genomes.loci import Alleles
from evosim.theory import drive as theory
from evosim.theory import fixation as fixation_theory
from evosim.theory import fluctuation as fluctuation_theory
from evosim.verify.engine import Engine, Ints, driver, markers
from evosim.verify.law import Check, Law, binomial, mean_of, normal

Floats = NDArray[np.float64]


def hardy_weinberg(n: int, q: float) -> Alleles:
    """`[n, 2, 1]`: genotypes of one locus in Hardy-Weinberg proportions, rounded."""
    out = np.zeros((n, 2, 1), dtype=np.uint8)
    homozygotes, heterozygotes = round(n * q * q), round(2 * n * q * (1 - q))
    out[:homozygotes] = 1
    out[homozygotes : homozygotes + heterozygotes, 0] = 1
    return out


def frequency(census: Ints) -> Floats:
    """Frequency of `other` from a census `[..., 3]` of copies."""
    return np.asarray(census @ [0.0, 0.5, 1.0] / census.sum(axis=-1))


def adult_frequency(census: Ints, h: float, s: float) -> Floats:
    """Frequency of `other` among survivors of selection, from a census `[..., 3]` of newborns."""
    left = census * np.array([1.0, 1.0 - h * s, 1.0 - s])
    return np.asarray(left @ [0.0, 0.5, 1.0] / left.sum(axis=-1))


EQUILIBRIA = (
    (0.9, 0.0, 1.0),
    (0.7, 0.0, 0.6),
    (0.6, 0.0, 1.0),
    (0.8, 0.1, 0.9),
    (0.75, 0.2, 1.0),
    (0.55, 0.0, 0.3),
)


def equilibrium(engine: Engine, slow: bool) -> list[Check]:
    """Time averages over replicates, with twice the largest second-order term as bias."""
    n, runs, burn, keep = (10_000, 24, 80, 200) if slow else (4_000, 24, 60, 120)
    checks = []
    for k, h, s in EQUILIBRIA if slow else EQUILIBRIA[:2]:
        q, fitness, _ = theory.equilibrium(k, h, s)
        census, _ = engine.replicates(
            markers(None, drivers=(driver(k, s, h),)), hardy_weinberg(n, q), burn + keep, runs
        )
        steady = census[:, burn:, 0]
        bias = 2.0 * _bias(n, k, h, s)
        name = f"k = {k}, h = {h}, s = {s}, N = {n}"
        checks.append(
            mean_of(f"newborn frequency, {name}", frequency(steady).mean(axis=1), q, bias)
        )
        w = steady @ [1.0, 1.0 - h * s, 1.0 - s] / n
        checks.append(mean_of(f"mean fitness, {name}", w.mean(axis=1), fitness, 2.0 * bias))
    return checks


def _bias(n: int, k: float, h: float, s: float) -> float:
    """Bias of a mean frequency by curvature of the recursion: f'' Var / (2 (1 - f'))."""
    q, step = theory.equilibrium(k, h, s).frequency, 1e-4
    ahead, here, behind = (theory.next_frequency(q + d, k, h, s) for d in (step, 0.0, -step))
    curvature = (ahead - 2.0 * here + behind) / step**2
    moving = fluctuation_theory.fluctuation(n, k, h, s)
    return abs(curvature) * moving.newborn / (2.0 * (1.0 - moving.lag))


def spread(engine: Engine, slow: bool) -> list[Check]:
    """Mean frequency of a rare driver against the recursion, generation by generation."""
    n, runs = (50_000, 64) if slow else (20_000, 24)
    checks = []
    for k, h, s in ((0.9, 0.0, 1.0), (0.8, 0.1, 0.9)):
        founders = np.zeros((n, 2, 1), dtype=np.uint8)
        founders[: n // 25, 0] = 1
        census, _ = engine.replicates(markers(None, drivers=(driver(k, s, h),)), founders, 10, runs)
        a = 1.0 - h * s
        carriers = 1 / 25
        # Founders are not in Hardy-Weinberg proportions
        q = carriers * a * k / (1.0 - carriers + carriers * a)
        for t in range(10):
            if t in (0, 2, 5, 9):
                checks.append(
                    mean_of(
                        f"newborn frequency, generation {t + 1}, k = {k}, h = {h}, s = {s}",
                        frequency(census[:, t, 0]),
                        q,
                        2.0 / n,
                    )
                )
            q = theory.next_frequency(q, k, h, s)
    return checks


def one_sex(engine: Engine, slow: bool) -> list[Check]:
    """Recessive lethals with different ratios in eggs and sperm, in newborns and in adults."""
    n, runs, burn, keep = (10_000, 24, 40, 150) if slow else (4_000, 24, 40, 100)
    checks = []
    for k_egg, k_sperm in ((0.5, 0.9), (0.5, 0.95), (0.7, 0.9)) if slow else ((0.5, 0.9),):
        expected = theory.lethal_by_sex(k_egg, k_sperm)
        grid = markers(None, drivers=(driver((k_egg, k_sperm), 1.0, 0.0),))
        # The same law must hold for hermaphrodites and for two sexes of equal size.
        for females in (0, n // 2):
            census, _ = engine.replicates(
                grid, hardy_weinberg(n, expected.newborn), burn + keep, runs, females=females
            )
            steady = census[:, burn:, 0]
            sexes = "two sexes" if females else "hermaphrodites"
            name = f"{sexes}, eggs {k_egg}, sperm {k_sperm}"
            checks.append(
                mean_of(
                    f"newborn frequency, {name}",
                    frequency(steady).mean(axis=1),
                    expected.newborn,
                    2.0 / n,
                )
            )
            checks.append(
                mean_of(
                    f"adult frequency, {name}",
                    adult_frequency(steady, 0.0, 1.0).mean(axis=1),
                    expected.adult,
                    2.0 / n,
                )
            )
            w = steady @ [1.0, 1.0, 0.0] / n
            checks.append(
                mean_of(f"mean fitness, {name}", w.mean(axis=1), expected.mean_fitness, 4.0 / n)
            )
    return checks


def bruck(engine: Engine, slow: bool) -> list[Check]:
    """The textbook numbers: ratio .9 gives the frequency 1/3 in adults and .4667 in newborns."""
    n, runs, burn, keep = (20_000, 24, 40, 150) if slow else (5_000, 24, 40, 100)
    census, _ = engine.replicates(
        markers(None, drivers=(driver((0.5, 0.9), 1.0, 0.0),)),
        hardy_weinberg(n, 0.4667),
        burn + keep,
        runs,
    )
    return [
        mean_of(
            "adult frequency, sperm .9: 1/2 - sqrt(m(1-m))/2m",
            adult_frequency(census[:, burn:, 0], 0.0, 1.0).mean(axis=1),
            theory.bruck(0.9),
            2.0 / n,
        ),
        mean_of(
            "newborn frequency of the same population",
            frequency(census[:, burn:, 0]).mean(axis=1),
            7.0 / 15.0,
            2.0 / n,
        ),
    ]


def fluctuation(engine: Engine, slow: bool) -> list[Check]:
    """Stationary variance and lag of the newborn frequency; each replicate is one number."""
    n, runs, burn, keep = (2_000, 400, 40, 400) if slow else (1_000, 200, 30, 150)
    checks = []
    for k, h, s in ((0.9, 0.0, 1.0), (0.8, 0.1, 0.9)) if slow else ((0.9, 0.0, 1.0),):
        expected = fluctuation_theory.fluctuation(n, k, h, s)
        q = theory.equilibrium(k, h, s).frequency
        census, _ = engine.replicates(
            markers(None, drivers=(driver(k, s, h),)), hardy_weinberg(n, q), burn + keep, runs
        )
        x = frequency(census[:, burn:, 0]) - q
        name = f"k = {k}, h = {h}, s = {s}, N = {n}"
        bias = 5.0 / n  # linear noise is the leading order in 1/N
        checks.append(
            mean_of(
                f"variance times N, {name}",
                n * (x**2).mean(axis=1),
                n * expected.newborn,
                n * expected.newborn * bias,
            )
        )
        product = (x[:, 1:] * x[:, :-1]).mean(axis=1)
        checks.append(
            mean_of(
                f"lag-one covariance times N, {name}",
                n * product,
                n * expected.newborn * expected.lag,
                n * expected.newborn * bias,
            )
        )
        error = fluctuation_theory.time_average_error(expected.newborn, expected.lag, keep)
        checks.append(
            normal(
                f"mean of all time averages, {name}",
                float(x.mean()),
                0.0,
                error / np.sqrt(runs),
                2.0 * _bias(n, k, h, s),
            )
        )
    return checks


FIXATIONS = (
    ("neutral", 25, (1.0, 1.0, 1.0), 0.5),
    ("additive s = .02", 10, (1.0, 1.02, 1.04), 0.5),
    ("additive s = .02", 25, (1.0, 1.02, 1.04), 0.5),
    ("additive s = .02", 40, (1.0, 1.02, 1.04), 0.5),
    ("additive s = .05", 25, (1.0, 1.05, 1.10), 0.5),
    ("additive s = .10", 25, (1.0, 1.10, 1.20), 0.5),
    ("driver k = .75", 25, (1.0, 1.0, 1.0), 0.75),
    ("driver k = .90", 25, (1.0, 1.0, 1.0), 0.90),
    ("driver k = .70, w = 1, .9, .8", 25, (1.0, 0.9, 0.8), 0.70),
)


def fixation(engine: Engine, slow: bool) -> list[Check]:
    """Fixation of one copy, against the exact chain of genotype counts."""
    runs = 100_000 if slow else 40_000
    checks = []
    for what, n, w, k in FIXATIONS if slow else (FIXATIONS[0], *FIXATIONS[-4:]):
        founders = np.zeros((n, 2, 1), dtype=np.uint8)
        founders[0, 0] = 1
        grid = markers(None, drivers=(driver(k),))
        if w[2] >= 1.0:  # an advantage is a cost of the wild type
            grid = markers(None, drivers=(_costly_wild(k, w),))
            _, last = engine.replicates(grid, 1 - founders, 60 * n, runs)
            fixed = last[:, :, :, 0].sum(axis=(1, 2)) == 0
            unsettled = ~fixed & (last[:, :, :, 0].sum(axis=(1, 2)) < 2 * n)
        else:
            grid = markers(None, drivers=(driver(k, 1.0 - w[2], (1.0 - w[1]) / (1.0 - w[2])),))
            _, last = engine.replicates(grid, founders, 60 * n, runs)
            copies = last[:, :, :, 0].sum(axis=(1, 2))
            fixed, unsettled = copies == 2 * n, (copies > 0) & (copies < 2 * n)
        assert not unsettled.any(), "a population must be fixed in 60 N generations"
        checks.append(
            binomial(
                f"fixed, {what}, N = {n}", int(fixed.sum()), runs, fixation_theory.fixation(n, w, k)
            )
        )
    return checks


def _costly_wild(k: float, w: tuple[float, float, float]) -> Driver:
    """The wild type as a driver: `other` has the transmission ratio 1 - k and the whole cost."""
    cost = 1.0 - 1.0 / w[2]
    cost_of_one = 1.0 - w[1] / w[2]
    return driver(1.0 - k, cost, cost_of_one / cost if cost else 0.0)


LAWS = (
    Law(
        "driver equilibrium",
        "q* = (2ka - 1) / (2a - 1 - b), and the mean fitness there",
        "derived; Bruck 1957, Hartl 1970",
        ("k for 1 - k",),
        equilibrium,
    ),
    Law(
        "driver spread",
        "from rare, q' = (q^2 b + 2pqak) / W, generation by generation",
        "derived",
        ("k for 1 - k",),
        spread,
    ),
    Law(
        "drive in one sex",
        "recessive lethals with different ratios in eggs and sperm; newborns and adults; one and"
        " two sexes",
        "Bruck 1957",
        ("k for 1 - k",),
        one_sex,
    ),
    Law(
        "Bruck's t-alleles",
        "male-only: adults 1/2 - sqrt(m(1-m))/2m, newborns elsewhere",
        "Bruck 1957, PNAS 43:152",
        ("k for 1 - k",),
        bruck,
    ),
    Law(
        "stationary fluctuation",
        "variance and lag of the frequency at equilibrium by linear noise",
        "derived",
        ("replicates share their numbers",),
        fluctuation,
    ),
    Law(
        "fixation",
        "fixation probability of one copy, by the exact absorbing chain of genotype counts",
        "derived; Kimura 1962 is its approximation",
        ("k for 1 - k",),
        fixation,
    ),
)
