"""Repaired planners: equal to the readable form of each planner, by scorer and by reference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evosim.analysis import planner_causes, repaired_planners
from evosim.analysis.loss_causes import PLAYERS, parts_of_genomes
from evosim.analysis.planner_causes import SWITCHES, NotOptimal, causes_of
from evosim.analysis.repaired_planners import PARTS, SETS, MakeScorer, repair
from evosim.fitness.scorer import Scorer
from evosim.genomes import GatedRules, PlannerRules, Rules
from evosim.worlds import WorldPair
from tests.support.random_planners import rules, world
from tests.support.random_worlds import random_pair
from tests.support.settings import setting

WORLDS = ("ancestral", "modern")
RELATIVE = 1e-12
MAKERS = pytest.mark.parametrize("make_scorer", [None, Scorer], ids=["reference", "scorer"])


def pair_of(seed: int) -> WorldPair:
    """A pair with a second belief and a cue."""
    ancestral, modern = world(seed, "ancestral"), world(seed, "modern")
    cue = np.random.default_rng(seed).random(6) < 0.5
    return replace(random_pair(seed), ancestral=ancestral, modern=modern, cue=cue)


def assert_equal_to_causes(
    some: Rules, pair: WorldPair, which: str, make_scorer: MakeScorer | None
) -> None:
    """Parts and fitness of each planner are those of `causes_of`."""
    here = pair.ancestral if which == "ancestral" else pair.modern
    amount = here.payoff if which == "ancestral" else here.intent
    repaired = repair(some, pair, which, make_scorer=make_scorer)
    parts = parts_of_genomes(repaired.amounts, some.fitness_retained, np.ones(len(some)))
    known = causes_of(some, here, amount, pair.cue)
    assert known is not None
    size = max(x.optimum for x in known)
    for i, one in enumerate(known):
        fitness = repaired.amounts[i, 0] * some.fitness_retained[i]
        assert fitness == pytest.approx(one.fitness, abs=RELATIVE * size)
        mine = dict(zip(PLAYERS, parts[i].tolist(), strict=True))
        assert mine.pop("drivers") == 0.0
        assert [mine[cause] for cause in SWITCHES] == pytest.approx(
            [one.parts[cause] for cause in SWITCHES], abs=RELATIVE * size
        )
        # A part that is right already has no loss, and not a small one
        wrong = planner_causes._wrong(some, i, here, amount, pair.cue)
        assert all(mine[cause] == 0.0 for cause in SWITCHES if cause not in wrong)


@MAKERS
@pytest.mark.parametrize("ties", ["split", "first", "last"])
@pytest.mark.parametrize("seed", range(6))
def test_parts_are_those_of_causes(seed: int, ties: str, make_scorer: MakeScorer | None) -> None:
    some = replace(rules(12, seed), ties=ties)
    for which in WORLDS:
        assert_equal_to_causes(some, pair_of(seed), which, make_scorer)


@MAKERS
@pytest.mark.parametrize("seed", range(6))
def test_gates_are_those_of_causes(seed: int, make_scorer: MakeScorer | None) -> None:
    first = rules(9, seed)
    second = replace(first, weights=np.roll(first.weights, 1, axis=0))
    gated = GatedRules(first, second, np.arange(9) % 3)
    for which in WORLDS:
        assert_equal_to_causes(gated, pair_of(seed), which, make_scorer)


@MAKERS
def test_parts_that_are_right_already(make_scorer: MakeScorer | None) -> None:
    """Payoff as objective, all of life as horizon, no discount, the true belief."""
    pair = pair_of(1)
    felt = pair.modern.intent[:, :, None] * np.array([1.0, -1.0, 0.0])
    pair = replace(pair, modern=replace(pair.modern, features_felt=felt))
    weights = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.5], [0.0, 0.0, 0.0]])
    some = PlannerRules(
        weights=weights,
        horizon=np.array([7, 2, 9, 3]),
        belief=np.array([0, 1, 0, 1]),
        temperature=np.array([0.0, 0.0, 0.4, 0.4]),
        beliefs=("true", "other"),
        discount=1.0,
        tie_tolerance=0.0,
        ties="split",
        planning_cost=0.0,
        levels=9,
    )
    assert_equal_to_causes(some, pair, "modern", make_scorer)
    repaired = repair(some, pair, "modern", make_scorer=make_scorer)
    assert len(set(repaired.amounts[0])) == 1  # right in all parts
    gated = GatedRules(some, replace(some, weights=np.roll(weights, 1, axis=0)), np.arange(4) % 3)
    assert_equal_to_causes(gated, pair, "modern", make_scorer)


@pytest.mark.parametrize("name", ["coarse-savanna", "gated", "maze", "villages", "three-losses"])
@pytest.mark.slow
def test_classes_of_packaged_experiments(name: str) -> None:
    made = setting(name)
    classes = np.random.default_rng(0).choice(made.genome.grid.size, 12)
    for which in WORLDS:
        assert_equal_to_causes(made.genome.decode(classes), made.pair, which, Scorer)


def test_equal_minds_are_planned_once() -> None:
    some = rules(5, 0)
    twice = some.take(np.array([0, 1, 2, 3, 4, 4, 0, 2]))
    pair = pair_of(0)
    one, two = (repair(x, pair, "modern") for x in (some, twice))
    assert one.minds == two.minds < 5 * SETS
    np.testing.assert_array_equal(two.amounts[[5, 6, 7]], one.amounts[[4, 0, 2]])


def test_a_bound_leaves_the_first_planners() -> None:
    some, pair = rules(20, 0), pair_of(0)
    whole = repair(some, pair, "modern")
    part = repair(some, pair, "modern", most_minds=whole.minds // 2)
    n = len(part.amounts)
    assert 1 < n < 20
    assert part.minds <= whole.minds // 2
    np.testing.assert_allclose(part.amounts, whole.amounts[:n], rtol=1e-14)
    more = repair(some.take(np.arange(n + 1)), pair, "modern")
    assert more.minds > whole.minds // 2
    assert len(repair(some, pair, "modern", most_minds=1).amounts) == 1


@MAKERS
@pytest.mark.parametrize("part", ["objective", "belief", "horizon", "discount"])
def test_a_part_that_stays_wrong_is_seen(
    part: str, make_scorer: MakeScorer | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = tuple("nothing" if name == part else name for name in PARTS)
    monkeypatch.setattr(repaired_planners, "PARTS", names)
    with pytest.raises(NotOptimal):
        repair(rules(40, 1), pair_of(1), "modern", make_scorer=make_scorer)
