"""Models of designs find the effects that were put in, with honest intervals."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

from evosim.analysis.design_terms import Column
from evosim.analysis.resampling import Array, Resampling
from evosim.analysis.response_surface import fit
from evosim.analysis.shuffle_test import any_effect
from evosim.analysis.variance_decomposition import decompose
from evosim.sweeps.design import points as drawn
from evosim.sweeps.factors import column_of
from evosim.sweeps.schema import Design, Kind, Range

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


def shares(means: Array, seeds: int = 6) -> dict[tuple[str, tuple[int, ...]], float | None]:
    """Of a grid without chance, but with seeds that differ."""
    values = noisy(means, seeds, np.random.default_rng(4), own=0.0)
    return {(s.order, s.factors): s.share for s in decompose(values, HOW).shares}


UNITS = [2.0**-1000, 2.0**-560, 2.0**-260, 2.0**260, 2.0**515, 2.0**1000]  # 1e-301 to 1e301


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("seeds", [1, 6])
def test_a_fit_does_not_depend_on_the_unit(unit: float, seeds: int) -> None:
    x = points()
    y = (3.0 * x[:, 0] - 2.0 * x[:, 1])[:, None] + 0.3 * np.random.default_rng(22).standard_normal(
        (60, seeds)
    )
    columns = [Column(x[:, i]) for i in range(3)]
    one, other = fit(y, columns, HOW), fit(y * unit, columns, HOW)
    assert (other.model, other.detected, other.explained, other.predicted, other.missed) == (
        one.model,
        True,
        one.explained,
        one.predicted,
        one.missed,
    )
    for mine, theirs in zip(one.terms, other.terms, strict=True):
        assert theirs.share == mine.share
        assert (theirs.share_low, theirs.share_high) == (mine.share_low, mine.share_high)
        assert (theirs.correlation, theirs.low, theirs.high) == (
            mine.correlation,
            mine.low,
            mine.high,
        )
        assert (theirs.slope, theirs.slope_low, theirs.slope_high) == tuple(
            None if end is None else end * unit
            for end in (mine.slope, mine.slope_low, mine.slope_high)
        )
    assert one.terms[0].share_low is not None


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_what_is_not_finite_is_refused(value: float) -> None:
    values = noisy(A[:, None] + B, 6, np.random.default_rng(23))
    values[0, 0, 0] = value
    for call in (
        lambda: any_effect(values, HOW),
        lambda: decompose(values, HOW),
        lambda: fit(values[0], [Column(np.array([0.0, 1.0]))], HOW),
    ):
        with pytest.raises(ValueError, match="must be finite"):
            call()


def points(n: int = 60) -> Array:
    return np.random.default_rng(9).random((n, 3))


def test_a_fit_finds_what_was_put_in() -> None:
    u = points()
    values = np.repeat((2.0 * u[:, 0] - u[:, 1] + 4.0 * u[:, 1] * u[:, 2])[:, None], 6, axis=1)
    found = fit(values, [Column(u[:, i]) for i in range(3)], HOW)
    by = {term.columns: term for term in found.terms}
    assert (found.model, found.explained, found.predicted) == (
        "pairs",
        pytest.approx(1.0),
        pytest.approx(1.0),
    )
    assert by[(0,)].slope == pytest.approx(2.0)
    assert by[(1, 2)].slope == pytest.approx(4.0)
    assert by[(0, 1)].slope == pytest.approx(0.0, abs=1e-9)
    assert by[(0,)].correlation == pytest.approx(stats.spearmanr(u[:, 0], values[:, 0])[0])
    assert by[(0, 1)].share == pytest.approx(0.0, abs=1e-9)


def test_points_left_out_are_really_left_out() -> None:
    u = points(30)[:, :2]
    y = u[:, 0] + np.random.default_rng(10).standard_normal(30)
    found = fit(y[:, None], [Column(u[:, i]) for i in range(2)], HOW)
    squares = (1.0, 1.0)
    x = np.column_stack([np.ones(30), u, u**2, u[:, :1] * u[:, 1:]])
    errors = []
    for i in range(30):
        others = np.arange(30) != i
        beta = np.linalg.lstsq(x[others], y[others], rcond=None)[0]
        errors.append((y[i] - x[i] @ beta, y[i] - y[others].mean()))
    squares = tuple(sum(e[j] ** 2 for e in errors) for j in range(2))
    assert found.predicted == pytest.approx(1.0 - squares[0] / squares[1])


def test_few_points_have_a_smaller_model_or_none() -> None:
    u = points()
    columns = lambda n: [Column(u[:n, i]) for i in range(3)]  # noqa: E731
    y = u.sum(axis=1)[:, None]
    assert [fit(y[:n], columns(n), HOW).model for n in (40, 16, 9, 4)] == [
        "pairs",
        "curved",
        "straight",
        "none",
    ]


def test_choices_have_a_share_and_no_direction() -> None:
    choice = np.arange(60) % 3.0
    u = points()[:, 0]
    found = fit(
        (10.0 * (choice == 1) + u)[:, None], [Column(choice, ordered=False), Column(u)], HOW
    )
    assert found.terms[0].share == pytest.approx(1.0, abs=0.05)
    assert found.terms[0].slope is None
    assert found.terms[1].slope == pytest.approx(1.0)


KINDS: tuple[Kind, ...] = ("random", "latin-hypercube", "sobol")


def box(kind: Kind, size: int, seed: int, parameters: int = 2) -> Array:
    """Points as the program draws them."""
    ranges = {str(i): Range(low=0.0, high=1.0) for i in range(parameters)}
    return np.array(
        [
            list(point.values())
            for point in drawn(Design(kind=kind, size=size, seed=seed, ranges=ranges))
        ]
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("size", "seeds"), [(8, 1), (16, 6), (64, 1)])
def test_shares_of_a_sum_are_halves_whatever_points_were_drawn(
    kind: Kind, size: int, seeds: int
) -> None:
    """R^2 is 1 and parameters are independent, so that correlations of the points must not show."""
    for seed in range(10):
        u = box(kind, size, seed)
        found = fit(
            u.sum(axis=1)[:, None] + np.arange(seeds),
            [Column(u[:, 0]), Column(u[:, 1])],
            Resampling(10),
        )
        assert [term.share for term in found.terms[:2]] == pytest.approx([0.5, 0.5], abs=1e-9)
        assert sum(term.share or 0.0 for term in found.terms) == pytest.approx(1.0)
        if size >= 10:
            assert all(
                term.share_low <= 0.5 <= term.share_high <= 0.5 + 1e-6 for term in found.terms[:2]
            )  # type: ignore[operator]


@pytest.mark.parametrize(("own", "seeds"), [(0.5, 6), (0.2, 1)])
def test_shares_of_noisy_designs_lie_in_their_intervals(own: float, seeds: int) -> None:
    """20 designs of each kind, 64 points.

    A 95% interval holds the truth: 5% miss, and seldom more than 11% of 60.
    """
    rng, errors, held, wide = np.random.default_rng(17), [], [], []
    true = {(0,): 0.8, (1,): 0.2, (0, 1): 0.0}
    for seed, kind in itertools.product(range(20), KINDS):
        u = box(kind, 64, seed)
        y = np.sqrt(12.0) * (np.sqrt(0.8) * u[:, 0] + np.sqrt(0.2) * u[:, 1])
        values = y[:, None] + rng.standard_normal(seeds) + own * rng.standard_normal((64, seeds))
        for term in fit(values, [Column(u[:, 0]), Column(u[:, 1])], Resampling(10)).terms:
            assert term.share is not None
            assert term.share_low is not None
            assert term.share_high is not None
            errors.append(abs(term.share - true[term.columns]))
            held.append(term.share_low <= true[term.columns] <= term.share_high)
            wide.append(term.share_high - term.share_low)
    assert 0.91 <= np.mean(held) <= 0.99
    assert np.mean(errors) < 0.03
    assert np.mean(wide) < 0.15


def test_what_a_model_misses_is_no_parameter_s_share() -> None:
    """A wave of a parameter's range, which no straight or curved term can follow: shares are of the
    whole variance.
    """
    u = box("sobol", 128, 0)
    wave = np.sqrt(2.0) * np.sin(8.0 * np.pi * u[:, 0])
    values = (wave + np.sqrt(12.0) * u[:, 1])[:, None] + np.random.default_rng(18).standard_normal(
        6
    )
    found = fit(values, [Column(u[:, 0]), Column(u[:, 1])], Resampling(10))
    by = {term.columns: term for term in found.terms}
    assert by[(1,)].share == pytest.approx(0.5, abs=0.05)
    # The wave has a little slope
    assert found.missed == pytest.approx(0.5 - 3.0 / (16.0 * np.pi**2), abs=0.05)


def test_a_model_of_chance_has_no_shares() -> None:
    rng, told = np.random.default_rng(19), []
    for _ in range(200):
        u = rng.random((32, 2))
        found = fit(
            rng.standard_normal((32, 1)), [Column(u[:, 0]), Column(u[:, 1])], Resampling(10)
        )
        told.append(found.detected)
        assert found.detected or all(term.share is None for term in found.terms)
    assert 3 <= sum(told) <= 20  # type: ignore[arg-type]


def test_a_model_of_what_seeds_do_each_for_itself_is_seldom_told() -> None:
    """All points have their seeds in common: slopes of theirs, whose mean is 0, are no effect."""
    rng, told = np.random.default_rng(21), []
    for _ in range(150):
        u = rng.random((32, 2))
        slopes = np.sqrt(3.0) * (u[:, :1] - 0.5) * rng.standard_normal(10)
        values = slopes + 0.3 * rng.standard_normal((32, 10))
        told.append(fit(values, [Column(u[:, 0]), Column(u[:, 1])], Resampling(10)).detected)
    assert sum(told) <= 20  # type: ignore[arg-type]
    u = rng.random((32, 2))
    effect = np.sqrt(3.0) * u[:, :1] + rng.standard_normal((32, 6))
    assert fit(effect, [Column(u[:, 0]), Column(u[:, 1])], Resampling(10)).detected


def test_rank_correlations_of_what_is_rare_hold_0() -> None:
    """A resample without the one run that differs has no correlation, and may not be left out."""
    rng = np.random.default_rng(22)
    for _ in range(20):
        rare = np.zeros((32, 1))
        rare[rng.integers(32)] = 1.0
        term = fit(rare, [Column(rng.random(32))], HOW).terms[0]
        assert term.low is not None
        assert term.high is not None
        assert term.low <= 0.0 <= term.high


def test_rank_correlations_near_one_are_neither_exact_nor_0() -> None:
    u, rng = np.random.default_rng(23).random(16), np.random.default_rng(24)
    rises = 100.0 * u[:, None] + 0.01 * rng.standard_normal((16, 6))
    found = fit(rises, [Column(u)], HOW).terms[0]
    assert (found.correlation, found.low, found.high) == (pytest.approx(1.0), None, None)
    near = 10.0 * u[:, None] + rng.standard_normal((16, 6))
    term = fit(near, [Column(u)], HOW).terms[0]
    assert term.low is not None
    assert 0.6 < term.low < 0.95


@pytest.mark.parametrize(
    ("given", "chances"),
    [
        (Range(low=1.0, high=4.0, integer=True), {1: 0.25, 2: 0.25, 3: 0.25, 4: 0.25}),
        (
            Range(low=1.0, high=3.0, integer=True, scale="log"),
            {1: 0.5, 2: np.log2(1.5) / 2.0, 3: np.log2(4.0 / 3.0) / 2.0},
        ),
        (Range(choices=(1, 1, 1, 2)), {1: 0.75, 2: 0.25}),
        (Range(choices=("a", "b", "b", "c")), {"a": 0.25, "b": 0.5, "c": 0.25}),
    ],
)
def test_shares_are_of_the_chances_with_which_values_are_drawn(
    given: Range, chances: dict[Any, float]
) -> None:
    """Against the variance of the values by hand, however often the points happen to have each."""
    rng = np.random.default_rng(20)
    worth = {value: float(i * i) for i, value in enumerate(chances)}
    values = [*chances, *(given.at(x) for x in rng.random(40))]
    v = rng.random(len(values))
    y = np.array([worth[value] for value in values]) + 2.0 * v
    mean = sum(p * worth[value] for value, p in chances.items())
    variance = sum(p * (worth[value] - mean) ** 2 for value, p in chances.items())
    found = fit(y[:, None], [column_of(pl.Series(values), given), Column(v)], Resampling(10))
    assert found.explained == pytest.approx(1.0)
    assert found.terms[0].share == pytest.approx(variance / (variance + 4.0 / 12.0))


def test_slopes_do_not_depend_on_the_points() -> None:
    """A parabola rises by 1 from end to end, wherever it was looked at."""
    for seed in range(5):
        u = box("random", 20, seed)
        found = fit(
            (u[:, 0] ** 2 + u[:, 1])[:, None], [Column(u[:, 0]), Column(u[:, 1])], Resampling(10)
        )
        assert found.terms[0].slope == pytest.approx(1.0)


@pytest.mark.slow
def test_intervals_of_slopes_hold_what_seeds_have_in_common() -> None:
    """In 100 designs the slope differs for every seed.

    95% intervals that resample points alone hold it 60% of the time.
    """
    rng, held = np.random.default_rng(12), []
    for _ in range(100):
        u = rng.random((40, 2))
        values = (
            u[:, :1] * (1.0 + 0.5 * rng.standard_normal(6))
            + u[:, 1:]
            + 0.1 * rng.standard_normal((40, 6))
        )
        term = fit(values, [Column(u[:, 0]), Column(u[:, 1])], Resampling(200)).terms[0]
        held.append(
            term.slope_low is not None
            and term.slope_high is not None
            and term.slope_low <= 1.0 <= term.slope_high
        )
    assert np.mean(held) >= 0.88


def test_two_parameters_that_are_one_are_no_model_of_two() -> None:
    rng = np.random.default_rng(3)
    x = rng.random(40)
    columns = [Column(x), Column(x + 1e-9 * rng.random(40))]
    found = fit(x[:, None] + 0.1 * rng.normal(size=(40, 6)), columns, HOW)
    assert found.model == "none"
