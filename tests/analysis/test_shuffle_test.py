"""The test of any effect: false alarms are as rare as promised, and effects are found."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from evosim.analysis.resampling import Array, Resampling
from evosim.analysis.shuffle_test import any_effect
from evosim.analysis.variance_decomposition import decompose

HOW = Resampling(500)


A, B = np.array([-1.0, 0.0, 1.0]), np.array([-0.5, 0.5])


def noisy(
    means: Array, seeds: int, rng: np.random.Generator, common: float = 1.0, own: float = 1.0
) -> Array:
    """A grid's means with what a seed adds in every cell, and what it adds in each."""
    return (
        means[..., None]
        + common * rng.standard_normal(seeds)
        + own * rng.standard_normal((*means.shape, seeds))
    )


def shared(grid: tuple[int, ...], seeds: int, rng: np.random.Generator) -> Array:
    """Chance that runs have in common where they share the first factor's level, and a little of
    their own.
    """
    part = rng.standard_normal((grid[0], *(1 for _ in grid[1:]), seeds))
    return part + 0.3 * rng.standard_normal((*grid, seeds))


def skewed(grid: tuple[int, ...], seeds: int, rng: np.random.Generator) -> Array:
    return rng.lognormal(size=(*grid, seeds)) + rng.standard_normal(seeds)


def alarms(draw: Callable[[np.random.Generator], Array], samples: int = 400) -> float:
    """How often the test of any effect speaks up."""
    rng = np.random.default_rng(14)
    return float(np.mean([any_effect(draw(rng), HOW)[0] <= 0.05 for _ in range(samples)]))


# 5% of 400 samples lie between 2.5% and 8% with a chance of 0.99.
@pytest.mark.parametrize(
    ("grid", "seeds"), [((2,), 8), ((2, 2), 5), ((3, 2), 6), ((6, 6), 5), ((36,), 20)]
)
@pytest.mark.parametrize("chance", [skewed, shared])
def test_false_alarms_of_any_effect_are_one_in_twenty(
    grid: tuple[int, ...], seeds: int, chance: Callable[..., Array]
) -> None:
    assert 0.02 <= alarms(lambda rng: chance(grid, seeds, rng)) <= 0.08


def test_shuffling_cells_one_by_one_is_seen() -> None:
    """A planted fault: it breaks up what the runs of a level have in common."""
    assert alarms(lambda rng: shared((6, 6), 6, rng).reshape(36, 6)) > 0.12


@pytest.mark.parametrize(
    ("grid", "seeds", "least"),
    [((2,), 6, 0.3), ((2,), 10, 0.9), ((3, 2), 5, 0.75), ((6, 6), 5, 0.95)],
)
def test_any_effect_is_found(grid: tuple[int, ...], seeds: int, least: float) -> None:
    """The first factor goes from -1 to 1, and a run's own chance has a standard deviation of 1."""
    effect = np.linspace(-1.0, 1.0, grid[0]).reshape(-1, *(1 for _ in grid))
    assert alarms(lambda rng: effect + rng.standard_normal((*grid, seeds)), 100) >= least


def test_any_effect_of_two_cells_is_the_sign_test() -> None:
    rng = np.random.default_rng(15)
    for n in (5, 8):
        x = rng.standard_normal((2, n)) + np.array([[0.0], [0.7]])
        theirs = stats.permutation_test(
            (x[1] - x[0],),
            lambda d: abs(d.mean()),
            permutation_type="samples",
            n_resamples=np.inf,
            alternative="greater",
        )
        assert any_effect(x, HOW) == (pytest.approx(theirs.pvalue), 0.5 ** (n - 1))


def test_drawn_shuffles_agree_with_all_of_them() -> None:
    x = noisy(0.4 * A[:, None] + B, 4, np.random.default_rng(16))
    every, _ = any_effect(x, Resampling(12**3))
    some, least = any_effect(x, Resampling(1000))
    assert 0.02 < every < 0.5
    assert some == pytest.approx(every, abs=0.04)  # three standard errors
    assert least == 1.0 / 1000


def test_what_few_seeds_cannot_show_is_not_told() -> None:
    """Five seeds that all agree in sign: chance does so once in 16."""
    x = np.stack([np.zeros(5), np.array([1.0, 2.0, 3.0, 4.0, 5.0])])
    found = decompose(x, HOW)
    assert (found.detected, found.p, found.p_least) == (False, 0.0625, 0.0625)
    # A factor that does nothing adds no evidence
    repeated = decompose(np.stack([x, x], axis=1), HOW)
    assert (repeated.detected, repeated.p, repeated.p_least) == (False, 0.0625, 0.0625)
    assert decompose(x[:, :4], HOW).detected is None  # too few to test
