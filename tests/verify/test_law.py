"""Comparisons of the laws: they can fail, and fail as rarely as stated."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from evosim.verify.law import FALSE_ALARM, binomial, counts, identity, mean_of, normal


def test_comparisons_can_fail() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=400)
    pairs = [
        (binomial("", 5_000, 10_000, 0.5), binomial("", 5_300, 10_000, 0.5)),
        (binomial("", 0, 10, 0.0), binomial("", 1, 10, 0.0)),
        (counts("", [250, 250], [0.5, 0.5]), counts("", [350, 150], [0.5, 0.5])),
        (counts("", [500, 0], [1.0, 0.0]), counts("", [499, 1], [1.0, 0.0])),
        (identity("", 1.0, 1.0), identity("", 1.0, 1.0 + 1e-15)),
        (
            counts("", [0, 500, 500], [1e-4, 0.5, 0.4999]),
            counts("", [10, 490, 500], [1e-4, 0.5, 0.4999]),
        ),  # a small cell alone
        (
            counts("", [1] + [100] * 18, [0.5] + [100] * 18),
            counts("", [80] + [100] * 18, [30] + [100] * 18),
        ),  # one cell of many
        (
            counts("", [100] * 20, [1.0] * 20),
            counts("", [100] * 10 + [145] * 10, [1.0] * 20),
        ),  # many cells, each a little
        (normal("", 4.4, 0.0, 1.0), normal("", 4.6, 0.0, 1.0)),
        (normal("", -9.4, 0.0, 1.0, bias=5.0), normal("", -9.6, 0.0, 1.0, bias=5.0)),
        (normal("", 0.5, 0.0, 0.0, bias=0.5), normal("", 0.6, 0.0, 0.0, bias=0.5)),
        (mean_of("", x, 0.0), mean_of("", x + 0.4, 0.0)),
        (mean_of("", x + 0.4, 0.0, bias=0.4), mean_of("", x + 0.8, 0.0, bias=0.4)),
    ]
    for sound, broken in pairs:
        assert sound.holds
        assert not broken.holds


@pytest.mark.slow
def test_a_sound_comparison_has_the_stated_false_alarm_rate() -> None:
    """Under the law, P is uniform: of 2,000 tests none fails, and a tenth lies below .1."""
    rng = np.random.default_rng(2)
    checks = [binomial("", int(rng.binomial(1000, 0.3)), 1000, 0.3) for _ in range(2000)]
    assert all(check.holds for check in checks)
    low = np.mean([check.chance < 0.1 for check in checks if check.chance is not None])
    assert 0.07 < low < 0.12
    assert pytest.approx(6.8e-6, rel=0.01) == FALSE_ALARM


@pytest.mark.slow
@pytest.mark.parametrize(("rare", "n"), [(0.1, 200), (5.0, 200)])
def test_small_cells_keep_the_false_alarm_rate(rare: float, n: int) -> None:
    """The rate is exact: all outcomes with a probability above 1e-12 are enumerated.

    The rate of a chi-square test is far above it.
    """
    chances = np.array([rare / n, 0.5, 0.5 - rare / n])
    red = by_chi_square = seen = 0.0
    share, cells = (
        chances[1] / chances[1:].sum(),
        range(int(max(0, rare - 9 * rare**0.5)), int(rare + 9 * rare**0.5 + 14)),
    )
    for first in cells:
        rest = n - first
        middle, wide = rest * share, 6.0 * (rest * share * (1.0 - share)) ** 0.5
        seconds = np.arange(int(middle - wide), int(middle + wide) + 1)
        each = stats.binom.pmf(first, n, chances[0]) * stats.binom.pmf(seconds, rest, share)
        for second, chance in zip(seconds.tolist(), each.tolist(), strict=True):
            if chance > 1e-12:
                check = counts("", [first, second, rest - second], chances)
                seen += chance
                red += chance * (not check.holds)
                by_chi_square += chance * bool(stats.chi2.sf(check.measured, 2) < FALSE_ALARM)
    assert seen > 1.0 - 1e-8
    assert 0.2 * FALSE_ALARM < red < FALSE_ALARM
    assert by_chi_square > 1.5 * FALSE_ALARM


@pytest.mark.slow
def test_probabilities_of_sound_counts_are_uniform() -> None:
    rng = np.random.default_rng(4)
    chances = [0.002, 0.01, 0.05, 0.3, 0.638]
    found = [counts("", rng.multinomial(500, chances), chances).chance for _ in range(1000)]
    assert 0.03 < np.mean([p < 0.1 for p in found if p is not None]) < 0.11
