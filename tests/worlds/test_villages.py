"""Villages: the rules of the game, and the claim made of it."""

from __future__ import annotations

import dataclasses

import numpy as np
import polars as pl
import pytest

from evosim.claims import claim_of
from evosim.claims import villages as claim
from evosim.claims.experiments import claim_experiment, with_settings
from evosim.config.resolve import build as build_setting
from evosim.fitness.landscape import Landscape
from evosim.reference.dynamic_programming import extreme_values, lifetime, occupancy
from evosim.worlds import InvalidWorld
from evosim.worlds.villages import ACTS, Villages, build, counts
from tests.support.random_worlds import random_policy

BROTHERHOOD = {"aurora": 0, "aurora_founds": 0.0, "brotherhood": 2, "brotherhood_founds": 0.1}


def test_the_two_alliances_are_the_same_game() -> None:
    """With names exchanged the modern world is the ancestral one: nothing but the enemy changes."""
    pair = build(Villages(), BROTHERHOOD)
    a, m = pair.ancestral, pair.modern
    assert extreme_values(a, a.payoff)[0][0] @ a.start == pytest.approx(
        extreme_values(m, m.payoff)[0][0] @ m.start, abs=1e-12
    )


def test_a_turn_follows_the_rules() -> None:
    p = Villages(brotherhood=1, brotherhood_founds=0.2, raid=0.01)
    world = build(p, {}).ancestral
    here = world.states.index("r2.w1.s1.a1.b1")
    victory = 3.2 / 5.2
    fall = 0.01 * 2 * 2.0 / 5.2
    row = world.transitions[here, ACTS.index("attack_aurora")]
    assert row[world.states.index("fallen")] == pytest.approx(fall, abs=1e-15)
    won_unhurt = (1 - fall) * victory * 0.5 * 0.8
    # Aurora founds another village in the same turn with 0.1; Brotherhood has room for one more
    assert row[world.states.index("r2.w1.s1.a0.b1")] == pytest.approx(
        won_unhurt * 0.9 * 0.8, abs=1e-15
    )
    lost_both = (1 - fall) * (1 - victory) * 0.5 * 0.2
    assert row[world.states.index("r2.w0.s0.a2.b2")] == pytest.approx(
        lost_both * 0.1 * 0.2, abs=1e-15
    )
    assert world.payoff[here, ACTS.index("attack_aurora")] == pytest.approx(victory, abs=1e-15)
    assert not world.available[world.states.index("r0.w0.s0.a2.b0")][2:].any()


def test_payoff_troops_is_the_mean_army() -> None:
    p = Villages(payoff="troops")
    world = build(p, {}).ancestral
    policy = random_policy(world, 3)
    number = counts(p)
    army = occupancy(world, policy).sum(axis=2) @ (number["weak"] + number["strong"])
    assert lifetime(world, policy, world.payoff) == pytest.approx(army.mean(), abs=1e-12)


def test_destroyed_villages_balance() -> None:
    """Without raids: villages at birth, plus founded, minus destroyed ones, are those left."""
    p = Villages(raid=0.0, aurora=1)
    world = build(p, {}).ancestral
    done = occupancy(world, random_policy(world, 5))
    number = counts(p)
    left = np.einsum("sa,sax->x", done[-1], world.transitions) @ number["aurora"]
    destroyed = (done * world.intent).sum()
    expected = np.einsum("tsa,sax,x->", done, world.transitions, number["aurora"]) - np.einsum(
        "tsa,s->", done, number["aurora"]
    )
    assert left - 1 == pytest.approx(expected, abs=1e-10)
    founded = expected + destroyed
    assert 0.0 < founded < p.lifespan * p.aurora_founds


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"payoff": "gold"}, r"world\.ancestral\.payoff must be 'troops' or 'villages'"),
        ({"aurora": 3}, r"world\.ancestral\.aurora must be at most villages \(2\), but is 3"),
        (
            {"raid": 0.3},
            r"world\.ancestral\.raid must be a probability when all enemy villages stand",
        ),
    ],
)
def test_mistakes_are_named(changes: dict[str, float], message: str) -> None:
    with pytest.raises(InvalidWorld, match=message):
        build(Villages(**changes), {})


def test_the_desire_for_brotherhoods_fall_is_neutral_in_training() -> None:
    made = build_setting(claim_experiment("claim-08-villages", "quick"))
    frame = Landscape(made).frame()
    others = [
        name for name in frame.columns if name.startswith("locus:") and name != "locus:brotherhood"
    ]
    spread = frame.group_by(others).agg(
        (pl.col("ancestral").max() - pl.col("ancestral").min()).alias("spread")
    )
    assert spread["spread"].max() == 0.0
    assert (
        frame.group_by(others)
        .agg((pl.col("modern").max() - pl.col("modern").min()).alias("spread"))["spread"]
        .max()
        > 1.0
    )


@pytest.fixture(scope="module")
def enumerated() -> dict[str, pl.DataFrame]:
    parts = claim_of("claim-08-villages").parts(claim_experiment("claim-08-villages", "quick"))
    return {p.name: p.make(*p.arguments) for p in parts if p.name.startswith("best-")}


def test_outcomes_are_what_is_paid(enumerated: dict[str, pl.DataFrame]) -> None:
    for table in enumerated.values():
        for row in table.iter_rows(named=True):
            assert row["aurora"] + row["brotherhood"] == pytest.approx(row["villages"], abs=1e-9)


def test_the_claim_can_fail(
    monkeypatch: pytest.MonkeyPatch, enumerated: dict[str, pl.DataFrame]
) -> None:
    """If Brotherhood had been met in training, the best of training would attack it."""
    experiment = claim_experiment("claim-08-villages", "quick")
    both = with_settings(
        experiment, "world.ancestral.brotherhood=1", "world.ancestral.brotherhood_founds=0.1"
    )
    met = (
        claim.best(both)
        .filter((pl.col("who") == "best ancestral") & (pl.col("world") == "modern"))["brotherhood"]
        .item()
    )
    unmet = (
        enumerated["best-villages"]
        .filter((pl.col("who") == "best ancestral") & (pl.col("world") == "modern"))["brotherhood"]
        .item()
    )
    assert unmet == 0.0
    assert met > 4.0


def test_neutral_expectation_is_a_step_chain() -> None:
    made = build_setting(
        with_settings(claim_experiment("claim-08-villages", "quick"), "phases.0.generations=2")
    )
    # Half of the mutations of one generation stay
    assert claim.neutral(made, "brotherhood") == pytest.approx(0.001, abs=1e-15)
    long = dataclasses.replace(
        made, experiment=with_settings(made.experiment, "phases.0.generations=1000000")
    )
    assert claim.neutral(long, "brotherhood") == pytest.approx(2 / 3, abs=1e-9)
