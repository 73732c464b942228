"""The population-genetics gate: every law holds, and every fault planted in the engine turns its
law red.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from scipy import stats

from evosim import verify
from evosim.theory import fluctuation as theory
from evosim.verify import FAULTS, LAWS, Verdict, check_law, pooled
from evosim.verify.drift import homozygotes
from evosim.verify.drive import fluctuation
from evosim.verify.engine import SOUND, Engine, Ints, markers, seed_of
from evosim.verify.law import FALSE_ALARM, binomial, counts, identity, mean_of, normal
from tests.support.command import evosim

PLANTED = [(law.name, fault) for law in LAWS.values() for fault in law.faults]


@lru_cache
def judged(name: str) -> Verdict:
    """The verdict on the sound engine, made once."""
    return check_law(LAWS[name])


@pytest.mark.parametrize("name", LAWS)
def test_the_law_holds(name: str) -> None:
    verdict = judged(name)
    assert verdict.holds, [check for check in verdict.checks if not check.holds]
    assert verdict.checks


@pytest.mark.parametrize(("name", "fault"), PLANTED)
def test_the_planted_fault_is_seen(name: str, fault: str) -> None:
    assert not check_law(LAWS[name], fault=fault).holds


def test_every_fault_is_planted_somewhere_and_every_law_has_one() -> None:
    assert {fault for _, fault in PLANTED} == set(FAULTS)
    assert all(law.faults for law in LAWS.values())


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


def test_a_sound_comparison_fails_as_rarely_as_is_said() -> None:
    """Under the law, P is uniform: of 2,000 tosses none is red, and a tenth lies below .1."""
    rng = np.random.default_rng(2)
    checks = [binomial("", int(rng.binomial(1000, 0.3)), 1000, 0.3) for _ in range(2000)]
    assert all(check.holds for check in checks)
    low = np.mean([check.chance < 0.1 for check in checks if check.chance is not None])
    assert 0.07 < low < 0.12
    assert pytest.approx(6.8e-6, rel=0.01) == FALSE_ALARM


@pytest.mark.parametrize(("rare", "n"), [(0.1, 200), (5.0, 200)])
def test_small_cells_are_red_no_more_often_than_is_said(rare: float, n: int) -> None:
    """All outcomes that matter are enumerated, so that this rate is exact.

    Chi-square alone, and pools of one cell, are far above it.
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
        for second in range(int(middle - wide), int(middle + wide) + 1):
            chance = float(
                stats.binom.pmf(first, n, chances[0]) * stats.binom.pmf(second, rest, share)
            )
            if chance > 1e-12:
                check = counts("", [first, second, rest - second], chances)
                seen += chance
                red += chance * (not check.holds)
                by_chi_square += chance * bool(stats.chi2.sf(check.measured, 2) < FALSE_ALARM)
    assert seen > 1.0 - 1e-8
    assert 0.2 * FALSE_ALARM < red < FALSE_ALARM
    assert by_chi_square > 1.5 * FALSE_ALARM


def test_counts_of_sound_cells_are_spread_as_chance_spreads_them() -> None:
    rng = np.random.default_rng(4)
    chances = [0.002, 0.01, 0.05, 0.3, 0.638]
    found = [counts("", rng.multinomial(500, chances), chances).chance for _ in range(1000)]
    assert 0.03 < np.mean([p < 0.1 for p in found if p is not None]) < 0.11


class Standing(Engine):
    """Every newborn generation has the same frequency, off the driver's equilibrium by a number of
    copies.
    """

    copies = 0

    def replicates(self, *args: Any, **kwargs: Any) -> tuple[Ints, Any]:
        founders, generations, runs = args[1], args[2], args[3]
        others = int(founders.sum()) + self.copies
        n = len(founders)
        return (
            np.tile(
                np.array([n - others // 2 - others % 2, others % 2, others // 2]),
                (runs, generations, 1, 1),
            ),
            None,
        )


def test_a_conceded_bias_does_not_widen_the_standard_error() -> None:
    """A mean that is further off than the bias by 4.5 true standard errors is red; it had to exceed
    4.5 times their sum.
    """
    k, h, s, n = 0.9, 0.0, 1.0, 1_000  # the quick case of the law
    there = theory.fluctuation(n, k, h, s)
    error = theory.time_average_error(there.newborn, there.lag, 150) / np.sqrt(200)
    bias = 2.0 * verify.drive._bias(n, k, h, s)
    for copies, green in ((0, True), (2, True), (-2, True), (4, False), (-4, False)):
        engine = Standing()
        object.__setattr__(engine, "copies", copies)
        check = fluctuation(engine, False)[-1]
        assert check.what.startswith("mean of all time averages")
        assert check.measured == pytest.approx(copies / (2 * n), abs=1e-12)
        assert check.scale == pytest.approx(error)
        assert check.holds == green == (abs(check.measured) < bias + 4.5 * error)
        assert check.z is None


def test_what_cannot_differ_is_not_pooled() -> None:
    """A deviation that is always 0 would make the pool too narrow."""
    (check,) = judged("complete linkage").checks
    assert (check.measured, check.chance, check.z) == (0.0, None, None)


def test_deviations_that_are_too_small_together_are_seen() -> None:
    x = np.random.default_rng(3).normal(size=60)
    assert all(check.holds for check in pooled(x.tolist()))
    assert not all(check.holds for check in pooled((0.3 * x).tolist()))
    assert not all(check.holds for check in pooled((x + 1.0).tolist()))


def test_no_two_questions_share_random_numbers() -> None:
    seeds = [seed_of(*what) for what in ((0, 1), (0, 2), (1, 0), (np.zeros(3), 1), (np.ones(3), 1))]
    assert len(set(seeds)) == len(seeds)
    again = [
        replace(SOUND, run=1).generation(markers(None), homozygotes(40, 1))[1],
        SOUND.generation(markers(None), homozygotes(40, 1))[1],
    ]
    assert (again[0] != again[1]).any()


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = evosim(capsys, "verify", "complete linkage", "next pool", "--faults", "--json")
    assert code == 0
    found = json.loads(out)
    assert found["green"]
    rows = found["comparisons"]
    assert {row["law"] for row in rows} == {"complete linkage", "next pool"}
    assert {row["green"] for row in rows if not row["fault"]} == {True}
    code, out, _ = evosim(capsys, "verify", "next-pool", "--faults", "--details")
    assert code == 0
    assert "1 of 1 laws hold" in out
    assert "1 of 1 planted faults were seen" in out
    code, _, err = evosim(capsys, "verify", "nxt pool")
    assert code == 2
    assert "next pool" in err


def test_a_law_that_does_not_hold_is_exit_code_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "SOUND", FAULTS["k for 1 - k"])
    code, out, _ = evosim(capsys, "verify", "next pool")
    assert code == 1
    assert "Red: next pool" in out
