"""Causes: Shapley values close, are right for games known by hand, and obey the laws.

Each test was seen red with a planted fault.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from evosim.analysis import planner_causes
from evosim.analysis.class_values import ClassEvaluator
from evosim.analysis.planner_causes import (
    SWITCHES,
    Mind,
    NotOptimal,
    causes_of,
    lifetime_amounts,
    shapley,
)
from evosim.genomes import GatedRules, PlannerRules, ReflexRules
from evosim.reference.dynamic_programming import lifetime, plan
from evosim.reference.policies import policy_of
from evosim.worlds import TabularMdp
from tests.support.altered_worlds import relabelled, split
from tests.support.random_planners import rules, world
from tests.support.random_worlds import random_pair
from tests.support.settings import setting

EXACT = 1e-9


@pytest.mark.parametrize("seed", range(12))
def test_parts_sum_to_the_loss(seed: int) -> None:
    here, some = world(seed), rules(4, seed)
    pair = replace(random_pair(seed), ancestral=here, modern=here)
    found = causes_of(some, here, here.intent)
    assert found is not None
    for i, x in enumerate(found):
        own = lifetime(here, policy_of(some, i, here, pair), here.intent) * some.fitness_retained[i]
        assert x.fitness == pytest.approx(own, abs=EXACT)
        assert sum(x.parts.values()) == pytest.approx(x.optimum - own, abs=EXACT)


def test_every_cause_occurs_and_some_are_negative() -> None:
    parts = [
        x.parts
        for seed in range(12)
        for x in causes_of(rules(4, seed), world(seed), world(seed).intent) or ()
    ]
    for cause in set(SWITCHES) - {"gate"}:
        assert max(abs(p[cause]) for p in parts) > 1e-7, cause
    assert any(p["horizon"] < -1e-3 or p["objective"] < -1e-3 or p["belief"] < -1e-3 for p in parts)


@pytest.mark.parametrize("ties", ["split", "first", "last"])
def test_side_by_side_is_one_by_one(ties: str) -> None:
    here = world(3)
    rng = np.random.default_rng(0)
    minds = [
        Mind(
            here.features_felt @ rng.normal(size=3),
            int(h),
            belief,
            discount,
            temperature,
            1e-5,
            ties,
        )
        for h, belief, discount, temperature in itertools.product(
            (1, 3, 7), ("true", "other"), (1.0, 0.8), (0.0, 0.5)
        )
    ]
    found = lifetime_amounts(here, minds, here.payoff)
    for mind, value in zip(minds, found, strict=True):
        felt = replace(here, features=("felt",), features_felt=mind.felt[:, :, None])
        policy = plan(
            felt,
            np.ones(1),
            mind.horizon,
            belief=mind.belief,
            temperature=mind.temperature,
            discount=mind.discount,
            ties=ties,
        )
        assert value == pytest.approx(lifetime(here, policy, here.payoff), abs=1e-12)


def test_games_known_by_hand() -> None:
    glove = {
        frozenset(s): float({"l", "r"} <= set(s) or {"l", "q"} <= set(s))
        for k in range(4)
        for s in itertools.combinations("lrq", k)
    }
    assert shapley("lrq", glove) == pytest.approx({"l": 2 / 3, "r": 1 / 6, "q": 1 / 6})
    added = {
        frozenset(s): float(sum(map(int, s)))
        for k in range(4)
        for s in itertools.combinations("123", k)
    }
    assert shapley("123", added) == pytest.approx({"1": 1.0, "2": 2.0, "3": 3.0})


def test_the_right_planner_has_no_causes() -> None:
    here = random_pair(1).modern
    here = replace(here, features=("payoff",), features_felt=here.intent[:, :, None])
    right = PlannerRules(
        weights=np.ones((1, 1)),
        horizon=np.array([here.lifespan]),
        belief=np.zeros(1, dtype=np.int64),
        temperature=np.zeros(1),
        beliefs=("true",),
        discount=1.0,
        tie_tolerance=1e-12,
        ties="split",
        planning_cost=0.0,
        levels=here.lifespan,
    )
    found = causes_of(right, here, here.intent)
    assert found is not None
    assert set(found[0].parts.values()) == {0.0}
    assert found[0].fitness == pytest.approx(found[0].optimum, abs=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_a_gate_is_a_cause(seed: int) -> None:
    here, first = world(seed), rules(3, seed)
    cue = np.random.default_rng(seed).random(6) < 0.5
    pair = replace(random_pair(seed), ancestral=here, modern=here, cue=cue)
    gated = GatedRules(first, replace(first, weights=-first.weights), np.array([0, 1, 2]))
    found, plain = causes_of(gated, here, here.intent, cue), causes_of(first, here, here.intent)
    assert found is not None
    assert plain is not None
    assert found[0].parts == plain[0].parts  # shut
    for i, x in enumerate(found):
        own = (
            lifetime(here, policy_of(gated, i, here, pair), here.intent) * gated.fitness_retained[i]
        )
        assert x.fitness == pytest.approx(own, abs=EXACT)
        assert sum(x.parts.values()) == pytest.approx(x.optimum - own, abs=EXACT)
    assert seed or abs(found[1].parts["gate"]) > 1e-6


def test_reflexes_have_none() -> None:
    assert (
        causes_of(
            ReflexRules(np.zeros((1, 3), dtype=np.int64), ("a0",)),
            random_pair(0).modern,
            random_pair(0).modern.payoff,
        )
        is None
    )


@pytest.mark.parametrize("switch", ["objective", "belief", "horizon", "discount"])
def test_a_switch_that_does_nothing_is_seen(switch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a part that stays wrong, all parts right are not the optimum."""
    whole = planner_causes._mind
    monkeypatch.setattr(
        planner_causes,
        "_mind",
        lambda r, i, w, amount, right, cue: whole(r, i, w, amount, set(right) - {switch}),
    )
    with pytest.raises(NotOptimal):
        causes_of(rules(40, 1), world(1), world(1).intent)


@pytest.mark.parametrize("seed", range(8))
def test_laws(seed: int) -> None:
    """Scaling payoff scales parts; names, a split state and the scale of weights change none."""
    here, some = world(seed), rules(2, seed)

    def parts(w: TabularMdp, r: PlannerRules, unit: float = 1.0) -> np.ndarray:
        return np.array(
            [[x.parts[c] / unit for c in SWITCHES] for x in causes_of(r, w, w.intent) or ()]
        )

    before = parts(here, some)
    np.testing.assert_allclose(
        parts(replace(here, intent=4.0 * here.intent), some, 4.0), before, atol=EXACT
    )
    cold = replace(some, temperature=np.zeros(2))  # a temperature is in units of felt reward
    np.testing.assert_allclose(
        parts(here, replace(cold, weights=8.0 * cold.weights)), parts(here, cold), atol=EXACT
    )
    true = replace(some, belief=np.zeros(2, dtype=np.int64))
    rng = np.random.default_rng(seed)
    s, a = rng.permutation(6), rng.permutation(4)
    np.testing.assert_allclose(parts(relabelled(here, s, a), true), parts(here, true), atol=EXACT)
    np.testing.assert_allclose(parts(split(here, 0.3), true), parts(here, true), atol=EXACT)


def test_a_class_of_the_grid_is_worth_what_its_causes_say() -> None:
    made = setting("coarse-savanna")
    evaluator, world = ClassEvaluator(made.genome, made.pair), made.pair.modern
    classes = np.array([1, 5000, 17_003])
    for number, x in zip(
        classes.tolist(),
        causes_of(made.genome.decode(classes), world, world.intent) or (),
        strict=True,
    ):
        assert x.fitness == pytest.approx(evaluator.amounts(number, "modern").net_intent, abs=EXACT)
