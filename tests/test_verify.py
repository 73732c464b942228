"""The population-genetics gate: every law holds, and every fault planted in the engine turns its law red."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from evosim import verify
from evosim.verify import FAULTS, LAWS, judge, pooled
from evosim.verify.drift import homozygotes
from evosim.verify.engine import SOUND, markers, seed_of
from evosim.verify.law import FALSE_ALARM, binomial, counts, identity, mean_of, normal
from tests.test_cli import evosim

PLANTED = [(law.name, fault) for law in LAWS.values() for fault in law.faults]


@pytest.mark.parametrize("name", LAWS)
def test_the_law_holds(name: str) -> None:
    verdict = judge(LAWS[name])
    assert verdict.green, [check for check in verdict.checks if not check.green]
    assert verdict.checks


@pytest.mark.parametrize(("name", "fault"), PLANTED)
def test_the_planted_fault_is_seen(name: str, fault: str) -> None:
    assert not judge(LAWS[name], fault=fault).green


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
        (normal("", 4.4, 0.0, 1.0), normal("", 4.6, 0.0, 1.0)),
        (mean_of("", x, 0.0), mean_of("", x + 0.4, 0.0)),
        (mean_of("", x + 0.4, 0.0, bias=0.4), mean_of("", x + 0.8, 0.0, bias=0.4)),
    ]
    for sound, broken in pairs:
        assert sound.green
        assert not broken.green


def test_a_sound_comparison_fails_as_rarely_as_is_said() -> None:
    """Under the law, P is uniform: of 2,000 tosses none is red, and a tenth lies below .1."""
    rng = np.random.default_rng(2)
    checks = [binomial("", int(rng.binomial(1000, 0.3)), 1000, 0.3) for _ in range(2000)]
    assert all(check.green for check in checks)
    low = np.mean([check.chance < 0.1 for check in checks if check.chance is not None])
    assert 0.07 < low < 0.12
    assert pytest.approx(6.8e-6, rel=0.01) == FALSE_ALARM


def test_deviations_that_are_too_small_together_are_seen() -> None:
    x = np.random.default_rng(3).normal(size=60)
    assert all(check.green for check in pooled(x.tolist()))
    assert not all(check.green for check in pooled((0.3 * x).tolist()))
    assert not all(check.green for check in pooled((x + 1.0).tolist()))


def test_no_two_questions_share_random_numbers() -> None:
    seeds = [seed_of(*what) for what in ((0, 1), (0, 2), (1, 0), (np.zeros(3), 1), (np.ones(3), 1))]
    assert len(set(seeds)) == len(seeds)
    again = [replace(SOUND, run=1).generation(markers(None), homozygotes(40, 1))[1], SOUND.generation(markers(None), homozygotes(40, 1))[1]]
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


def test_a_law_that_does_not_hold_is_exit_code_one(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "SOUND", FAULTS["k for 1 - k"])
    code, out, _ = evosim(capsys, "verify", "next pool")
    assert code == 1
    assert "Red: next pool" in out
