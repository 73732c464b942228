"""Effects of swept parameters: exact on tables whose effects are known, and intervals that hold
what they promise.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

from evosim.analysis import factorial
from evosim.analysis.factorial import (
    Array,
    Column,
    Resampling,
    any_effect,
    decompose,
    fit,
    interaction,
    marginal,
)
from evosim.errors import UserError
from evosim.figures import sweep_charts
from evosim.runtime.text_layout import Screen
from evosim.sweeps import effect_tables
from evosim.sweeps.analysis import analysis_of
from evosim.sweeps.analysis_tables import SCHEMAS, Analysis
from evosim.sweeps.chart_inputs import ChartInputs
from evosim.sweeps.chunk_results import runs_frame
from evosim.sweeps.design import points as drawn
from evosim.sweeps.execute import begin
from evosim.sweeps.factors import DESIGN, column_of, short_names
from evosim.sweeps.figures import charts
from evosim.sweeps.queries import as_data, chosen
from evosim.sweeps.schema import Design, Kind, Range, read_alone, read_sweep
from evosim.sweeps.store import RUNS, Store
from evosim.tables import formatting, screen, sentences
from tests.support.command import evosim
from tests.support.paths import ROOT

HOW = Resampling(500)
A, B = np.array([-1.0, 0.0, 1.0]), np.array([-0.5, 0.5])


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "140")


# Full grids


def noisy(
    means: Array, seeds: int, rng: np.random.Generator, common: float = 1.0, own: float = 1.0
) -> Array:
    """A grid's means with what a seed adds in every cell, and what it adds in each."""
    return (
        means[..., None]
        + common * rng.standard_normal(seeds)
        + own * rng.standard_normal((*means.shape, seeds))
    )


def brute(values: Array) -> dict[tuple[int, ...], float]:
    """Variance of each component by plain loops, as the mean over pairs of different seeds of
    products of effects.
    """
    k, n = values.ndim - 1, values.shape[-1]
    cells = list(itertools.product(*(range(size) for size in values.shape[:-1])))

    def mean_of(fixed: dict[int, int], seed: int) -> float:
        mine = [cell for cell in cells if all(cell[axis] == level for axis, level in fixed.items())]
        return sum(float(values[(*cell, seed)]) for cell in mine) / len(mine)

    def effect(axes: tuple[int, ...], cell: tuple[int, ...], seed: int) -> float:
        subsets = [s for r in range(len(axes) + 1) for s in itertools.combinations(axes, r)]
        return sum(
            (-1) ** (len(axes) - len(s)) * mean_of({axis: cell[axis] for axis in s}, seed)
            for s in subsets
        )

    out = {}
    for axes in [s for r in range(1, k + 1) for s in itertools.combinations(range(k), r)]:
        table = [[effect(axes, cell, seed) for seed in range(n)] for cell in cells]
        pairs = [(s, t) for s in range(n) for t in range(n) if s != t]
        out[axes] = (
            sum(row[s] * row[t] for row in table for s, t in pairs) / len(cells) / len(pairs)
        )
    return out


def test_a_grid_is_taken_apart_as_by_plain_loops() -> None:
    values = noisy(np.random.default_rng(2).standard_normal((3, 2, 4)), 5, np.random.default_rng(3))
    truth, found = brute(values), decompose(values, HOW)
    by = {(share.order, share.factors): share.variance for share in found.shares}
    for axes, variance in truth.items():
        if len(axes) < 3:
            assert by[("first" if len(axes) == 1 else "pair", axes)] == pytest.approx(variance)
    assert by["higher", ()] == pytest.approx(truth[0, 1, 2])
    assert by["total", (1,)] == pytest.approx(sum(v for axes, v in truth.items() if 1 in axes))
    assert found.between == pytest.approx(sum(truth.values()))
    assert found.between == pytest.approx(
        sum(s.variance for s in found.shares if s.order != "total")
    )
    assert found.chance == pytest.approx(values.var(axis=-1, ddof=1).mean())


def shares(means: Array, seeds: int = 6) -> dict[tuple[str, tuple[int, ...]], float | None]:
    """Of a grid without chance, but with seeds that differ."""
    values = noisy(means, seeds, np.random.default_rng(4), own=0.0)
    return {(s.order, s.factors): s.share for s in decompose(values, HOW).shares}


def test_sums_have_no_pair_and_products_nothing_else() -> None:
    additive = shares(A[:, None] + B[None, :])
    v = (A.var(), B.var())
    assert additive["first", (0,)] == pytest.approx(v[0] / sum(v))
    assert additive["first", (1,)] == pytest.approx(v[1] / sum(v))
    assert additive["pair", (0, 1)] == pytest.approx(0.0, abs=1e-12)
    product = shares(A[:, None] * B[None, :])
    assert product["pair", (0, 1)] == pytest.approx(1.0)
    assert product["first", (0,)] == pytest.approx(0.0, abs=1e-12)
    assert product["total", (0,)] == product["total", (1,)] == pytest.approx(1.0)


def test_what_is_constant_has_no_variance_and_one_seed_no_interval() -> None:
    flat = decompose(np.full((3, 2, 6), 0.1), HOW)
    assert (flat.between, flat.told, flat.shares) == (0.0, False, [])
    one = decompose((A[:, None] + B[None, :])[..., None], HOW)
    assert one.low is None
    assert np.isnan(one.chance)
    assert one.shares[0].share == pytest.approx(A.var() / (A.var() + B.var()))
    assert one.shares[0].low is None


def test_what_does_nothing_has_a_share_of_nothing_however_much_chance_there_is() -> None:
    """A parameter of a world that comes later, with common seeds: the same numbers at each of its
    levels.
    """
    once = noisy(A, 6, np.random.default_rng(13))
    by = {(s.order, s.factors): s for s in decompose(np.stack([once, once], axis=1), HOW).shares}
    assert (by["first", (1,)].share, by["first", (1,)].low, by["first", (1,)].high) == (
        0.0,
        None,
        None,
    )
    assert by["total", (1,)].variance == by["pair", (0, 1)].variance == 0.0


def test_an_interaction_is_what_is_left_of_a_pair() -> None:
    means = A[:, None] + B[None, :] + 3.0 * A[:, None] * B[None, :]
    values = noisy(means, 5, np.random.default_rng(5), own=0.0)
    assert interaction(values, 0, 1) == pytest.approx(
        np.repeat((3.0 * A[:, None] * B[None, :])[..., None], 5, axis=2)
    )
    assert not interaction(
        noisy(A[:, None] + B[None, :], 5, np.random.default_rng(5), own=0.0), 0, 1
    ).any()  # not even rounding


def test_chance_alone_is_seldom_told_and_effects_are_covered() -> None:
    """400 grids of 6 seeds: false alarms at 5% (at most 8% with a chance of 0.003), shares held 95%
    of the time (at least 91%).
    """
    rng = np.random.default_rng(6)
    alarms = sum(decompose(noisy(np.zeros((3, 2)), 6, rng), HOW).told for _ in range(400))
    assert 6 <= alarms <= 33
    means, truth = A[:, None] + B[None, :], A.var() / (A.var() + B.var())
    found = [decompose(noisy(means, 6, rng), HOW) for _ in range(400)]
    held = [
        s.low <= truth <= s.high
        for d in found
        for s in d.shares[:1]
        if s.low is not None and s.high is not None
    ]
    assert len(held) > 380
    assert np.mean(held) >= 0.91
    assert (
        np.mean(
            [
                d.low <= A.var() + B.var() <= d.high
                for d in found
                if d.low is not None and d.high is not None
            ]
        )
        >= 0.91
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


def test_any_effect_of_two_cells_is_the_test_of_signs_of_differences() -> None:
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
    assert (found.told, found.p, found.p_least) == (False, 0.0625, 0.0625)
    # A factor that does nothing adds no evidence
    repeated = decompose(np.stack([x, x], axis=1), HOW)
    assert (repeated.told, repeated.p, repeated.p_least) == (False, 0.0625, 0.0625)
    assert decompose(x[:, :4], HOW).told is None  # too few to test


def test_what_no_seed_changes_is_no_chance_but_five_deaths_of_five_are() -> None:
    same = np.array([0.0, 0.5])[:, None] + np.arange(5.0)
    assert decompose(same, HOW, exact=True).told is True
    agreed = decompose(same, HOW)  # five seeds that agree prove no more than five signs
    assert (agreed.told, agreed.p) == (False, 0.0625)
    died = decompose(np.array([[0.0] * 5, [1.0] * 5]), HOW)
    assert (died.told, died.p) == (False, 0.0625)


def test_equal_cells_have_no_effect_where_that_can_be_known() -> None:
    """Few seeds that agree do not show it, unless no seed can change the number."""
    told = {
        (n, exact): decompose(np.full((3, n), 0.5), HOW, exact=exact).told
        for n in (1, 3, 5)
        for exact in (False, True)
    }
    assert told == {
        (1, False): None,
        (3, False): None,
        (5, False): False,
        (1, True): False,
        (3, True): False,
        (5, True): False,
    }
    differ = np.array([[0.0], [0.5]]) + np.zeros(3)
    assert (decompose(differ, HOW).told, decompose(differ, HOW, exact=True).told) == (None, True)


def paired_width(how: Callable[[Array], Array]) -> tuple[float, float]:
    """Mean width and coverage of the interval of a difference, where seeds differ much more than
    they do between cells.
    """
    rng, widths, held = np.random.default_rng(7), [], []
    for _ in range(200):
        values = noisy(A, 8, rng, common=5.0, own=0.2)
        means = how(values)
        _, low, high = HOW.of(means[2] - means[0])
        widths.append(float(high - low))
        held.append(bool(low <= 2.0 <= high))
    return float(np.mean(widths)), float(np.mean(held))


def test_differences_are_paired_and_who_forgets_that_is_seen() -> None:
    width, held = paired_width(lambda values: marginal(values, (0,)))
    assert width < 1.0
    assert held >= 0.90
    shuffler = np.random.default_rng(8)
    unpaired, _ = paired_width(
        lambda values: np.stack([shuffler.permutation(row) for row in marginal(values, (0,))])
    )
    assert unpaired > 5.0


UNITS = [2.0**-1000, 2.0**-560, 2.0**-260, 2.0**260, 2.0**515, 2.0**1000]  # 1e-301 to 1e301


@pytest.mark.parametrize("unit", UNITS)
def test_effects_of_a_grid_do_not_depend_on_the_unit(unit: float) -> None:
    values = noisy(A[:, None] + B, 6, np.random.default_rng(21), own=0.3)
    one, other = decompose(values, HOW), decompose(values * unit, HOW)
    assert any_effect(values * unit, HOW) == any_effect(values, HOW)
    assert one.told is True
    assert (other.told, other.p, other.p_least) == (one.told, one.p, one.p_least)
    assert [(s.order, s.factors, s.share, s.low, s.high) for s in other.shares] == [
        (s.order, s.factors, s.share, s.low, s.high) for s in one.shares
    ]
    # Squares beyond what a number can hold
    assert (
        (other.between == one.between * unit * unit)
        if 1e-150 < unit < 1e150
        else np.isnan(other.between)
    )
    assert interaction(values * unit, 0, 1) == pytest.approx(
        interaction(values, 0, 1) * unit, abs=0.0
    )


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("seeds", [1, 6])
def test_a_fit_does_not_depend_on_the_unit(unit: float, seeds: int) -> None:
    x = points()
    y = (3.0 * x[:, 0] - 2.0 * x[:, 1])[:, None] + 0.3 * np.random.default_rng(22).standard_normal(
        (60, seeds)
    )
    columns = [Column(x[:, i]) for i in range(3)]
    one, other = fit(y, columns, HOW), fit(y * unit, columns, HOW)
    assert (other.model, other.told, other.explained, other.predicted, other.missed) == (
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


# Designs


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
def test_shares_of_noisy_designs_are_near_and_their_intervals_hold_them(
    own: float, seeds: int
) -> None:
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
        told.append(found.told)
        assert found.told or all(term.share is None for term in found.terms)
    assert 3 <= sum(told) <= 20  # type: ignore[arg-type]


def test_a_model_of_what_seeds_do_each_for_itself_is_seldom_told() -> None:
    """All points have their seeds in common: slopes of theirs, whose mean is 0, are no effect."""
    rng, told = np.random.default_rng(21), []
    for _ in range(150):
        u = rng.random((32, 2))
        slopes = np.sqrt(3.0) * (u[:, :1] - 0.5) * rng.standard_normal(10)
        values = slopes + 0.3 * rng.standard_normal((32, 10))
        told.append(fit(values, [Column(u[:, 0]), Column(u[:, 1])], Resampling(10)).told)
    assert sum(told) <= 20  # type: ignore[arg-type]
    u = rng.random((32, 2))
    effect = np.sqrt(3.0) * u[:, :1] + rng.standard_normal((32, 6))
    assert fit(effect, [Column(u[:, 0]), Column(u[:, 1])], Resampling(10)).told


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


def test_a_perfect_rank_correlation_is_not_exact_and_a_near_one_is_not_0() -> None:
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


def test_intervals_of_slopes_hold_what_seeds_have_in_common() -> None:
    """100 designs whose slope is another for every seed; 95% intervals that resample points alone
    hold it 60% of the time.
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


# Sweeps

HEAD = 'name = "s"\nexperiment = "micro"\nchunk = 7\nkeep = []\n'
GRID = (
    HEAD
    + "replicates = 6\n[grid]\noptimizer.population = [40, 10, 20]\nworld.modern.breed_danger ="
    " [0.1, 0.2]\n"
)
Q = "ladder.modern.steps.search"
Outcome = Callable[[dict[str, Any]], dict[str, Any]]


def made(folder: Path, text: str, outcome: Outcome) -> Store:
    """A sweep whose runs came out as was wished: `status` and numbers by planned row."""
    path = folder / "s.toml"
    path.write_text(text, encoding="utf-8")
    store = begin(read_sweep(path), folder / "s")
    for chunk in range(store.chunks):
        rows = []
        for row in store.planned(chunk).iter_rows(named=True):
            planned = {key: value for key, value in row.items() if key != "chunk"}
            rows.append(planned | {"status": "complete", "generations": 1} | outcome(row))
        store.commit(chunk, {RUNS: runs_frame(rows, store.kinds)})
    return store


def additive(row: dict[str, Any]) -> dict[str, Any]:
    return {
        Q: (
            row["optimizer.population"] / 10.0
            + 100.0 * row["world.modern.breed_danger"]
            + 3.0 * row["seed"]
        )
    }


def level_means(analysis: Analysis, factor: str) -> dict[str, float]:
    rows = analysis.tables["effects"].filter(
        (pl.col("quantity") == Q) & (pl.col("factor") == factor)
    )
    return dict(rows.select("level", "mean").rows())


def test_effects_of_a_sweep_are_those_of_its_labels(tmp_path: Path) -> None:
    analysis = analysis_of(made(tmp_path, GRID, additive), HOW)
    assert level_means(analysis, "optimizer.population") == pytest.approx(
        {"10": 23.5, "20": 24.5, "40": 26.5}
    )
    assert level_means(analysis, "world.modern.breed_danger") == pytest.approx(
        {"0.1": 7.5 + 10 + 7 / 3, "0.2": 7.5 + 20 + 7 / 3}
    )
    contrasts = (
        analysis.tables["contrasts"]
        .filter(pl.col("factor") == "optimizer.population")
        .select("level", "against", "difference", "low", "high")
        .rows()
    )
    # Alike in all seeds
    assert contrasts == [
        ("20", "10", 1.0, None, None),
        ("40", "10", 3.0, None, None),
        ("40", "20", 2.0, None, None),
    ]
    pairs = analysis.tables["pairs"]
    assert pairs.height == 6
    assert not pairs["interaction"].abs().sum()
    cell = pairs.filter((pl.col("level") == "40") & (pl.col("with_level") == "0.1"))
    assert (
        cell
        if cell.height
        else pairs.filter((pl.col("level") == "0.1") & (pl.col("with_level") == "40"))
    )["mean"].to_list() == [21.5]


def test_swapped_labels_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted fault: cells laid out in another order than they were planned in."""
    real = factorial.marginal
    store = made(tmp_path, GRID, additive)
    monkeypatch.setattr(
        "evosim.sweeps.effects.marginal", lambda values, keep: real(values, keep)[::-1]
    )
    assert level_means(analysis_of(store, HOW), "optimizer.population") != pytest.approx(
        {"10": 23.5, "20": 24.5, "40": 26.5}
    )


def lost(status: str, population: int, seeds: tuple[int, ...]) -> Outcome:
    def outcome(row: dict[str, Any]) -> dict[str, Any]:
        gone = row["optimizer.population"] == population and row["seed"] in seeds
        return {"status": status} if gone else additive(row)

    return outcome


def test_seeds_that_are_not_everywhere_are_left_out_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = made(tmp_path, GRID, lost("failed", 20, (0, 5)))
    analysis = analysis_of(store)
    facts = analysis.tables["quantities"].row(0, named=True)
    assert (facts["seeds"], facts["seeds_left_out"], facts["refused"]) == (4, 2, None)
    # The plain mean of what is there would be off by what the lost seeds have in common with
    # nothing.
    assert level_means(analysis, "optimizer.population") == pytest.approx(
        {"10": 23.5, "20": 24.5, "40": 26.5}
    )
    cells = analysis.tables["cells"].filter(pl.col("optimizer.population") == 20)
    assert set(cells.select("measured", "complete", "failed", "missing").rows()) == {(4, 4, 2, 0)}
    code, out, _ = evosim(capsys, "sweep", "analyze", str(store.folder))
    assert code == 0
    assert "4 failed" in out
    assert "2 seeds left out" in out
    assert "4 runs failed and are in no mean" in out


def test_a_cell_without_any_run_refuses_effects_and_not_means(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = made(tmp_path, GRID, lost("extinct", 10, (0, 1, 2, 3, 4, 5)))
    analysis = analysis_of(store)
    facts = {row["quantity"]: row for row in analysis.tables["quantities"].iter_rows(named=True)}
    assert facts[Q]["refused"] == "2 of 6 cells have no run in which it was measured"
    assert facts["extinct"]["refused"] is None
    assert analysis.tables["effects"].filter(pl.col("quantity") == Q).is_empty()
    died = analysis.tables["effects"].filter(
        (pl.col("quantity") == "extinct") & (pl.col("factor") == "optimizer.population")
    )
    assert died["mean"].to_list() == [1.0, 0.0, 0.0]
    code, out, _ = evosim(capsys, "sweep", "analyze", str(store.folder))
    assert code == 0
    assert "no effects of factors: 2 of 6 cells have no run" in out
    assert "12 died out" in out
    assert "biased to lucky seeds" in " ".join(out.split())
    drawn = dict(
        charts(ChartInputs(analysis, read_alone(store.folder / "sweep.toml"), None, None), [Q])
    )
    words = json.dumps(drawn["phase-ladder-modern-steps-search"].to_dict())
    assert "died out" in words
    assert "left out" not in words
    code, _, err = evosim(
        capsys, "sweep", "figures", str(store.folder), "--of", "search", "--format", "svg"
    )
    assert code == 0
    assert f"no effects of {Q} are drawn: 2 of 6 cells have no run in which it was measured" in err


def test_one_seed_has_means_and_says_that_it_has_no_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = made(tmp_path, GRID.replace("= 6", "= 1"), additive)
    analysis = analysis_of(store)
    assert analysis.tables["cells"]["low"].null_count() == 6
    assert analysis.tables["contrasts"]["low"].null_count() == analysis.tables["contrasts"].height
    _, out, _ = evosim(capsys, "sweep", "analyze", str(store.folder))
    assert "no intervals over seeds: they need 5 seeds" in " ".join(out.split())


def test_seeds_that_were_left_out_are_missed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three seeds that were measured everywhere tell no effect from chance, however many were
    run.
    """

    def three(row: dict[str, Any]) -> dict[str, Any]:
        died = row["optimizer.population"] == 10 and row["seed"] >= 3
        return (
            {"status": "extinct"} if died else {Q: row["optimizer.population"] + row["seed"] ** 2.0}
        )

    store = made(tmp_path, GRID, three)
    _, out, _ = evosim(capsys, "sweep", "analyze", str(store.folder), "--of", Q)
    words = " ".join(out.split())
    assert "not tested: 3 seeds were measured in every cell, the test needs 5" in words
    assert "without +-: exact, fewer than 5 runs, or all seeds agree" in words


TWO = HEAD + "replicates = 5\n[grid]\noptimizer.population = [10, 20]\n"


def test_the_screen_says_what_few_seeds_cannot_show(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = made(
        tmp_path, TWO, lambda row: {Q: float(row["optimizer.population"] * (1 + row["seed"]))}
    )
    facts = analysis_of(store).tables["quantities"].row(0, named=True)
    assert (facts["told"], facts["p"], facts["p_least"]) == (False, 0.0625, 0.0625)
    _, out, _ = evosim(capsys, "sweep", "analyze", str(store.folder))
    words = " ".join(out.split())
    assert (
        "no effect detected (p = 0.062; so few seeds cannot give a p below 0.062, so no effect can"
        " be detected at 0.05. Run more seeds)" in words
    )


def test_an_infinite_number_is_not_measured(tmp_path: Path) -> None:
    """Seed 5 of one cell has it: the cell's mean is of the others, and effects leave the seed
    out.
    """
    store = made(
        tmp_path,
        GRID,
        lambda row: (
            {Q: float("inf")}
            if row["seed"] == 5 and row["optimizer.population"] == 10
            else additive(row)
        ),
    )
    tables = analysis_of(store).tables
    facts = tables["quantities"].row(0, named=True)
    assert (facts["seeds"], facts["seeds_left_out"], facts["p"] < 0.05) == (5, 1, True)
    cells = tables["cells"].filter(pl.col("optimizer.population") == 10)
    assert cells["measured"].to_list() == [5, 5]
    assert cells["mean"].is_finite().all()


@pytest.mark.parametrize("unit", [2.0**-560, 2.0**515])
def test_a_sweep_of_extreme_numbers_has_the_tables_of_an_ordinary_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], unit: float
) -> None:
    def seen(unit: float, folder: str) -> dict[str, Any]:
        (tmp_path / folder).mkdir()
        rng = np.random.default_rng(24)
        store = made(
            tmp_path / folder,
            GRID,
            lambda row: {Q: unit * (additive(row)[Q] + rng.standard_normal())},
        )
        tables = analysis_of(store).tables
        code, out, _ = evosim(capsys, "sweep", "analyze", str(store.folder))
        assert (code, "nan" in out, "inf" in out) == (0, False, False)
        sd = tables["cells"]["sd"].to_numpy() / unit
        return {
            "sd": sd.tolist(),
            "told": tables["quantities"].select("told", "p").rows(),
            "shares": tables["shares"]["share"].to_list(),
        }

    assert seen(unit, "extreme") == seen(1.0, "ordinary")


def test_runs_that_are_not_done_are_counted(tmp_path: Path) -> None:
    store = made(tmp_path, GRID, additive)
    store.remove(1)
    analysis = analysis_of(store)
    assert analysis.facts.runs.missing == store.size(1) == 7
    assert analysis.tables["cells"]["missing"].sum() == 7


def test_an_analysis_is_read_again_until_runs_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = made(tmp_path, GRID, additive)
    first = analysis_of(store)
    with monkeypatch.context() as patch:
        patch.setattr("evosim.sweeps.analysis.analyse", lambda *_: pytest.fail("computed again"))
        again = analysis_of(store)
    assert first.facts == again.facts
    assert all(first.tables[name].equals(again.tables[name]) for name in first.tables)
    store.remove(0)
    assert analysis_of(store).facts.content != first.facts.content


def test_zips_are_one_factor_and_own_seeds_are_allowed(tmp_path: Path) -> None:
    text = (
        HEAD + 'replicates = 5\nseeds = "own"\n[[zip]]\noptimizer.population = [40,'
        " 10]\nworld.modern.breed_danger = [0.1, 0.2]\n"
    )
    store = made(tmp_path, text, lambda row: {Q: row["optimizer.population"] / 10.0})
    analysis = analysis_of(store)
    assert level_means(analysis, "optimizer.population + world.modern.breed_danger") == {
        "40, 0.1": 4.0,
        "10, 0.2": 1.0,
    }


BOX = (
    HEAD
    + 'replicates = 5\n[grid]\noptimizer.population = [10, 20]\n[design]\nkind = "sobol"\nsize ='
    " 32\n[design.ranges]\n"
    + "genome.discount = {low = 0.2, high = 0.8}\nworld.modern.breed_danger = {low = 0.01, high ="
    ' 0.4, scale = "log"}\n'
)


def boxed(row: dict[str, Any]) -> dict[str, Any]:
    u, v = (
        (row["genome.discount"] - 0.2) / 0.6,
        np.log(row["world.modern.breed_danger"] / 0.01) / np.log(40.0),
    )
    return {Q: 3.0 * u - 2.0 * v + row["optimizer.population"] + row["seed"]}


def test_a_design_is_read_on_its_own_scales_and_the_grid_beside_it(tmp_path: Path) -> None:
    analysis = analysis_of(made(tmp_path, BOX, boxed), HOW)
    slopes = {
        row["parameter"]: row["slope"]
        for row in analysis.tables["sampled"].filter(pl.col("with").is_null()).iter_rows(named=True)
    }
    assert slopes == pytest.approx({"genome.discount": 3.0, "world.modern.breed_danger": -2.0})
    contrast = analysis.tables["contrasts"].row(0, named=True)
    assert (contrast["difference"], contrast["low"], contrast["high"]) == (
        pytest.approx(10.0),
        None,
        None,
    )
    assert {row["factor"] for row in analysis.tables["shares"].iter_rows(named=True)} == {
        "optimizer.population",
        DESIGN,
    }


def test_nothing_of_a_design_is_said_to_be_exact(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ranks of all points agree, and yet other points or seeds may not."""
    text = BOX.replace("[grid]\noptimizer.population = [10, 20]\n", "")
    store = made(
        tmp_path,
        text,
        lambda row: {
            Q: (
                3.0 * row["genome.discount"]
                + 1e-6 * row["seed"] ** 2 * row["world.modern.breed_danger"]
            )
        },
    )
    code, out, _ = evosim(capsys, "sweep", "analyze", str(store.folder), "--of", Q)
    assert code == 0
    assert " 1.00 " in out
    assert "exact" not in out.split("The design")[1]


def test_few_seeds_of_a_design_say_what_its_intervals_are_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With two seeds there are intervals, over points and of these seeds; with five, over both;
    with five points, none.
    """
    design = BOX.replace("[grid]\noptimizer.population = [10, 20]\n", "")
    heads = {}
    for seeds, points in ((2, 16), (5, 16), (2, 5)):
        folder = tmp_path / f"{seeds}-{points}"
        folder.mkdir()
        text = (
            design.replace("replicates = 5", f"replicates = {seeds}")
            .replace("size = 32", f"size = {points}")
            .replace('"sobol"', '"latin-hypercube"')
        )
        store = made(
            folder,
            text,
            lambda row: {
                Q: (
                    3.0 * row["genome.discount"]
                    + row["world.modern.breed_danger"]
                    + 0.1 * np.sin(97.0 * row["seed"] + 31.0 * row["genome.discount"])
                )
            },
        )
        _, out, _ = evosim(capsys, "sweep", "analyze", str(store.folder), "--of", Q)
        head, _, tables = " ".join(out.split()).partition("Cells: means over seeds")
        heads[seeds, points] = head
        assert ("[" in tables.partition("The design")[2]) == (points == 16)
    over_points = (
        "[ ]: 95% intervals over the points of the design, for these seeds only. They do not"
        " include differences between seeds, which need 5 seeds."
    )
    assert (
        "no intervals over seeds: they need 5 seeds. Only exact differences between cells can be"
        " trusted." in heads[2, 16]
    )
    assert over_points in heads[2, 16]
    assert "[ ]" not in heads[2, 5]
    assert "[ ]: 95% intervals over seeds; design: over points and seeds;" in heads[5, 16]


def test_points_with_holes_are_left_out(tmp_path: Path) -> None:
    cut = 0.3
    store = made(
        tmp_path,
        BOX,
        lambda row: (
            {"status": "extinct"}
            if row["genome.discount"] < cut and row["seed"] == 0
            else boxed(row)
        ),
    )
    fits = analysis_of(store).tables["fits"].filter(pl.col("quantity") == Q).row(0, named=True)
    assert (
        fits["points_left_out"]
        == (store.plan.select("genome.discount").unique()["genome.discount"] < cut).sum()
        > 0
    )
    (tmp_path / "more").mkdir()
    store = made(
        tmp_path / "more",
        BOX,
        lambda row: (
            {"status": "extinct"}
            if row["genome.discount"] < 0.7 and row["seed"] == 0
            else boxed(row)
        ),
    )
    assert (
        "more than half of the points"
        in analysis_of(store).tables["fits"].filter(pl.col("quantity") == Q)["refused"][0]
    )


def test_a_design_with_a_rare_choice_is_still_plain_data(tmp_path: Path) -> None:
    """One point alone has a choice, and no model can predict it when it is left out."""
    text = (
        HEAD + 'replicates = 2\n[design]\nkind = "random"\nsize = 12\nseed ='
        " 3\n[design.ranges]\ngenome.discount = {low = 0.2, high ="
        " 0.8}\nworld.modern.breed_danger = {choices = [0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1,"
        " 0.2]}\n"
    )
    analysis = analysis_of(
        made(
            tmp_path,
            text,
            lambda row: {
                Q: row["genome.discount"] + 5.0 * (row["world.modern.breed_danger"] == 0.2)
            },
        ),
        HOW,
    )
    json.dumps(as_data(analysis, [Q]), allow_nan=False)


# Ledgers


def test_ledgers_of_cells_are_means_over_all_measured_runs(tmp_path: Path) -> None:
    """Against the runs' own account: entries by kind sum to the columns of runs.parquet."""
    from tests.support.sweeps import SWEEP, begun, compute

    store = begun(
        tmp_path / "real",
        SWEEP.replace("replicates = 2", "replicates = 6").replace("chunk = 3", "chunk = 6"),
    )
    compute(store)
    analysis = analysis_of(store, HOW)
    ledger = analysis.tables["ledger"].filter(
        (pl.col("subject") == "population") & (pl.col("world") == "modern")
    )
    sums = {
        (cell, kind): value
        for cell, kind, value in ledger.group_by("cell", "kind").agg(pl.col("mean").sum()).rows()
    }
    cells = analysis.tables["cells"].filter(
        pl.col("quantity").str.starts_with("behaviour.modern.kinds.")
    )
    for row in cells.iter_rows(named=True):
        assert sums.get((row["cell"], row["quantity"].rpartition(".")[2]), 0.0) == pytest.approx(
            row["mean"]
        )
    runs = pl.read_parquet(store.folder / "runs.parquet")
    truth = dict(runs.group_by("cell").agg(pl.col(Q).mean()).rows())
    for row in analysis.tables["cells"].filter(pl.col("quantity") == Q).iter_rows(named=True):
        assert row["mean"] == pytest.approx(truth[row["cell"]])


SHIFT = "ladder.modern.steps.shift"


def dying(row: dict[str, Any], *, enumerated: bool = True) -> dict[str, Any]:
    """All seeds die out at size 10, one at 20, none at 40. The shift belongs to worlds and grid."""
    dies = row["optimizer.population"] == 10 or (
        row["optimizer.population"] == 20 and row["seed"] == 0
    )
    out = {"status": "extinct" if dies else "complete", "exact": float(enumerated)}
    return out | {
        SHIFT: row["world.modern.breed_danger"],
        Q: 0.5,
        "behaviour.modern.kinds.waste": 1.0,
    }


def test_shares_of_seeds_that_agree_are_not_exact(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = made(tmp_path, GRID, dying)
    tables = analysis_of(store, HOW).tables
    cells = tables["cells"].filter(pl.col("quantity") == "extinct")
    wanted = [stats.binomtest(k, 6).proportion_ci(0.95, "exact") for k in cells["extinct"]]
    assert cells["low"].to_list() == pytest.approx([ci.low for ci in wanted])
    assert cells["high"].to_list() == pytest.approx([ci.high for ci in wanted])
    for name in ("cells", "effects", "contrasts", "pairs"):
        mine = tables[name].filter(pl.col("quantity") == "extinct")
        middle = "difference" if name == "contrasts" else "mean"
        assert mine.height
        assert (mine["low"] < mine["high"]).all()
        assert (mine["low"] <= mine[middle]).all()
        assert (mine[middle] <= mine["high"]).all()
    pairs = tables["pairs"].filter(pl.col("quantity") == "extinct")
    assert (pairs["interaction_low"] < pairs["interaction_high"]).all()
    code, out, _ = evosim(capsys, "sweep", "analyze", str(store.folder), "--of", "extinct")
    assert code == 0
    assert "1.00 [0.54, 1.00]" in out
    assert "exact" not in out.split("Effects of the parameters")[1]


@pytest.mark.parametrize("enumerated", [True, False])
def test_exact_is_said_of_what_is_so_by_construction_alone(
    tmp_path: Path, enumerated: bool
) -> None:
    """All three quantities are the same in all seeds; the shift belongs to an enumerated grid."""
    store = made(tmp_path, GRID, lambda row: dying(row, enumerated=enumerated))
    for name, table in analysis_of(store, HOW).tables.items():
        if table.height and {"quantity", "low"} <= set(table.columns):
            without_width = (
                table.filter(pl.col("low") == pl.col("high"))["quantity"].unique().to_list()
            )
            assert without_width == ([SHIFT] if enumerated else []), name


# Words


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        ((0.00012, 0.0001, 0.00014), "0.000120 [0.000100, 0.000140]"),
        ((2.3456789e9, 1e9, 3e9), "2.3e+09 [1.0e+09, 3.0e+09]"),
        ((123456.0, 23456.0, 223456.0), "123456 [23456, 223456]"),
        (
            (2.3456789e9, 2.3456788e9, 2.3456790e9),
            "2.34567890e+09 [2.34567880e+09, 2.34567900e+09]",
        ),
        ((1.2e-12, 1.0e-12, 1.4e-12), "1.20e-12 [1.00e-12, 1.40e-12]"),
        ((0.5, 0.5 - 3e-10, 0.5 + 3e-10), "0.50000000000 [0.49999999970, 0.50000000030]"),
        ((-0.001, -0.0996, 0.0996), "0.00 [-0.10, 0.10]"),
        ((1e-170, 0.0, 2e-170), "1.0e-170 [0, 2.0e-170]"),
        ((0.3, 0.3, 0.3), "0.300 exact"),
        ((0.3, None, None), "0.300 alike"),
        ((0.00012, None, None), "0.000120 alike"),
        ((None, None, None), "-"),
    ],
)
def test_decimals_follow_the_interval(measured: tuple[Any, Any, Any], words: str) -> None:
    """Half an interval has two significant digits, so that no interval with a width looks like
    none.
    """
    assert effect_tables.format_interval(*measured, seeds=6) == words


def test_a_column_has_one_scale_unless_its_intervals_are_too_different() -> None:
    alike, apart = (
        [(1.0, 0.8, 1.2), (20.0, 18.0, 22.0), (3.0, None, None)],
        [(1.0, 0.9999, 1.0001), (20.0, 18.0, 22.0), (3.0, None, None)],
    )
    assert formatting.decimals_in(alike) == [2, 2, 2]
    assert formatting.decimals_in(apart) == [5, 1, 3]


def test_a_search_has_the_decimals_of_its_intervals() -> None:
    rows = [
        {"quantity": "steps", "mean": 0.00012, "interval": [0.0001, 0.00014]},
        {"quantity": "share", "mean": 0.25, "interval": None},
    ]
    console = Screen(record=True, width=100)
    screen.show_search(
        console, "s", {"replicates": 6, "seed": 0, "changed": [], "expected": "", "search": rows}
    )
    words = " ".join(console.export_text().split())
    assert "steps 0.000120 0.000100 to 0.000140 share 0.250" in words


def test_a_hack_has_the_decimals_of_its_interval() -> None:
    def of(mean: float, half: float | None) -> dict[str, Any]:
        return {"mean": mean, "seeds": 6} | (
            {} if half is None else {"interval": [mean - half, mean + half]}
        )

    found = {
        "hack": of(0.12345, 0.03),
        "own_cost": of(0.1, 0.0002),
        "behaviour": of(0.02345, None),
        "null": of(-0.001, 0.02),
    }
    verdict = {
        "verdict": "comes out",
        "low": 0.09,
        "null": -0.001,
        "null_low": -0.021,
        "null_high": 0.019,
    }
    verdicts = [verdict, verdict | {"null": 0.00012, "null_low": -0.00004, "null_high": 0.00028}]
    hack = {
        "ancestral": found,
        "frequencies": [{"run": 0.5}],
        "verdicts": verdicts,
        "died_before_the_swap": {},
    }
    words = sentences.hack_words({"hack": hack, "worst_policy": {}, "ladder": {}})
    assert "unfair meiosis costs 0.123 [0.093, 0.153] in A" in words
    assert "take 0.10000 [0.09980, 0.10020] by themselves and 0.0234 is what" in words
    assert (
        "differ by -0.001 [-0.021, 0.019]; through behaviour by 0.00012 [-0.00004, 0.00028]."
        in words
    )


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        ((1.0079, 0.86, 1.0), "100% [86%, 100%]"),
        ((-0.012, 0.0, 0.1), "0% [0%, 10%]"),
        ((0.5, 0.498, 0.502), "50.0% [49.8%, 50.2%]"),
        ((0.5, 0.5, 0.5), "50%"),
        ((1.2, None, None), "100%"),
        ((1.3, 1.0, 1.0), "100% [100%, 100%]"),
    ],
)
def test_a_share_is_shown_within_its_interval(measured: tuple[Any, Any, Any], words: str) -> None:
    frame = pl.DataFrame(
        [dict(zip(("share", "low", "high"), measured, strict=True))],
        schema=dict.fromkeys(("share", "low", "high"), pl.Float64),
    )
    assert effect_tables.share_words(frame) == words


def test_a_cell_of_a_figure_has_no_interval_that_looks_like_none() -> None:
    assert sweep_charts._half(1.4964, 1.5036, 2, both_ends=False) == "\u00b10.0036"
    assert sweep_charts._half(1.40, 1.60, 2, both_ends=False) == "\u00b10.10"
    assert sweep_charts._half(0.9964, 1.0, 2, both_ends=True) == "[0.9964, 1.0000]"
    assert sweep_charts._half(1.5, 1.5, 2, both_ends=False) == ""


def test_small_numbers_of_a_sweep_are_not_0(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every interval of a quantity that is worth 0.0002 has a width on the screen."""
    rng = np.random.default_rng(25)
    store = made(tmp_path, GRID, lambda row: {Q: 1e-5 * (additive(row)[Q] + rng.standard_normal())})
    _, out, _ = evosim(capsys, "sweep", "analyze", str(store.folder), "--of", Q)
    ends = re.findall(
        r"\[(-?[\d.]+), (-?[\d.]+)\]",
        out.partition("What the parameters do")[2].partition("share of")[0],
    )
    assert len(ends) == 8
    assert all(float(low) < float(high) for low, high in ends)
    assert "+-0.000 " not in out


# Commands, figures, documents


def test_analyze_prints_and_has_the_same_as_data(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = made(tmp_path, GRID, additive)
    code, out, _ = evosim(capsys, "sweep", "analyze", str(store.folder), "--of", "search")
    assert code == 0
    assert "Effects of the parameters on ladder.modern.steps.search" in out
    assert "3.000 alike" in out
    assert "exact" not in out.split("Effects of the parameters")[1]
    code, out, _ = evosim(
        capsys, "sweep", "analyze", str(store.folder), "--of", "ladder.*", "--json"
    )
    data = json.loads(out)
    assert data == json.loads(json.dumps(as_data(analysis_of(store), [Q])))
    assert data["quantities"][Q]["seeds"] == 6
    _, out, _ = evosim(capsys, "sweep", "analyze", str(store.folder), "--list")
    assert out.split() == ["optimizer.population", "world.modern.breed_danger", Q]


def test_an_owner_is_told_where_the_tables_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first call writes the analysis, the second one reads it, and the third one replaces a
    damaged table.
    """
    store = made(tmp_path, GRID, additive)
    for damaged in (False, False, True):
        if damaged:
            (store.folder / "analysis" / "cells.parquet").write_bytes(b"damaged")
        code, out, err = evosim(capsys, "sweep", "analyze", str(store.folder))
        assert (code, "read-only" in err) == (0, False)
        assert f"Tables: {store.folder / 'analysis'}" in " ".join(out.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("analyze", "--of", "serch"),
            "--of must be a quantity of runs.parquet, .* but is 'serch'. Did you mean 'search'?",
        ),
        (
            ("figures", "--x", "nothing"),
            (
                "--x must be one swept parameter, of optimizer.population,"
                " world.modern.breed_danger, but is 'nothing'"
            ),
        ),
        (
            ("figures", "--x", "population", "--y", "population"),
            "--x and --y must be two parameters",
        ),
        (("figures", "--format", "gif"), "--format must be one of"),
    ],
)
def test_mistakes_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    store = made(tmp_path, GRID, additive)
    code, _, err = evosim(capsys, "sweep", arguments[0], str(store.folder), *arguments[1:])
    assert code == 2
    assert err.count("\n") == 1
    assert re.search(message, err), err


def test_an_empty_sweep_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(GRID)
    store = begin(read_sweep(tmp_path / "s.toml"), tmp_path / "s")
    with pytest.raises(UserError, match="must have runs to analyse, but none is done"):
        analysis_of(store)


THREE = GRID + "genome.discount = [0.5, 0.7]\n"


@pytest.mark.parametrize(
    ("text", "asked", "names"),
    [
        (GRID, (None, None), {"phase", "effects", "steps"}),
        (THREE, ("optimizer.population", "genome.discount"), {"phase", "effects", "steps"}),
        (
            HEAD + "replicates = 6\n[grid]\noptimizer.population = [10, 20, 40]\n",
            (None, None),
            {"phase", "steps"},
        ),
        (
            BOX.replace("[grid]\noptimizer.population = [10, 20]\n", ""),
            (None, None),
            {"phase", "design"},
        ),
        (BOX, ("genome.discount", None), {"phase", "design"}),
        (BOX, (None, None), {"phase", "design", "steps"}),
    ],
)
def test_every_figure_is_valid(
    tmp_path: Path, text: str, asked: tuple[str | None, str | None], names: set[str]
) -> None:
    store = made(
        tmp_path,
        text,
        lambda row: {
            Q: (
                float(row["seed"])
                + row.get("optimizer.population", 1) * row.get("genome.discount", 1.0)
            )
        },
    )
    inputs = ChartInputs(analysis_of(store, HOW), read_alone(store.folder / "sweep.toml"), *asked)
    drawn = dict(charts(inputs, [Q]))
    assert {name.split("-")[0] for name in drawn} == names
    for chart in drawn.values():
        described = chart.to_dict(validate=True)
        assert described["title"]["subtitle"]
    if text == THREE:
        words = json.dumps(drawn["phase-ladder-modern-steps-search"].to_dict())
        assert "mean over breed danger, each level weighted alike" in words


@pytest.mark.parametrize("x", ["optimizer.population", "world.modern.breed_danger"])
@pytest.mark.parametrize("text", [GRID, THREE])
def test_a_phase_diagram_has_each_number_in_its_place(tmp_path: Path, x: str, text: str) -> None:
    store = made(
        tmp_path,
        text,
        lambda row: {Q: row["optimizer.population"] + 10.0 * row["world.modern.breed_danger"]},
    )
    inputs = ChartInputs(analysis_of(store, HOW), read_alone(store.folder / "sweep.toml"), x, None)
    drawn = dict(charts(inputs, [Q]))["phase-ladder-modern-steps-search"].to_dict()
    title = drawn["title"]["text"]
    (rows,) = (table for table in drawn["datasets"].values() if "mean" in table[0])
    assert len(rows) == 6
    assert f"by {x.rpartition('.')[2].replace('_', ' ')} and" in title
    for row in rows:
        population, danger = (
            (row["x"], row["y"]) if x == "optimizer.population" else (row["y"], row["x"])
        )
        assert row["mean"] == pytest.approx(float(population) + 10.0 * float(danger))


def test_figures_are_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = made(tmp_path, GRID, additive)
    code, out, _ = evosim(capsys, "sweep", "figures", str(store.folder), "--format", "png,svg")
    assert code == 0
    for line in out.split():
        assert Path(line).stat().st_size > 1000
    assert Path(out.split()[0]).read_bytes()[:4] == b"\x89PNG"


def test_short_names_are_the_shortest_that_differ() -> None:
    assert short_names(["a.b.c", "a.d.c", "e.f"]) == {"a.b.c": "b.c", "a.d.c": "d.c", "e.f": "f"}
    assert short_names(["c", "a.c"]) == {"c": "c", "a.c": "a.c"}


def test_headlines_come_first(tmp_path: Path) -> None:
    store = made(tmp_path, GRID, lambda row: additive(row) | {"ties.classes": float(row["seed"])})
    assert chosen(analysis_of(store, HOW), []) == [Q]
    assert chosen(analysis_of(store, HOW), ["*"]) == [Q, "ties.classes"]


def test_columns_of_the_analysis_are_documented() -> None:
    text = (ROOT / "docs" / "sweeps.md").read_text(encoding="utf-8")
    section = text.split("## What the parameters do")[1]
    for name, schema in SCHEMAS.items():
        assert f"`{name}`" in section
        for column in schema:
            assert f"`{column}`" in section, (name, column)


def test_two_parameters_that_are_one_are_no_model_of_two() -> None:
    rng = np.random.default_rng(3)
    x = rng.random(40)
    columns = [Column(x), Column(x + 1e-9 * rng.random(40))]
    found = fit(x[:, None] + 0.1 * rng.normal(size=(40, 6)), columns, HOW)
    assert found.model == "none"
