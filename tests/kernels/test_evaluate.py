"""Planning and evaluation kernels against their NumPy twins, over random worlds and rules."""

from __future__ import annotations

import numpy as np
import pytest

from evosim.fitness.scorer import Scorer
from evosim.genomes import PlannerRules, ReflexRules, Rules
from evosim.reference import dynamic_programming
from evosim.reference.policies import policy_of
from evosim.worlds import WorldPair
from tests.support.random_worlds import random_pair
from tests.support.settings import setting


def random_planners(
    pair: WorldPair, seed: int, n: int = 40, *, soft: bool = False, ties: str = "split"
) -> PlannerRules:
    rng = np.random.default_rng(seed)
    k = len(pair.ancestral.features)
    # Coarse weights on purpose: they make exact ties.
    return PlannerRules(
        weights=rng.integers(-2, 3, size=(n, k)).astype(float),
        horizon=rng.integers(1, 6, size=n),
        belief=rng.integers(0, 1, size=n),
        temperature=rng.choice([0.0, 0.1, 1.0], size=n) if soft else np.zeros(n),
        beliefs=("true",),
        discount=0.9,
        tie_tolerance=1e-5,
        ties=ties,
        planning_cost=0.02,
        levels=5,
    )


@pytest.mark.parametrize("ties", dynamic_programming.TIE_RULES)
@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_plan_and_evaluate(seed: int, soft: bool, ties: str) -> None:
    pair = random_pair(seed)
    rules = random_planners(pair, seed, soft=soft, ties=ties)
    for world in (pair.ancestral, pair.modern):
        scorer = Scorer(world, pair)
        found = scorer.policies(rules)
        there = scorer.tables.states
        scores = scorer.score(rules)
        for i in range(len(rules)):
            policy = policy_of(rules, i, world, pair)
            np.testing.assert_allclose(found[i][:, there], policy[:, there], atol=1e-12)
            assert scores.payoff[i] == pytest.approx(
                dynamic_programming.lifetime(world, policy, world.payoff), abs=1e-12
            )
            assert scores.intent[i] == pytest.approx(
                dynamic_programming.lifetime(world, policy, world.intent), abs=1e-12
            )
            np.testing.assert_allclose(scores.fitness_retained[i], 1 - 0.02 * rules.horizon[i])


def compare_scores(pair: WorldPair, rules: Rules) -> None:
    for world in (pair.ancestral, pair.modern):
        scores = Scorer(world, pair).score(rules)
        for i in range(len(rules)):
            policy = policy_of(rules, i, world, pair)
            assert scores.payoff[i] == pytest.approx(
                dynamic_programming.lifetime(world, policy, world.payoff), abs=1e-12
            )


def test_savanna_and_its_beliefs() -> None:
    made = setting(
        "coarse-savanna",
        'genome.belief.alleles=["true","ancestral"]',
        "genome.temperature.alleles=[0,0.1]",
    )
    classes = np.random.default_rng(0).integers(0, made.genome.grid.size, 60)
    rules = made.genome.decode(classes)
    assert isinstance(rules, PlannerRules)
    assert set(rules.belief) == {0, 1}
    compare_scores(made.pair, rules)


def test_who_believes_in_the_past_takes_contraception_for_mating() -> None:
    made = setting("coarse-savanna", 'genome.belief.alleles=["true","ancestral"]')
    modern, a = made.pair.modern, made.pair.modern.acts
    believed = modern.beliefs["ancestral"]
    partnered = modern.available[:, a.index("mate_protected")]
    np.testing.assert_array_equal(
        believed[partnered, a.index("mate_protected")],
        made.pair.ancestral.transitions[partnered, a.index("mate")],
    )


def test_reflexes() -> None:
    made = setting("reflexes")
    classes = np.random.default_rng(0).integers(0, made.genome.grid.size, 40)
    rules = made.genome.decode(classes)
    assert isinstance(rules, ReflexRules)
    compare_scores(made.pair, rules)
