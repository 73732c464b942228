"""Intervals hold what they promise, and what chance can change is never called exact."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from evosim.analysis import intervals as kind
from evosim.analysis.intervals import FEWEST, cut, difference, interval, intervals, share, widening
from evosim.analysis.resampling import Array, Resampling
from evosim.analysis.variance_decomposition import decompose

KEPT = Path(__file__).resolve().parents[2] / "results" / "coverage"
SAMPLES, FALSE_ALARM = 3000, 1e-4
Ends = tuple[Array, Array]


def kept(table: str, column: str, **where: str) -> float:
    """A number of the table that documents cite."""
    with (KEPT / f"{table}.csv").open(encoding="utf-8") as file:
        rows = [
            row
            for row in csv.DictReader(file)
            if all(row[key] == value for key, value in where.items())
        ]
    assert len(rows) == 1
    return float(rows[0][column])


def holds(make: Callable[[Array], Ends], x: Array, truth: float, promised: float) -> bool:
    """Whether intervals hold the truth about as often as promised.

    Where they do, this is False in one of 10,000 sets of samples (binomial).
    """
    low, high = make(x)
    count = int(((low <= truth) & (truth <= high)).sum())
    return bool(stats.binom.cdf(count, len(x), promised) >= FALSE_ALARM)


def ours(x: Array) -> Ends:
    return intervals(x, 1000, 0.95)


def of_shares(x: Array) -> Ends:
    return intervals(x, 1000, 0.95, (0.0, 1.0))


def narrow(x: Array) -> Ends:
    """The planted fault: a plain percentile bootstrap, without width where all seeds agree."""
    weights = kind.draws(x.shape[1], 1000).T / x.shape[1]
    low, high = np.quantile(x @ weights, [0.025, 0.975], axis=1)
    return low, high


@pytest.mark.parametrize("n", [5, 10, 20])
def test_intervals_hold_the_mean_as_often_as_the_kept_table_says(n: int) -> None:
    """Coverage of normal numbers; the narrow interval of before turns it red."""
    x = np.random.default_rng(n).standard_normal((SAMPLES, n))
    promised = kept("means", "evosim", shape="normal", seeds=str(n))
    assert promised >= 0.94
    assert holds(ours, x, 0.0, promised)
    assert not holds(narrow, x, 0.0, promised)


@pytest.mark.parametrize("n", [5, 20])
def test_cut_intervals_keep_coverage_and_are_narrow(n: int) -> None:
    """Shares of 0.95, give or take 0.03.

    Gaffke's interval holds the mean too, but is more than four times as wide.
    """
    x = np.random.default_rng(n).beta(40, 2, size=(1000, n))
    low, high = ours(x)
    ends = [cut(pair, (0.0, 1.0)) for pair in zip(low, high, strict=True)]
    assert (high > 1.0).any() == (n == 5)
    assert max(end for _, end in ends) <= 1.0
    truth = 40 / 42
    assert [a <= truth <= b for a, b in ends] == ((low <= truth) & (truth <= high)).tolist()
    gaffke = of_shares(x)
    assert (gaffke[1] - gaffke[0]).mean() > 4.0 * np.mean([b - a for a, b in ends])
    assert cut((-3.0, 4.0), None) == (-3.0, 4.0)
    assert cut((1.1, 1.2), (0.0, 1.0)) == (1.0, 1.0)


def test_of_skewed_numbers_they_hold_what_the_table_says() -> None:
    x = np.random.default_rng(3).lognormal(size=(SAMPLES, 5))
    truth, promised = float(np.exp(0.5)), kept("means", "evosim", shape="lognormal", seeds="5")
    assert promised < 0.85  # five seeds do not show a long tail, and documents say so
    assert holds(ours, x, truth, promised)
    assert not holds(narrow, x, truth, promised)


@pytest.mark.parametrize(("n", "chance"), [(5, 0.9), (10, 0.95), (20, 0.99)])
def test_intervals_of_shares_hold_them(n: int, chance: float) -> None:
    x = (np.random.default_rng(n).random((SAMPLES, n)) < chance).astype(np.float64)
    assert holds(of_shares, x, chance, 0.95)
    assert not holds(narrow, x, chance, 0.95)


@pytest.mark.parametrize("n", [5, 10])
def test_intervals_of_bounded_means_hold_them(n: int) -> None:
    """A mean of three shares, and a paired difference of two that depend on each other."""
    u = np.random.default_rng(n).random((SAMPLES, 3, n))
    mean = (u < np.array([0.99, 0.9, 0.5])[:, None]).mean(axis=1)
    apart = (u[:, 0] < 0.98).astype(np.float64) - (u[:, 0] < 0.06)
    assert holds(of_shares, mean, 2.39 / 3.0, 0.95)
    assert holds(lambda x: intervals(x, 1000, 0.95, (-1.0, 1.0)), apart, 0.92, 0.95)
    assert not holds(narrow, apart, 0.92, 0.95)


@pytest.mark.parametrize("n", [5, 12, 40])
def test_intervals_of_shares_are_those_of_clopper_and_pearson(n: int) -> None:
    for successes in range(n + 1):
        theirs = stats.binomtest(successes, n).proportion_ci(0.9, "exact")
        values = np.arange(n) < successes
        assert share(successes, n, 0.9) == pytest.approx(tuple(theirs), abs=1e-12)
        assert interval(values, 100, 0.9, (0.0, 1.0)) == pytest.approx(tuple(theirs), abs=1e-12)


def test_gaffke_s_interval_of_near_0_or_1_is_that_of_the_share() -> None:
    """It is drawn where a number lies inside the range, and agrees with the exact one."""
    values = np.array([0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0])
    exact = interval(values, 50_000, 0.95, (0.0, 1.0))
    assert exact is not None
    values[0] = 1e-9
    assert interval(values, 50_000, 0.95, (0.0, 1.0)) == pytest.approx(exact, abs=0.006)


@pytest.mark.parametrize("values", [[0.3] * 5, [0.0] * 20, [1.0 + 1e-15, 1.0, 1.0, 1.0, 1.0]])
def test_seeds_that_agree_give_an_interval_only_in_a_range(values: list[float]) -> None:
    """They gave an interval without width, which reads as exact."""
    assert interval(values, 500, 0.95) is None
    assert difference(values, values, 500, 0.95) is None
    low, high = interval(values, 500, 0.95, (-1.0, 1.5)) or (0.0, 0.0)
    chance = 1.0 - 0.025 ** (1.0 / len(values))  # of a value that none of the seeds showed
    mean = values[-1]
    assert (low, high) == pytest.approx(
        (mean - chance * (mean + 1.0), mean + chance * (1.5 - mean))
    )


def test_too_few_seeds_give_none() -> None:
    few = np.arange(FEWEST - 1.0)
    assert interval(few, 500, 0.95) is None
    assert interval(few > 1.0, 500, 0.95, (0.0, 1.0)) is None
    assert difference(few, np.arange(9.0), 500, 0.95) is None


@pytest.mark.parametrize(("n", "confidence"), [(5, 0.95), (6, 0.8), (33, 0.99), (400, 0.9)])
def test_intervals_are_scipy_s_percentile_bootstrap_widened(n: int, confidence: float) -> None:
    x = np.random.default_rng(n).exponential(size=n)
    rng = np.random.default_rng(kind.RESAMPLING_SEED)
    plain = stats.bootstrap(
        (x,), np.mean, n_resamples=2000, confidence_level=confidence, method="percentile", rng=rng
    ).confidence_interval
    wanted = [x.mean() + widening(n, confidence) * (end - x.mean()) for end in plain]
    assert interval(x, 2000, confidence) == pytest.approx(tuple(wanted), rel=1e-12)


def test_the_widening_makes_the_normal_s_width_student_s() -> None:
    """Of `n` normal numbers the bootstrap's standard error is `sqrt((n-1)/n)` of the usual one."""
    n = 7
    reach = widening(n, 0.95) * stats.norm.ppf(0.975) * np.sqrt((n - 1) / n)
    assert reach == pytest.approx(stats.t.ppf(0.975, n - 1))


def test_only_exact_quantities_have_intervals_without_width() -> None:
    how, same = Resampling(500), np.full((2, 3, 6), 0.25)
    assert np.isnan(how.means_and_ends(same)[1]).all()
    _, low, high = how.means_and_ends(same, exact=True)
    assert (low == 0.25).all()
    assert (high == 0.25).all()
    _, low, high = how.means_and_ends(same, (0.0, 1.0))
    assert (low < high).all()
    varied = np.random.default_rng(1).random((3, 6))
    assert (
        how.means_and_ends(varied, exact=True)[1] < how.means_and_ends(varied, exact=True)[2]
    ).all()


@pytest.mark.parametrize("exact", [False, True])
def test_shares_of_variance_of_seeds_that_agree(exact: bool) -> None:
    values = np.repeat(np.array([[0.0, 1.0], [2.0, 5.0]])[..., None], 6, axis=2)
    found = decompose(values, Resampling(500), exact=exact)
    wanted = found.between if exact else None
    assert (found.low, found.high) == (wanted, wanted)
    for part in found.shares:
        assert part.low == part.high == (pytest.approx(part.share) if exact else None)


@pytest.mark.parametrize("n", [5, 10, 20])
def test_rare_extreme_values_are_missed_as_often_as_stated(n: int) -> None:
    """One value in 20 lies 1,000 times the noise away.

    The interval holds the mean where a seed shows such a value, and not elsewhere.
    """
    rng = np.random.default_rng([n, 5])
    x = rng.standard_normal((SAMPLES, n)) + 1000.0 * (rng.random((SAMPLES, n)) < 0.05)
    low, high = ours(x)
    held, shown = (low <= 50.0) & (high >= 50.0), 1.0 - 0.95**n
    assert abs(held.mean() - shown) < 4.0 * (shown * (1.0 - shown) / SAMPLES) ** 0.5
    assert not held[(x < 500.0).all(axis=1)].any()
    page = " ".join((KEPT.parent.parent / "docs" / "sweeps.md").read_text(encoding="utf-8").split())
    assert "Let one value in 20 lie 1,000 times the noise away" in page
    words = {
        5: (0.25, "quarter of the intervals from five seeds"),
        20: (2 / 3, "For twenty seeds it is two thirds"),
    }
    if n in words:
        assert shown == pytest.approx(words[n][0], abs=0.03)
        assert words[n][1] in page


@pytest.mark.parametrize(
    "words",
    [
        "It contains the share at least as often as its level says",
        "all measured coverages were sufficient",
    ],
)
def test_the_page_promises_what_is_known(words: str) -> None:
    """Gaffke's interval is proved for single shares alone.

    The measured coverage in the stored table is at least the nominal 95%.
    """
    assert words in " ".join(
        (KEPT.parent.parent / "docs" / "sweeps.md").read_text(encoding="utf-8").split()
    )
    with (KEPT / "shares.csv").open(encoding="utf-8") as file:
        assert all(
            float(row[column]) >= 0.95
            for row in csv.DictReader(file)
            for column in ("share", "mean_of_shares", "paired_difference")
        )
