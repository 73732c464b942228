"""Fitness does not depend on merging, skipping, cut-offs, caches or other genomes of the batch."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest

from evosim.errors import UserError
from evosim.fitness.cache import BehaviourCache
from evosim.fitness.scorer import Scorer
from evosim.fitness.world_arrays import WorldTables
from evosim.genomes import PlannerRules, ReflexRules
from evosim.kernels import policy_dedup
from evosim.reference import dynamic_programming
from evosim.reference.policies import policy_of
from evosim.worlds import TabularMdp, WorldPair
from tests.support.random_worlds import random_pair
from tests.support.settings import setting


def world_of(
    seed: int,
    states: int,
    acts: int,
    successors: int,
    lifespan: int,
    features: int = 3,
    **more: object,
) -> TabularMdp:
    """A random world with ragged rows, some acts missing, and some states that cannot be
    reached.
    """
    rng = np.random.default_rng(seed)
    available = rng.random((states, acts)) < 0.7
    available[:, 0] = True
    moves = np.zeros((states, acts, states))
    for s, a in np.argwhere(available):
        # The last fifth is out of reach
        near = states - states // 5 if s < states - states // 5 else states
        to = rng.choice(near, min(near, int(rng.integers(1, successors + 1))), replace=False)
        moves[s, a, to] = rng.dirichlet(np.ones(len(to)))
    payoff = rng.random((states, acts)) * available
    start = np.zeros(states)
    start[0] = 0.25
    start[min(1, states - 1)] += 0.75
    facts = {
        "name": "random",
        "states": tuple(f"s{i}" for i in range(states)),
        "acts": tuple(f"a{i}" for i in range(acts)),
        "features": tuple(f"f{i}" for i in range(features)),
        "lifespan": lifespan,
        "available": available,
        "transitions": moves,
        "payoff": payoff,
        "intent": payoff,
        "start": start,
        "features_felt": rng.integers(-2, 3, (states, acts, features)) * available[:, :, None],
    }
    return TabularMdp(**(facts | more))  # type: ignore[arg-type]


def pair_of(world: TabularMdp) -> WorldPair:
    return WorldPair(
        "random",
        world,
        world,
        np.zeros(len(world.states), dtype=np.int64),
        ("all",),
        world.acts[0],
        {},
    )


def planners(n: int, features: int, seed: int, **more: object) -> PlannerRules:
    rng = np.random.default_rng(seed)
    facts = {
        "weights": rng.integers(-2, 3, (n, features)).astype(float),
        "horizon": rng.integers(1, 6, n),
        "belief": np.zeros(n, dtype=np.int64),
        "temperature": np.zeros(n),
        "beliefs": ("true",),
        "discount": 0.9,
        "tie_tolerance": 1e-5,
        "ties": "split",
        "planning_cost": 0.0,
        "levels": 5,
    }
    return PlannerRules(**(facts | more))  # type: ignore[arg-type]


SHAPES = [
    (1, 1, 1, 1),
    (3, 2, 2, 4),
    (40, 9, 5, 30),
    (17, 20, 9, 7),
    (130, 3, 4, 50),
    (12, 33, 3, 12),
]


@pytest.mark.parametrize("ties", dynamic_programming.TIE_RULES)
@pytest.mark.parametrize(("states", "acts", "successors", "lifespan"), SHAPES)
def test_any_shape(states: int, acts: int, successors: int, lifespan: int, ties: str) -> None:
    """More acts than a byte has bits, ragged rows, states out of reach, lives shorter than the
    horizon.
    """
    world = world_of(states, states, acts, successors, lifespan)
    rules = planners(70, 3, 1, ties=ties)
    scorer = Scorer(world, pair_of(world))
    scores, policies, there = scorer.score(rules), scorer.policies(rules), scorer.tables.states
    for i in range(len(rules)):
        policy = policy_of(rules, i, world, scorer.pair)
        np.testing.assert_allclose(policies[i][:, there], policy[:, there], atol=1e-12)
        assert scores.payoff[i] == pytest.approx(
            dynamic_programming.lifetime(world, policy, world.payoff), rel=1e-12, abs=1e-12
        )


def test_single_precision_is_within_its_bound_and_acts_alike() -> None:
    world = world_of(3, 40, 9, 5, 30)
    rules = planners(300, 3, 2)
    double, single = (Scorer(world, pair_of(world), precision=p) for p in ("double", "single"))  # type: ignore[arg-type]
    exact, rough = double.score(rules), single.score(rules)
    np.testing.assert_array_equal(exact.policy, rough.policy)
    off = np.abs(exact.payoff - rough.payoff).max()
    assert 0.0 < off <= single.single_error < 1e-4 * exact.payoff.max()


def test_a_tie_is_a_tie_in_any_precision_and_company() -> None:
    """Acts one part in a million apart tie, one in a thousand do not (double precision)."""
    felt = np.zeros((1, 3, 1))
    felt[0, :, 0] = 1.0, 1.0 - 1e-6, 1.0 - 1e-3
    world = TabularMdp(
        "tie",
        ("s",),
        ("a", "b", "c"),
        ("f",),
        3,
        np.ones((1, 3), dtype=bool),
        np.ones((1, 3, 1)),
        np.array([[3.0, 1.0, 0.0]]),
        np.array([[3.0, 1.0, 0.0]]),
        felt,
        np.ones(1),
    )
    rules = planners(1, 1, 0, weights=np.array([[1e6]]), horizon=np.array([5]))
    for precision in ("double", "single"):
        found = Scorer(world, pair_of(world), precision=precision).score(rules)  # type: ignore[arg-type]
        assert found.payoff[0] == pytest.approx(3 * 2.0)


@pytest.mark.parametrize("precision", ["double", "single"])
def test_worth_does_not_depend_on_the_company(precision: str) -> None:
    """Alone, in any order, in a larger batch, again, or with an empty cache: the same bits."""
    made = setting("coarse-savanna")
    classes = np.random.default_rng(4).integers(0, made.genome.grid.size, 300)
    rules = made.genome.decode(classes)
    fresh = lambda **more: Scorer(made.pair.modern, made.pair, precision=precision, **more)  # type: ignore[arg-type]  # noqa: E731
    together = fresh().score(rules)
    order = np.random.default_rng(5).permutation(300)
    shuffled = fresh().score(rules.take(order))
    np.testing.assert_array_equal(together.payoff[order], shuffled.payoff)
    np.testing.assert_array_equal(together.policy[order], shuffled.policy)
    one_by_one = fresh()
    for i in range(20):
        alone = one_by_one.score(rules.take(np.array([i])))
        assert (alone.payoff[0], alone.policy[0]) == (together.payoff[i], together.policy[i])


@pytest.mark.parametrize("precision", ["double", "single"])
@pytest.mark.parametrize("successors", [4, 6])
def test_worth_does_not_depend_on_whether_equals_were_looked_for(
    precision: Literal["double", "single"], successors: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = world_of(3, 20, 5, successors, 30)
    rules = planners(3000, 3, 4)
    rules.weights[::50] = np.round(rules.weights[::50])  # some ties
    merged = Scorer(world, pair_of(world), precision=precision).score(rules)
    scorer = Scorer(world, pair_of(world), precision=precision)
    monkeypatch.setattr("evosim.fitness.scorer.LEAST_EQUAL", 1.0)
    one_by_one = scorer.score(rules, named=False)
    assert scorer.evaluated == len(rules) > len(np.unique(merged.policy))
    assert not one_by_one.policy.size
    np.testing.assert_array_equal(one_by_one.payoff, merged.payoff)
    np.testing.assert_array_equal(one_by_one.intent, merged.intent)


def test_equals_are_looked_for_where_there_are_some() -> None:
    world = world_of(3, 60, 6, 4, 20)
    many = planners(4096, 3, 4)
    many.weights[:] = np.random.default_rng(5).normal(size=many.weights.shape)
    alike = many.take(np.arange(4096) % 40)
    few = Scorer(world, pair_of(world))
    few.score(alike, named=False)
    assert few.evaluated == len(np.unique(few.score(alike).policy)) <= 40
    scorer = Scorer(world, pair_of(world))
    scorer.score(many, named=False)
    assert scorer.evaluated == 4096
    scorer.score(many, named=False)  # these have been met before: from now on they are remembered
    scorer.score(many, named=False)
    assert scorer.evaluated < 2.01 * 4096


def test_memory_is_bounded_and_forgetting_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    made = setting("coarse-savanna")
    rules = made.genome.decode(np.arange(3000))
    whole = Scorer(made.pair.ancestral, made.pair).score(rules)
    forgetful = Scorer(made.pair.ancestral, made.pair)
    store = forgetful._caches[4] = BehaviourCache(forgetful, 4, limit=400)
    for first in range(0, 3000, 300):
        part = forgetful.score(rules.take(np.arange(first, first + 300)))
        np.testing.assert_array_equal(part.payoff, whole.payoff[first : first + 300])
        np.testing.assert_array_equal(part.policy, whole.policy[first : first + 300])
        assert store.count <= 400
        assert len(store.words) <= 400


def test_states_out_of_reach_cost_nothing_and_change_nothing() -> None:
    world = world_of(7, 40, 4, 3, 20)
    assert world.in_reach.sum() <= 32
    assert len(WorldTables(world).states) == world.in_reach.sum()


def test_what_differs_only_where_nobody_comes_is_one_behaviour() -> None:
    """Two reflexes that differ only where the first act never leads."""
    moves = np.zeros((3, 2, 3))
    moves[0, 0, 0] = moves[0, 1, 1] = moves[1, :, 2] = moves[2, :, 2] = 1.0
    amounts = np.array([[1.0, 0.0], [0.0, 5.0], [0.0, 0.0]])
    world = TabularMdp(
        "fork",
        ("here", "there", "end"),
        ("stay", "go"),
        ("f",),
        4,
        np.ones((3, 2), dtype=bool),
        moves,
        amounts,
        amounts,
        np.zeros((3, 2, 1)),
        np.array([1.0, 0.0, 0.0]),
    )
    pair = WorldPair("fork", world, world, np.arange(3), ("a", "b", "c"), "stay", {})
    acts = np.array([[0, 0, 0], [0, 1, 0], [1, 0, 0], [1, 1, 0]])
    scorer = Scorer(world, pair)
    scores = scorer.score(ReflexRules(acts, ("stay", "go")))
    assert scores.payoff.tolist() == [4.0, 4.0, 0.0, 5.0]
    assert scores.policy[0] == scores.policy[1]
    assert len(set(scores.policy.tolist())) == 3 == scorer.evaluated


def test_names_tell_behaviours_apart() -> None:
    """Over a whole grid: as many names as there are different policies where they are reached, by
    the reference's arithmetic.
    """
    made = setting("coarse-savanna", "genome.horizon.alleles=[2]")
    rules = made.genome.decode(np.arange(made.genome.grid.size))
    scorer = Scorer(made.pair.ancestral, made.pair)
    names = scorer.score(rules).policy
    some = np.random.default_rng(1).permutation(len(rules))[:60]
    keys = {}
    for i in some.tolist():
        policy = policy_of(rules, i, scorer.tables.world, made.pair)
        seen = (
            dynamic_programming.occupancy(
                scorer.tables.world,
                np.repeat(policy.mean(axis=0, keepdims=True), len(policy), axis=0),
            ).sum(axis=(0, 2))
            > 0
        )
        keys.setdefault((policy * seen[None, :, None]).tobytes(), set()).add(int(names[i]))
    assert all(len(found) == 1 for found in keys.values())
    assert len({name for found in keys.values() for name in found}) == len(keys)


def test_a_collision_of_hashes_is_told_apart_by_comparison() -> None:
    words = np.arange(4 * 1 * 2, dtype=np.uint64).reshape(4, 1, 2)
    words[3] = words[1]
    hashes = np.full(4, 7, dtype=np.uint64)
    known_hashes, known = np.empty(8, dtype=np.uint64), np.empty((8, 1, 2), dtype=np.uint64)
    slots = np.full(16, policy_dedup.EMPTY, dtype=np.int32)
    numbers, first = np.empty(4, dtype=np.int64), np.empty(4, dtype=np.int64)
    assert policy_dedup.find(hashes, words, slots, known_hashes, known, 0, numbers, first) == 3
    assert numbers.tolist() == [0, 1, 2, 1]
    plans, depths = np.arange(4), np.ones(4, dtype=np.int64)
    groups = np.empty(4, dtype=np.int64)
    slots[:] = policy_dedup.EMPTY
    assert policy_dedup.group(hashes, words, plans, depths, slots, groups, first) == 3
    assert groups.tolist() == [0, 1, 2, 1]


@pytest.mark.parametrize(("lifespan", "horizon"), [(3000, 1), (3000, 2500)])
def test_cut_offs_are_exact(lifespan: int, horizon: int) -> None:
    """In a short world values stop changing; an early stop gives the same bits as all sweeps."""
    world = world_of(9, 10, 3, 3, lifespan)
    dying = world.transitions.copy()
    dying[:, :, :] *= 0.5
    dying[:, :, -1] += 0.5 * world.available
    payoff = world.payoff.copy()
    payoff[-1] = 0.0
    dying[-1] = 0.0
    dying[-1, :, -1] = world.available[-1]
    felt = world.features_felt.copy()
    felt[-1] = 0.0
    mortal = replace(
        world, transitions=dying, payoff=payoff, intent=payoff, features_felt=felt, beliefs={}
    )
    rules = planners(5, 3, 3, horizon=np.full(5, horizon), levels=horizon, discount=1.0)
    long = Scorer(mortal, pair_of(mortal)).score(rules)
    short = replace(mortal, lifespan=400)
    same = Scorer(short, pair_of(short)).score(
        replace(rules, horizon=np.minimum(rules.horizon, 400), levels=min(horizon, 400))
    )
    np.testing.assert_array_equal(long.payoff, same.payoff)
    policy = policy_of(rules, 0, mortal, pair_of(mortal))
    assert long.payoff[0] == pytest.approx(
        dynamic_programming.lifetime(mortal, policy, mortal.payoff), rel=1e-12
    )


def test_neighbours_in_the_order_are_alike() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(1000, 3))
    order = policy_dedup.alike(points, 16)
    assert sorted(order.tolist()) == list(range(1000))

    def apart(index: np.ndarray) -> float:
        return np.mean([points[index[i : i + 16]].std(axis=0).mean() for i in range(0, 992, 16)])

    assert apart(order) < 0.5 * apart(np.arange(1000))
    assert policy_dedup.alike(np.zeros((50, 2)), 16).tolist() == list(range(50))


def test_plans_with_different_beliefs_are_not_shared() -> None:
    """The same desires under another belief are another plan."""
    pair = random_pair(11)
    world = pair.modern
    names = tuple(world.beliefs)
    rules = planners(
        40,
        len(world.features),
        5,
        belief=np.arange(40) % len(names),
        beliefs=names,
        weights=np.ones((40, len(world.features))),
    )
    scores = Scorer(world, pair).score(rules)
    for i in range(40):
        assert scores.payoff[i] == pytest.approx(
            dynamic_programming.lifetime(world, policy_of(rules, i, world, pair), world.payoff),
            abs=1e-12,
        )


def test_no_two_behaviours_have_one_name() -> None:
    """Sixteen states, acts that differ where words of act sets end: every combination pays
    differently, and has its own name.
    """
    n = 16
    moves = np.zeros((n, 4, n))
    for s in range(n):
        moves[s, :, (s + 1) % n] = 1.0
    payoff = np.zeros((n, 4))
    for power, s in enumerate((7, 15, 6, 14, 3, 11)):
        payoff[s] = np.arange(4) * 4.0**power
    world = TabularMdp(
        "ring",
        tuple(f"s{i}" for i in range(n)),
        ("a", "b", "c", "d"),
        ("f",),
        n,
        np.ones((n, 4), dtype=bool),
        moves,
        payoff,
        payoff,
        np.zeros((n, 4, 1)),
        np.eye(n)[0],
    )
    pair = WorldPair("ring", world, world, np.arange(n), tuple(f"c{i}" for i in range(n)), "a", {})
    acts = np.zeros((4**6, n), dtype=np.int64)
    for power, s in enumerate((7, 15, 6, 14, 3, 11)):
        acts[:, s] = np.arange(4**6) // 4**power % 4
    scores = Scorer(world, pair).score(ReflexRules(acts, ("a", "b", "c", "d")))
    np.testing.assert_array_equal(scores.payoff, np.arange(4**6))
    assert np.unique(scores.policy).size == 4**6


def chain(states: int, lifespan: int) -> TabularMdp:
    """The payoff lies at the end of a long way.

    Values near the start are 0 for many ages, and then are not.
    """
    moves, payoff, felt = (
        np.zeros((states, 2, states)),
        np.zeros((states, 2)),
        np.zeros((states, 2, 2)),
    )
    for s in range(states):
        moves[s, 0, min(s + 1, states - 1)] = 1.0
        moves[s, 1, s] = 1.0
    payoff[-1], felt[-1, :, 0] = 1.0, 1.0
    felt[:, 1, 1] = 0.01
    return TabularMdp(
        "chain",
        tuple(f"s{i}" for i in range(states)),
        ("on", "stay"),
        ("end", "rest"),
        lifespan,
        np.ones((states, 2), dtype=bool),
        moves,
        payoff,
        payoff,
        felt,
        np.eye(states)[0],
    )


@pytest.mark.parametrize("horizons", [(1, 2, 4), (1, 8, 16, 17, 40, 60)])
@pytest.mark.parametrize("weights", [(1.0, 0.0), (1.0, 1.0), (1.0, -1.0)])
@pytest.mark.parametrize(("states", "lifespan"), [(20, 60), (50, 130), (50, 64)])
def test_nobody_stops_before_news_from_afar_has_come(
    states: int, lifespan: int, weights: tuple[float, float], horizons: tuple[int, ...]
) -> None:
    """Neither in planning nor in evaluation.

    In planning a stop after some steps would miss the end. In evaluation, with few levels, a stop
    after some ages would.
    """
    world, n = chain(states, lifespan), len(horizons)
    rules = planners(
        n,
        2,
        0,
        weights=np.tile(weights, (n, 1)),
        horizon=np.array(horizons),
        levels=max(horizons),
        discount=1.0,
    )
    found = Scorer(world, pair_of(world)).score(rules).payoff
    exact = [
        dynamic_programming.lifetime(
            world, policy_of(rules, i, world, pair_of(world)), world.payoff
        )
        for i in range(n)
    ]
    np.testing.assert_allclose(found, exact, rtol=1e-12, atol=1e-300)
    assert max(exact) > 5.0 or weights[1] >= 0.0


def test_an_interrupt_leaves_nothing_that_seems_known(monkeypatch: pytest.MonkeyPatch) -> None:
    made = setting("coarse-savanna")
    rules = made.genome.decode(np.arange(2000))
    scorer, exact = (
        Scorer(made.pair.ancestral, made.pair),
        Scorer(made.pair.ancestral, made.pair).score(rules).payoff,
    )

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(scorer, "evaluate", interrupted)
        with pytest.raises(KeyboardInterrupt):
            scorer.score(rules)
    np.testing.assert_array_equal(scorer.score(rules).payoff, exact)


@pytest.mark.parametrize("unit", [1e-42, 1e-200, 1.0, 1e37, 1e200])
def test_the_unit_of_payoff_does_not_matter_to_single_precision(unit: float) -> None:
    world = world_of(3, 40, 9, 5, 30)
    scaled = replace(world, payoff=world.payoff * unit, intent=world.payoff * unit)
    rules = planners(100, 3, 2)
    single = Scorer(scaled, pair_of(scaled), precision="single")
    exact = Scorer(scaled, pair_of(scaled)).score(rules).payoff
    assert (
        np.abs(single.score(rules).payoff - exact).max()
        <= single.single_error
        <= 1e-4 * exact.max()
    )


def test_desires_that_overflow_are_refused() -> None:
    world = world_of(3, 10, 3, 3, 5)
    with pytest.raises(UserError, match="overflow over 5 steps of planning"):
        Scorer(world, pair_of(world)).score(planners(3, 3, 1, weights=np.full((3, 3), 5e307)))
    assert len(Scorer(world, pair_of(world)).score(planners(0, 3, 1)).payoff) == 0
