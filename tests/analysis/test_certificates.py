"""Certificates, behavioural objectives, and pairs that act alike: against brute force, and seen to
fail where they must.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from evosim.analysis import certificates
from evosim.analysis.certificates import (
    loses,
    loses_in_any,
    never_in_any,
    reaches,
    reaches_coarsely,
)
from evosim.analysis.class_values import ClassEvaluator
from evosim.analysis.equivalence import alike, compiled, most_different, potentials, scaled
from evosim.analysis.revealed_objectives import (
    explanations,
    misranking,
    perfect_amounts,
    regret_share,
    weight_grid,
)
from evosim.fitness.scorer import Scorer
from evosim.genomes import PlannerRules, TableRules
from evosim.reference.dynamic_programming import extreme_values, lifetime, occupancy, plan
from evosim.reference.policies import policy_of
from evosim.worlds import TabularMdp
from tests.support.altered_worlds import split
from tests.support.random_worlds import random_pair, random_policy
from tests.support.settings import setting
from tests.support.variation import lives

EXACT = 1e-10
SMALL = {"states": 4, "acts": 2, "lifespan": 3}


def sparse(seed: int) -> TabularMdp:
    """A world in which most steps are impossible, so that much is never reached."""
    rng = np.random.default_rng(seed)
    world = random_pair(seed, **SMALL).modern
    moves = np.zeros_like(world.transitions)
    for s, a in np.argwhere(world.available):
        to = rng.choice(4, size=rng.integers(1, 3), replace=False)
        moves[s, a, to] = [0.3, 0.7] if len(to) == 2 else 1.0
    return replace(world, transitions=moves, start=np.eye(4)[0], beliefs={})


@pytest.mark.parametrize("seed", range(20))
def test_reach_by_walking_every_life(seed: int) -> None:
    world = sparse(seed)
    policy = random_policy(world, seed, levels=2)
    target = np.arange(4) == 3
    # Lives end with an act; the state it leads to is counted too.
    every = lives(replace(world, lifespan=4), np.concatenate([policy[:1], policy]))
    chance, likeliest = 0.0, 0.0
    seen: dict[tuple[int, ...], float] = {}
    for life, p in every.items():
        states = life[0::2]
        if 3 in states:
            chance += p
        for t, s in enumerate(states):
            seen[states[: t + 1]] = 0.0
            if s == 3:
                break
    found = reaches(world, policy, target)
    assert found.chance == pytest.approx(chance, abs=EXACT)
    assert found.never == (chance == 0.0)
    moves = [
        np.einsum("sa,sax->sx", policy[min(2, 3 - t) - 1], world.transitions) for t in range(3)
    ]
    for states in seen:
        if states[-1] == 3:
            p = world.start[states[0]]
            for t, (s, x) in enumerate(itertools.pairwise(states)):
                p *= moves[t][s, x]
            likeliest = max(likeliest, float(p))
    assert found.path_chance == pytest.approx(likeliest, abs=EXACT)
    if not found.never:
        assert found.path[-1].state == "s3"
        assert np.prod([step.chance for step in found.path]) == pytest.approx(
            found.path_chance, abs=EXACT
        )


def test_both_answers_occur() -> None:
    answers = {
        reaches(sparse(seed), random_policy(sparse(seed), seed, 2), np.arange(4) == 3).never
        for seed in range(20)
    }
    assert answers == {True, False}


def test_blocks_are_sound() -> None:
    """The chance by blocks is an upper bound, also if it is 0; blocks of one state are exact."""
    kept = 0
    for seed in range(60):
        world, rng = sparse(seed), np.random.default_rng(seed)
        policy, target = random_policy(world, seed, levels=2), np.arange(4) == 3
        true = reaches(world, policy, target)
        coarse = reaches_coarsely(
            world, policy, target, np.array([0, *rng.integers(0, 2, size=2), 2])
        )
        fine = reaches_coarsely(world, policy, target, np.arange(4))
        assert coarse.chance >= true.chance - EXACT
        assert true.never or not coarse.never
        assert (fine.never, fine.chance) == (true.never, pytest.approx(true.chance, abs=EXACT))
        kept += coarse.never
    assert kept > 0


def test_blocks_by_their_mean_would_not_be_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted fault: blocks that do what their best state does."""

    class Least:
        def at(self, out: np.ndarray, where: np.ndarray, values: np.ndarray) -> None:
            out[:] = np.inf
            np.minimum.at(out, where, values)
            out[np.isinf(out)] = 0.0

    class Faulty:
        maximum = Least()

        def __getattr__(self, name: str) -> object:
            return getattr(np, name)

    monkeypatch.setattr(certificates, "np", Faulty())
    unsound = 0
    for seed in range(30):
        world = sparse(seed)
        policy, target = random_policy(world, seed, levels=2), np.arange(4) == 3
        unsound += (
            reaches_coarsely(world, policy, target, np.array([0, 1, 1, 2])).chance
            < reaches(world, policy, target).chance - 1e-6
        )
    assert unsound > 0


@pytest.mark.parametrize("seed", range(10))
def test_gaps(seed: int) -> None:
    pair = random_pair(seed)
    policy = random_policy(pair.modern, seed, levels=3)
    best, _ = extreme_values(pair.modern, pair.modern.payoff)
    lost = float(pair.modern.start @ best[0]) - lifetime(pair.modern, policy, pair.modern.payoff)
    found = loses(pair.modern, policy, pair.modern.payoff, lost + 1e-9)
    assert found.loss == pytest.approx(lost, abs=EXACT)
    assert found.holds
    assert not loses(pair.modern, policy, pair.modern.payoff, lost - 1e-6).holds
    assert found.worst_act is not None
    twice = np.concatenate([policy, policy[:, :1]], axis=1)
    assert loses(
        split(pair.modern, 0.4), twice, split(pair.modern, 0.4).payoff, 0.0
    ).loss == pytest.approx(lost, abs=EXACT)


def test_a_set_of_worlds_is_as_good_as_its_worst() -> None:
    pair = setting("micro").pair
    lie = np.zeros((1, 3, 5))
    lie[:, :, 4] = 1.0
    breed = lie.copy()
    breed[0, 1] = [0, 1, 0, 0, 0]
    dead = np.arange(3) == 2
    worlds = (pair.ancestral, pair.modern)
    immortal = [
        replace(
            w,
            transitions=np.where(
                np.arange(3)[:, None, None] == 2, w.transitions, _without_death(w)
            ),
            beliefs={},
        )
        for w in worlds
    ]
    assert never_in_any([(w, lie) for w in immortal], dead)[0]
    holds, found = never_in_any([(immortal[0], lie), (pair.modern, breed)], dead)
    assert not holds
    assert [x.never for x in found] == [True, False]
    assert found[1].path[-1].state == "dead"
    holds, gaps = loses_in_any([(w, breed) for w in worlds], [w.intent for w in worlds], 100.0)
    assert holds
    assert len(gaps) == 2


def _without_death(world: TabularMdp) -> np.ndarray:
    moves = world.transitions.copy()
    moves[:2, :, 0] += moves[:2, :, 2]
    moves[:2, :, 2] = 0.0
    return moves


def test_objectives_that_explain_a_policy() -> None:
    pair = random_pair(4)
    world, grid = pair.modern, weight_grid([(-1.0, 0.0, 1.0)] * 3)
    for w in ([1.0, 0.0, -1.0], [0.0, 1.0, 1.0]):
        policy = plan(world, np.array(w), world.lifespan, tie_tolerance=1e-12)
        found = explanations(world, policy, grid, pair.ancestral)
        assert any(np.array_equal(x, w) for x in found.weights)
        assert found.trivial.sum() == 1  # only zero weights are consistent with any policy
        assert found.tried == len(grid) == 27
        assert not any(np.array_equal(x, -np.array(w)) for x in found.weights)
        assert found.fitness == pytest.approx(
            perfect_amounts(pair.ancestral, found.weights, pair.ancestral.intent)
        )
    any_policy = explanations(world, random_policy(world, 0), grid, pair.ancestral)
    assert any_policy.trivial.tolist() == [True]  # a bottle cap
    assert len(weight_grid([(0.0, 0.5, 1.0), (0.0, 1.0)])) == 5


def test_misranking() -> None:
    pair = random_pair(2)
    world = pair.modern
    assert misranking(world, 3.0 * world.payoff, world.payoff) == pytest.approx(0.0, abs=1e-9)
    assert misranking(world, -world.payoff, world.payoff) == pytest.approx(2.0)
    shift = np.where(world.available, 0.7, 0.0)  # every life has as many acts
    assert misranking(world, 2.0 * world.payoff + shift, world.payoff) == pytest.approx(
        0.0, abs=1e-9
    )
    assert misranking(world, world.intent, world.payoff) > 0.01
    assert misranking(world, 0.0 * world.payoff, world.payoff) == 1.0


def test_scaled_and_compiled_rules_act_alike() -> None:
    made = setting("coarse-savanna")
    rules = made.genome.decode(np.array([4000, 21_000]))
    assert isinstance(rules, PlannerRules)
    for world in (made.pair.ancestral, made.pair.modern):
        scorer = Scorer(world, made.pair)
        usual = scorer.score(rules)
        assert np.array_equal(scorer.score(scaled(rules, 8.0)).policy, usual.policy)
        for i in range(2):
            table = compiled(rules, i, world, made.pair)
            assert np.array_equal(
                policy_of(table, 0, world, made.pair), policy_of(rules, i, world, made.pair)
            )
            score = scorer.score(table)
            assert score.payoff[0] == pytest.approx(usual.payoff[i], abs=1e-12)
            assert score.fitness[0] == pytest.approx(usual.fitness[i], abs=1e-12)


def test_a_table_does_not_know_what_is_new() -> None:
    """Compiled in A it does the default act in M where its own is gone, and never the new one."""
    pair = random_pair(3)
    table = TableRules(random_policy(pair.ancestral, 0, 2)[None], pair.ancestral.acts, np.ones(1))
    policy = policy_of(table, 0, pair.modern, pair)
    assert (policy[:, ~pair.modern.available] == 0.0).all()
    assert policy.sum(axis=2) == pytest.approx(np.ones((2, 6)))
    soft = Scorer(pair.modern, pair).score(table)
    assert soft.payoff[0] == pytest.approx(
        lifetime(pair.modern, policy, pair.modern.payoff), abs=1e-12
    )
    assert len(table.take(np.array([0, 0]))) == 2
    assert table.key(0) == table.take(np.array([0])).key(0)


def test_potentials_that_end_in_nothing_change_no_choice() -> None:
    """Layers of states that end in a last one: there a shaping is felt and decides nothing."""
    rng = np.random.default_rng(1)
    moves, potential = np.zeros((6, 2, 6)), np.array([0.7, -0.4, 1.1, 0.3, -0.9, 0.0])
    for s, to in ((0, (1, 2)), (1, (3, 4)), (2, (3, 4)), (3, (5,)), (4, (5,)), (5, (5,))):
        for a in range(2):
            moves[s, a, list(to)] = rng.dirichlet(np.ones(len(to)))
    felt = np.stack([rng.random((6, 2)), moves @ potential - potential[:, None]], axis=2)
    felt[5, :, 0] = 0.0
    world = TabularMdp(
        name="layers",
        states=tuple("abcdef"),
        acts=("l", "r"),
        features=("own", "shaping"),
        lifespan=4,
        available=np.ones((6, 2), dtype=bool),
        transitions=moves,
        payoff=felt[:, :, 0],
        intent=felt[:, :, 0],
        features_felt=felt,
        start=np.eye(6)[0],
    )
    found = potentials(world)
    assert len(found) >= 1
    for direction in found:
        weights, phi = direction[:2], direction[2:]
        np.testing.assert_allclose(felt @ weights, moves @ phi - phi[:, None], atol=1e-9)
        assert weights[0] == pytest.approx(0.0, abs=1e-9)
    base = plan(world, np.array([1.0, 0.0]), 4)
    assert np.array_equal(
        occupancy(world, base), occupancy(world, plan(world, np.array([1.0, 5.0]), 4))
    )
    assert not len(potentials(random_pair(0).modern))


def test_classes_that_act_alike_for_different_reasons() -> None:
    made = setting("micro", 'genome.belief.alleles=["true", "ancestral"]')
    evaluator = ClassEvaluator(made.genome, made.pair)
    groups = alike(evaluator, np.arange(made.genome.grid.size))
    assert groups
    pairs = most_different(evaluator, groups)
    i, j = pairs[0].classes
    for which in ("ancestral", "modern"):
        assert (
            evaluator.evaluate(i, which).behaviour_key()
            == evaluator.evaluate(j, which).behaviour_key()
        )
    x, y = pairs[0].causes
    assert sum(x.values()) == pytest.approx(sum(y.values()), abs=1e-9)
    assert pairs[0].distance == pytest.approx(max(abs(x[k] - y[k]) for k in x))
    assert pairs[0].distance > 0.01
    assert (
        regret_share(
            made.pair.modern,
            policy_of(made.genome.decode(np.array([i])), 0, made.pair.modern, made.pair),
            made.pair.modern.intent,
        )
        >= 0.0
    )
