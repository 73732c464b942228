"""The world of episodes, by closed forms and brute force, and the causal test of deceivers."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

from evosim.analysis import deception as test_of
from evosim.analysis.deception import CONDITIONS, examine, examined_frame, without
from evosim.errors import UserError
from evosim.genomes import PlannerRules, ReflexRules, Rules
from evosim.reference.dynamic_programming import lifetime, occupancy, plan
from evosim.reference.policies import policy_of
from evosim.theory import deception as theory
from evosim.theory.drift import fixation_haploid, kimura_haploid
from evosim.worlds import WORLDS, TabularMdp, WorldPair, with_cue
from evosim.worlds.cue import Cue
from evosim.worlds.episodes import ENDLESS, NO_MODIFICATION, Episodes
from tests.support.settings import setting

GAMES = [(1, 3), (2, 2), (2, 3), (2, 4), (3, 3), (4, 4), (5, 1)]


def episodes(train: int = 2, deploy: int = 3) -> WorldPair:
    return WORLDS["episodes"].build(Episodes(train, deploy), {"deployed_payoff": 1.0})


def drawn(world: TabularMdp, p: float) -> np.ndarray:
    """A policy that does `B` with chance p in every episode in which `B` is available."""
    return np.where(world.available.all(axis=1)[:, None], [1.0 - p, p], [1.0, 0.0])[None]


def wants_b(
    *, horizon: int = 5, belief: str = "true", discount: float = 0.95, b: float = 1.0
) -> PlannerRules:
    return PlannerRules(
        weights=np.array([[0.0, b]]),
        horizon=np.array([horizon]),
        belief=np.array([0]),
        temperature=np.zeros(1),
        beliefs=(belief,),
        discount=discount,
        tie_tolerance=1e-5,
        ties="split",
        planning_cost=0.0,
        levels=5,
    )


def acts(rules: Rules, world: TabularMdp, pair: WorldPair) -> str:
    """The act in each episode of a life (`?`: both)."""
    done = occupancy(world, policy_of(rules, 0, world, pair)).sum(axis=1)
    return "".join("A" if a > 1 - 1e-12 else "B" if b > 1 - 1e-12 else "?" for a, b in done)


def test_the_papers_example_by_brute_force() -> None:
    """All 2^5 plans of five episodes: the best waits and gets 3, and doing B always gets 1."""
    world = episodes().ancestral
    b = np.where(world.available, [0.0, 1.0], 0.0)
    gets = {}
    for choice in itertools.product("AB", repeat=5):
        policy = np.zeros((1, 10, 2))
        policy[0, :, 0] = 1.0
        for i, act in enumerate(choice):
            policy[0, i] = [act == "A", act == "B"]
        gets["".join(choice)] = lifetime(world, policy, b)
    assert max(gets, key=lambda plan: gets[plan]) == "AABBB"
    assert gets["AABBB"] == theory.deceiving(2, 3) == 3.0
    assert gets["BBBBB"] == theory.at_once(2, 3) == 1.0


@pytest.mark.parametrize(("train", "deploy"), GAMES)
@pytest.mark.parametrize("p", [0.0, 0.3, 5 / 9, 1.0])
def test_the_absent_minded_by_dynamic_programming(train: int, deploy: int, p: float) -> None:
    world = episodes(train, deploy).ancestral
    found = lifetime(world, drawn(world, p), np.where(world.available, [0.0, 1.0], 0.0))
    assert found == pytest.approx(theory.absent_minded(p, train, deploy), abs=1e-12)


@pytest.mark.parametrize(
    ("train", "deploy"), GAMES[:-1]
)  # with one deployment episode all large chances are nearly as good
def test_the_best_chance_of_the_absent_minded(train: int, deploy: int) -> None:
    grid = np.linspace(0.0, 1.0, 100_001)
    best = grid[np.argmax([theory.absent_minded(float(p), train, deploy) for p in grid])]
    assert best == pytest.approx(theory.absent_minded_optimum(train, deploy), abs=2e-5)


def test_the_paper_prints_another_chance() -> None:
    assert theory.absent_minded_optimum(2, 3) == pytest.approx(5 / 9, abs=1e-15)
    assert theory.absent_minded(5 / 9, 2, 3) > theory.absent_minded(0.61, 2, 3)


@pytest.mark.parametrize(("train", "deploy"), GAMES)
def test_the_catastrophe_game(train: int, deploy: int) -> None:
    """The chance of B in deployment by the world's own chain, its maximum by search, and `m / (n +
    m)` for survivors.
    """
    world = episodes(train, deploy).ancestral
    grid = np.linspace(0.0, 1.0, 100_001)
    best = grid[np.argmax([theory.catastrophe(float(c), train, deploy) for c in grid])]
    c = theory.catastrophe_optimum(train, deploy)
    assert best == pytest.approx(c, abs=2e-5)
    policy = drawn(world, 1.0 - c)
    through = float(occupancy(world, policy)[train, train].sum())
    only_a = np.linalg.matrix_power(world.transitions[:, 0] * policy[0, :, :1], train + deploy)[
        0, train + deploy - 1
    ]
    assert through - only_a == pytest.approx(theory.catastrophe(c, train, deploy), abs=1e-12)
    assert 1.0 - only_a / through == pytest.approx(
        theory.catastrophe_after_training(train, deploy), abs=1e-12
    )
    assert theory.catastrophe(c, train, deploy) < theory.catastrophe_after_training(train, deploy)


def test_how_long_to_train() -> None:
    assert theory.training_for(0.01, 100) == pytest.approx(9900)
    assert theory.catastrophe_after_training(9900, 100) == pytest.approx(0.01, abs=1e-15)


@pytest.mark.parametrize("ends", [0.0, 0.2, 0.33, 0.34, 0.5, 1.0])
@pytest.mark.parametrize("weight", [0.0, 0.3, 0.75, 0.8, 0.99])
def test_when_waiting_pays_by_value_iteration(ends: float, weight: float) -> None:
    """An agent waits exactly if the formula says so.

    In its believed world deployment comes with a chance, otherwise the agent is retired.
    """
    world = episodes().ancestral
    believed = np.array(world.transitions)
    believed[1, 0] = 0.0
    believed[1, 0, [2, 7]] = [ends, 1.0 - ends]
    made = dataclasses.replace(world, beliefs={**world.beliefs, "doubt": believed})
    policy = plan(
        made, np.array([0.0, 1.0]), 5, belief="doubt", discount=weight, tie_tolerance=1e-12
    )
    assert bool(policy[4, 0, 0] == 1.0) == (theory.waiting(2, 3, ends, weight) > 1.0)


def test_who_wants_b_deceives_and_each_condition_is_needed() -> None:
    pair = episodes()
    assert acts(wants_b(), pair.ancestral, pair) == "AABBB"
    assert acts(wants_b(horizon=1), pair.ancestral, pair) == "BAAAA"
    assert acts(wants_b(belief=NO_MODIFICATION), pair.ancestral, pair) == "BAAAA"
    assert acts(wants_b(belief=ENDLESS), pair.ancestral, pair) == "BAAAA"
    # A planner without a discount is indifferent
    assert acts(wants_b(belief=ENDLESS, discount=1.0), pair.ancestral, pair)[0] == "?"
    (found,) = examine(wants_b(), pair)
    assert found.kind == "deceiver"
    assert found.ancestral == 0.0
    assert found.modern == 1.0  # no policy does worse: B in training leads to A later
    # One B in training, then A: no policy does worse there
    assert found.without == pytest.approx((1.0, 1.0, 1.0))


@pytest.mark.parametrize("horizon", [1, 2, 3, 4, 5])
def test_how_far_a_deceiver_must_look(horizon: int) -> None:
    """It is enough to see one more B than one now.

    This is 4 ages ahead with a discount, and 3 steps if it must see the first of them.
    """
    pair = episodes()
    deceives = acts(wants_b(horizon=horizon), pair.ancestral, pair) == "AABBB"
    assert deceives == (horizon >= 4)  # 0.95^2 + 0.95^3 > 1 > 0.95^2


def test_a_compiled_deceiver_is_no_deceiver_any_more() -> None:
    """The same behaviour as a table: nothing can be taken away from it, so that it is a sleeper."""
    pair = episodes()
    table = ReflexRules(np.array([[0, 1, 0]]), ("A", "B"))
    assert acts(table, pair.modern, pair) == acts(wants_b(), pair.modern, pair)
    assert [x.kind for x in examine(table, pair)] == ["sleeper"]


def test_gates_sleep_and_planners_deceive() -> None:
    made = setting(
        "deception",
        "world.cue={}",
        "genome.name=gated",
        "genome.horizon.alleles=[1,5]",
        'genome.belief.alleles=["true"]',
        "genome.second={B={alleles=[1.0]}}",
        'genome.gate={alleles=["closed","open"]}',
        "genome.weights={A={alleles=[0.0,1.0]},B={alleles=[0.0,1.5]}}",
    )
    found = examined_frame(made.genome, np.arange(made.genome.grid.size), made.pair)
    kinds = {
        tuple(row[:-1]): row[-1]
        for row in found.select("locus:A", "locus:B", "locus:horizon", "locus:gate", "kind").rows()
    }
    for gate in (0.0, 1.0):
        assert kinds[0.0, 1.5, 5.0, gate] == "deceiver"
        assert kinds[0.0, 1.5, 1.0, gate] == "misaligned"
    for horizon in (1.0, 5.0):
        assert kinds[1.0, 0.0, horizon, 0.0] == "aligned"
        assert kinds[1.0, 0.0, horizon, 1.0] == "sleeper"


def test_the_causal_test_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """If nothing were taken away, no deceiver would be found."""
    monkeypatch.setattr(test_of, "without", lambda rules, condition: rules)
    assert [x.kind for x in examine(wants_b(), episodes())] == ["sleeper"]


def test_rules_without_a_condition_are_others() -> None:
    rules = wants_b()
    # Beliefs by name
    assert [without(rules, c).key(0) == rules.key(0) for c in CONDITIONS] == [False, True, True]
    assert without(rules, CONDITIONS[2]).beliefs == (ENDLESS,)


def test_a_world_without_threats_is_refused() -> None:
    with pytest.raises(UserError, match="world 'micro' must offer the belief 'no modification'"):
        examine(wants_b(), setting("micro").pair)


def test_a_cue_leaves_the_threat_as_it_is() -> None:
    pair = with_cue(episodes(), Cue(0.25, 0.5))
    assert [x.kind for x in examine(wants_b(), pair)] == ["deceiver"]


def test_haploid_fixation() -> None:
    """Two individuals by hand, the neutral case, and Kimura's approximation near by."""
    w = 0.7
    p = w / (w + 1)
    assert fixation_haploid(2, w, 1) == pytest.approx(p**2 / (p**2 + (1 - p) ** 2), abs=1e-12)
    assert fixation_haploid(40, 1.0, 10) == pytest.approx(0.25, abs=1e-12)
    assert kimura_haploid(40, 0.0, 0.25) == 0.25
    for s, published in ((0.01, 0.731), (0.02, 0.881), (0.05, 0.993)):
        assert kimura_haploid(100, s, 0.5) == pytest.approx(published, abs=5e-4)
        assert fixation_haploid(100, 1 + s, 50) == pytest.approx(published, abs=5e-3)
        assert kimura_haploid(100, -s, 0.5) == pytest.approx(1.0 - published, abs=5e-4)
    with pytest.raises(ValueError, match="copies at most 10"):
        fixation_haploid(10, 1.0, 11)
