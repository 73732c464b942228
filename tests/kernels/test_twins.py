"""Kernels against their readable twins, over random worlds and rules; and the same bytes for 1 and
2 threads.
"""

from __future__ import annotations

import itertools
from typing import Literal

import numba
import numpy as np
import pytest

from evosim.fitness.scorer import Scorer
from evosim.genomes import PlannerRules, ReflexRules, Rules
from evosim.kernels import compilation, reproduce
from evosim.optimizers import wright_fisher
from evosim.optimizers.params import Asexual, Sexual
from evosim.reference import dynamic_programming, reproduction, rollout
from evosim.reference.policies import policy_of
from evosim.rng import key_of
from evosim.worlds import WorldPair
from tests.support.random_worlds import random_pair, random_policy
from tests.support.settings import setting
from tests.support.twins import genetics, lives


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
            np.testing.assert_allclose(scores.kept[i], 1 - 0.02 * rules.horizon[i])


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
        "birth-control",
        'genome.belief.alleles=["true","ancestral"]',
        "genome.temperature.alleles=[0,0.1]",
    )
    classes = np.random.default_rng(0).integers(0, made.genome.grid.size, 60)
    rules = made.genome.decode(classes)
    assert isinstance(rules, PlannerRules)
    assert set(rules.belief) == {0, 1}
    compare_scores(made.pair, rules)


def test_who_believes_in_the_past_takes_contraception_for_mating() -> None:
    made = setting("birth-control", 'genome.belief.alleles=["true","ancestral"]')
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


def test_equal_policies_are_evaluated_once() -> None:
    made = setting("birth-control")
    scorer = Scorer(made.pair.ancestral, made.pair)
    rules = made.genome.decode(np.arange(500))
    first = scorer.score(rules)
    assert scorer.evaluated == np.unique(first.policy).size < 500
    again = scorer.score(rules)
    np.testing.assert_array_equal(first.payoff, again.payoff)
    assert scorer.evaluated == np.unique(first.policy).size


@pytest.mark.parametrize(
    ("loci", "ploidy", "sexes", "selfing"),
    [
        (9, 2, 1, True),
        (9, 2, 1, False),
        (9, 2, 2, True),
        (70, 2, 1, True),
        (9, 1, 1, True),
        (9, 1, 1, False),
    ],
)
@pytest.mark.parametrize("seed", [0, 2**40 + 3])
def test_reproduction_number_for_number(
    loci: int, ploidy: int, sexes: Literal[1, 2], selfing: bool, seed: int
) -> None:
    """Parents and newborns, with every force of transmission on and off; 70 loci need a second word
    of strands.
    """
    n, rng = 300, np.random.default_rng(1)
    grid = genetics(loci, ploidy, seed % 1000)
    pop = wright_fisher.SexualPopulation(
        Sexual(population=n, sexes=sexes, selfing=selfing), grid, seed
    )
    for generation in (1, 2, 3):
        fitness = rng.random(n) * (rng.random(n) < 0.6)
        before = pop.ask().copy()
        pop.tell(fitness)
        viability, female, male = grid.drive.fitness_retained(before)
        eggs, sperm = fitness * viability * female, fitness * viability * male
        if sexes == 2:
            eggs[n // 2 :] = sperm[: n // 2] = 0.0
        numbers = reproduction.RandomNumbers(n, generation, seed)
        chosen = reproduction.parents(eggs, sperm, numbers, selfing=selfing or sexes == 2)
        np.testing.assert_array_equal(pop.parents, chosen)
        descent = pop.parentage()
        assert descent is not None
        assert descent.expected.sum() == pytest.approx(1.0, abs=1e-12)
        for forces in itertools.chain.from_iterable(
            itertools.combinations(("recombination", "drive", "mutation"), k) for k in range(4)
        ):
            expected = reproduction.newborns(grid, before, chosen, numbers, frozenset(forces))
            np.testing.assert_array_equal(descent.newborns(frozenset(forces), 0, n), expected)
        np.testing.assert_array_equal(pop.ask(), expected)


def test_asexual_reproduction_number_for_number() -> None:
    n, grid = 300, genetics(9, 2, 5)
    pop = wright_fisher.AsexualPopulation(Asexual(population=n), grid, 7)
    before = pop.ask().copy()
    fitness = np.random.default_rng(1).random(n)
    pop.tell(fitness)
    numbers = reproduction.RandomNumbers(n, 1, 7)
    chosen = reproduction.parents(fitness, fitness, numbers, selfing=True)[:, [0, 0]]
    np.testing.assert_array_equal(pop.parents, chosen)
    np.testing.assert_array_equal(pop.ask(), reproduction.copies(grid, before, chosen, numbers))


def test_expected_parentage_without_selfing_by_enumeration() -> None:
    grid, w = genetics(9, 2, 5), np.array([0.0, 1.0, 2.5, 0.5, 4.0])
    pop = wright_fisher.SexualPopulation(Sexual(population=5, selfing=False), grid, 1)
    viability, female, male = grid.drive.fitness_retained(pop.ask())
    eggs, sperm = w * viability * female, w * viability * male
    pop.tell(w)
    first = eggs / eggs.sum()
    second = sum(
        first[i] * np.where(np.arange(5) == i, 0.0, sperm) / (sperm.sum() - sperm[i])
        for i in range(5)
    )
    np.testing.assert_allclose(pop.expected, (first + second) / 2, atol=1e-15)


def test_founders_number_for_number() -> None:
    choices = [np.array([0, 2]), np.array([1]), np.array([0, 1, 2])]
    out = np.empty((100, 2, 3), dtype=np.uint8)
    reproduce.founders(100, *key_of(5), np.array([0, 2, 3, 6]), np.concatenate(choices), out)
    np.testing.assert_array_equal(out, reproduction.founders((100, 2, 3), choices, 5))


def test_lives_number_for_number() -> None:
    pair = random_pair(4)
    policy = random_policy(pair.modern, 5, levels=3)
    states, acts = lives(pair, policy, 200, seed=9)
    expected = rollout.live(pair.modern, policy, 200, 3, 9)
    np.testing.assert_array_equal(states, expected[0])
    np.testing.assert_array_equal(acts, expected[1])
    assert pair.modern.available[states, acts].all()


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="this machine has one thread")
def test_the_same_bytes_for_one_and_two_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """With drive and modifiers on."""
    monkeypatch.setattr(compilation, "MIN_PARALLEL", 1)
    monkeypatch.setattr(compilation, "MIN_PARALLEL_READING", 1)
    made = setting("birth-control")
    rules = made.genome.decode(np.arange(0, 22_500, 37))
    pair = random_pair(4)
    policy = random_policy(pair.modern, 5)
    grid = genetics(12, 2, 3)
    weights = np.random.default_rng(1).random(1000)
    results = []
    for threads in (1, 2):
        numba.set_num_threads(threads)
        pop = wright_fisher.SexualPopulation(Sexual(population=1000), grid, 4)
        pop.tell(weights)
        scores = Scorer(made.pair.modern, made.pair).score(rules)
        arrays = [
            pop.ask(),
            pop.parents,
            scores.payoff,
            scores.policy,
            *lives(pair, policy, 500, 11),
        ]
        results.append(b"".join(a.tobytes() for a in arrays))
    assert results[0] == results[1]


def test_small_populations_on_one_thread_are_the_same_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    grid = setting("birth-control").genome.grid
    newborns = []
    for threaded in (10**9, 1):
        monkeypatch.setattr(compilation, "MIN_PARALLEL", threaded)
        monkeypatch.setattr(compilation, "MIN_PARALLEL_READING", threaded)
        for kind, params in (
            (wright_fisher.SexualPopulation, Sexual(population=300)),
            (wright_fisher.AsexualPopulation, Asexual(population=300)),
        ):
            optimizer = kind(params, grid, 3)
            for _ in range(3):
                optimizer.tell(1.0 + grid.classes(optimizer.ask()) % 5)
            newborns.append(optimizer.ask().tobytes())
    assert newborns[:2] == newborns[2:]
