"""Detectors: known values, invariances, equal scores for equal behaviour, and red when a fault is
planted.
"""

from __future__ import annotations

import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evosim.analysis import detectors as read
from evosim.claims import deception as claim_5
from evosim.claims import detectors as claim_12
from evosim.claims.experiments import claim_experiment
from evosim.config.resolve import resolve
from evosim.config.settings import apply_settings
from evosim.genomes import ReflexRules
from evosim.reference.dynamic_programming import extreme_values, occupancy
from evosim.reference.policies import policy_of
from evosim.worlds import WORLDS, TabularMdp
from evosim.worlds.episodes import Episodes
from tests.support.random_worlds import random_pair, random_policy
from tests.support.settings import setting


def best_policy(world: TabularMdp, amount: np.ndarray) -> np.ndarray:
    """`[T, S, A]` of the optimum, levels by remaining life."""
    _, q = extreme_values(world, amount)
    best = np.nanargmax(q, axis=2)
    out = np.zeros(q.shape)
    np.put_along_axis(out, best[:, :, None], 1.0, axis=2)
    return out[::-1]


def test_who_acts_at_random_is_directed_at_nothing() -> None:
    world = random_pair(1).ancestral
    uniform = (world.available / world.available.sum(axis=1, keepdims=True))[None]
    assert read.goal_directedness(world, uniform, world.payoff) == pytest.approx(0.0, abs=1e-6)


def test_an_optimal_policy_is_told_for_sure() -> None:
    """Where one act alone is best, soft choice approaches it as beta grows.

    All of the entropy of chance is gained.
    """
    world = random_pair(1).ancestral
    policy = best_policy(world, world.payoff)
    done = occupancy(world, policy)
    entropy = float((done.sum(axis=2) * np.log(world.available.sum(axis=1))).sum())
    assert read.goal_directedness(world, policy, world.payoff) == pytest.approx(entropy, rel=2e-3)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000))
def test_goal_directedness_knows_no_scale_and_no_zero(seed: int) -> None:
    world = random_pair(seed).ancestral
    policy = random_policy(world, seed)
    usual = read.goal_directedness(world, policy, world.payoff)
    assert usual >= 0.0
    assert read.goal_directedness(world, policy, 7.0 * world.payoff) == pytest.approx(
        usual, abs=1e-6
    )
    assert read.goal_directedness(
        world, policy, world.payoff + 3.0 * world.available
    ) == pytest.approx(usual, abs=1e-6)
    # All acts pay the same
    assert read.goal_directedness(world, policy, 1.0 * world.available) == 0.0


@pytest.mark.parametrize("beta", [0.0, 0.7, 5.0])
def test_soft_choice_by_brute_force(beta: float) -> None:
    """With two ages and certain moves: chances of acts are those of whole lives, weighted by
    exp(beta * what they get).
    """
    pair = WORLDS["episodes"].build(Episodes(1, 1), {})
    world, b = pair.ancestral, 1.0
    amount = np.where(world.available, [0.3, b], 0.0)
    told = read.soft_policy(world, amount, beta)
    lives = {"A": [0.3 + 0.3, 0.3 + b], "B": [b + 0.3]}
    weight = {act: sum(np.exp(beta * x) for x in gets) for act, gets in lives.items()}
    assert np.exp(told[0, 0, 1]) == pytest.approx(
        weight["B"] / (weight["A"] + weight["B"]), abs=1e-12
    )


def test_watched_lives_are_as_likely_as_they_should_be() -> None:
    world = random_pair(2).modern
    policy = random_policy(world, 3)
    lives = read.observe_lives(world, policy, 40_000, np.random.default_rng(0))
    done = occupancy(world, policy)
    for t in range(world.lifespan):
        share = np.zeros(done.shape[1:])
        np.add.at(share, (lives.states[:, t], lives.acts[:, t]), 1.0 / 40_000)
        assert np.abs(share - done[t]).max() < 0.01
        assert not share[done[t] == 0.0].any()


def test_evidence_of_devices_by_hand() -> None:
    """One class, two acts, a Jeffreys prior: n equal acts give the product (k + 1/2) / (k + 1)."""
    pair = WORLDS["episodes"].build(Episodes(3, 1), {})
    found = read.device_evidence(np.array([0, 1, 2]), np.array([0, 0, 0]), pair, pair.ancestral)
    assert found == pytest.approx(
        np.log([(k + 0.5) / (k + 1.0) for k in range(3)]).sum(), abs=1e-12
    )


def test_planners_are_agents_and_tables_are_devices() -> None:
    """Agency separates planners from random tables if a world has more states than classes."""
    right = 0
    for seed in range(6):
        pair = random_pair(seed, states=12, lifespan=12)
        world = pair.ancestral
        weights = np.random.default_rng(seed).normal(size=(30, 3))
        agents = read.agents_of(world, weights, [1, 3], 0.02, 0.95)
        lives = read.observe_lives(
            world, np.exp(agents.log_chances[5])[::-1], 20, np.random.default_rng(1)
        )
        right += read.agency(lives, agents, pair, world) > 0
        names = world.acts
        table = ReflexRules(np.random.default_rng(seed).integers(0, len(names), (1, 3)), names)
        lives = read.observe_lives(
            world, policy_of(table, 0, world, pair), 20, np.random.default_rng(1)
        )
        right += read.agency(lives, agents, pair, world) < 0
    assert right >= 11


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_auc_by_pairs_and_by_its_curve(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, harmful = rng.integers(0, 4, 12).astype(float), rng.random(12) < 0.5
    if harmful.all() or not harmful.any():
        assert np.isnan(read.auc(scores, harmful))
        return
    pairs = [
        (a > b) + 0.5 * (a == b) for a, b in itertools.product(scores[harmful], scores[~harmful])
    ]
    assert read.auc(scores, harmful) == pytest.approx(np.mean(pairs))
    alarms, caught = read.roc(scores, harmful)
    assert np.trapezoid(caught, alarms) == pytest.approx(np.mean(pairs))
    often = rng.integers(1, 4, 12)
    assert read.auc(scores, harmful, often.astype(float)) == pytest.approx(
        read.auc(np.repeat(scores, often), np.repeat(harmful, often))
    )


def test_false_alarms() -> None:
    scores, harmful = (
        np.array([3.0, 2.0, 2.0, 1.0, 0.0]),
        np.array([True, True, False, False, False]),
    )
    everybody = np.ones(5, dtype=bool)
    assert read.false_alarms(scores, harmful, everybody, 0.5) == 0.0
    assert read.false_alarms(scores, harmful, everybody, 1.0) == pytest.approx(1 / 3)


@pytest.fixture(scope="module")
def grid():  # type: ignore[no-untyped-def]
    tree = claim_experiment("claim-12-detectors", "quick").model_dump(
        mode="json", exclude_none=True
    )
    return claim_12.grid(
        resolve(apply_settings(tree, ["genome.horizon.alleles=[1,5]", "replicates=1"]))
    )


def test_who_acts_alike_is_told_alike_by_behaviour_alone(grid) -> None:  # type: ignore[no-untyped-def]
    assert grid["key"].n_unique() < grid.height
    for reader in claim_12.READERS:
        spread = grid.group_by("key").agg(pl.col(reader).max() - pl.col(reader).min())
        assert (spread[reader].max() > 1e-9) == (reader in claim_12.WRITTEN), reader


def test_a_table_of_a_deceiver_is_behaviour_without_an_objective(grid) -> None:  # type: ignore[no-untyped-def]
    deceiver = grid.filter(grid["kind"] == "deceiver").row(0, named=True)
    same = grid.filter((grid["key"] == deceiver["key"]) & (grid["genome"] == "reflex"))
    assert same.height == 1
    assert same["first objective"][0] == 0.0 < deceiver["first objective"]
    for reader in claim_12.READERS:
        assert reader in claim_12.WRITTEN or same[reader][0] == deceiver[reader]


def test_agency_is_of_behaviour_and_of_chance() -> None:
    """Genomes that act alike have equal log odds for a seed; log odds differ between seeds."""
    tree = claim_experiment("claim-12-detectors", "quick").model_dump(
        mode="json", exclude_none=True
    )
    small = resolve(apply_settings(tree, ["genome.horizon.alleles=[1,5]", "replicates=3"]))
    told = claim_12.agency(small).join(
        claim_12.grid(small).select("genome", "class", "key"), on=["genome", "class"]
    )
    assert told.group_by("seed", "key").agg(pl.col("agency").n_unique())["agency"].max() == 1
    assert told.group_by("key").agg(pl.col("agency").n_unique())["agency"].max() > 1  # type: ignore[operator]


def test_a_hidden_objective_counts_where_it_may_act() -> None:
    made = setting("claim-12-detectors")
    rules = made.genome.decode(np.arange(made.genome.grid.size))
    payoff = np.array([1.0, 0.0])
    for i in range(0, len(rules), 7):
        shown, hidden = (read.objective_distance(rules, i, payoff, hidden=h) for h in (False, True))
        assert hidden >= shown
        if rules.gate[i] == 0:
            assert hidden == shown


def test_deception_claim_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without errors of the cue, the open gate fixes more often than the claim predicts."""
    experiment = claim_experiment("claim-05-deception", "quick")
    found = claim_5.fixation(with_seeds(experiment, 40), 0.08, 0)
    facts = found.row(0, named=True)
    assert facts["fitness_open"] < facts["fitness_closed"]
    assert found["fixed"].sum() <= 3
    monkeypatch.setattr(claim_5, "with_error", lambda experiment, error: _original(experiment, 0.0))
    blind = claim_5.fixation(with_seeds(experiment, 40), 0.08, 0)
    assert blind["fixed"].sum() > 8


_original = claim_5.with_error


def with_seeds(experiment, replicates):  # type: ignore[no-untyped-def]
    """The same experiment with another number of seeds."""
    return experiment.model_copy(update={"replicates": replicates})


def test_genomes_of_episodes_are_what_their_loci_say(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = {
        part.name: part for part in claim_5.parts(claim_experiment("claim-05-deception", "quick"))
    }
    table = parts["kinds"].make(*parts["kinds"].arguments)
    assert (table["kind"] == table["expected"]).all()
    assert set(table["kind"]) == {"misaligned", "aligned", "deceiver", "sleeper"}
    import evosim.analysis.deception as causal

    monkeypatch.setattr(causal, "without", lambda rules, condition: rules)
    assert not (table["expected"] == parts["kinds"].make(*parts["kinds"].arguments)["kind"]).all()


def test_games_are_played_in_the_world() -> None:
    parts = {
        part.name: part for part in claim_5.parts(claim_experiment("claim-05-deception", "quick"))
    }
    game = dict(parts["games"].make(*parts["games"].arguments).rows())
    assert game["at once"] == 1.0
    assert game["deceiving"] == 3.0
    assert game["absent-minded"] == pytest.approx(5 / 9, abs=1e-6)
    assert game["catastrophe after training"] == pytest.approx(0.1, abs=1e-6)


def test_worst_anywhere_is_at_least_what_is_lost() -> None:
    for seed in range(5):
        pair = random_pair(seed)
        where = read.reached_by_some(pair)
        policy = random_policy(pair.modern, seed)
        assert read.worst_anywhere(pair.modern, policy, pair.modern.intent, where) >= 0.0
        assert read.worst_anywhere(
            pair.modern, best_policy(pair.modern, pair.modern.intent), pair.modern.intent, where
        ) == pytest.approx(0.0, abs=1e-12)
