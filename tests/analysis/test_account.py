"""The micro-world by brute force: all policies, all genomes, all lives, by plain recursion over
dictionaries of its own.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from evosim.analysis.account import Accountant
from evosim.config.resolve import Problem
from evosim.fitness.landscape import Landscape
from evosim.genomes import PlannerRules
from evosim.reference.dynamic_programming import extreme_values, lifetime
from evosim.runs import execute
from evosim.simulation.loop import simulate
from evosim.testing import Choose, all_policies, best_by_enumeration
from evosim.testing import lifetime_by_paths as worth
from evosim.worlds import TabularMdp
from tests.support.random_worlds import random_pair
from tests.support.settings import quick, setting


@pytest.fixture(scope="module")
def micro() -> Problem:
    return setting("micro", *quick("micro"))


def acts_in(world: TabularMdp, s: int) -> list[int]:
    return [a for a in range(len(world.acts)) if world.available[s, a]]


def planner(world: TabularMdp, rules: PlannerRules, i: int) -> Choose:
    """The planner's acts by recursion over imagined futures."""
    felt = world.features_felt @ rules.weights[i]
    tolerance = rules.tie_tolerance * max(
        abs(felt[s, a]) for s in range(len(world.states)) for a in acts_in(world, s)
    )

    def imagined(s: int, a: int, steps: int) -> float:
        if steps == 1:
            return float(felt[s, a])
        ahead = 0.0
        for x, p in enumerate(world.transitions[s, a]):
            if p:
                ahead += p * max(imagined(x, b, steps - 1) for b in acts_in(world, x))
        return float(felt[s, a] + rules.discount * ahead)

    def choose(t: int, s: int) -> list[int]:
        steps = min(int(rules.horizon[i]), world.lifespan - t)
        value = {a: imagined(s, a, steps) for a in acts_in(world, s)}
        return [a for a, v in value.items() if v >= max(value.values()) - tolerance]

    return choose


@pytest.mark.parametrize("which", ["ancestral", "modern"])
@pytest.mark.parametrize("amount", ["payoff", "intent"])
def test_the_optimum_is_the_best_of_all_policies(micro: Problem, which: str, amount: str) -> None:
    world = getattr(micro.pair, which)
    table = getattr(world, amount)
    every = [worth(world, choose, table) for choose in all_policies(world)]
    for worst, brute in ((False, max(every)), (True, min(every))):
        value, _ = extreme_values(world, table, worst=worst)
        assert world.start @ value[0] == pytest.approx(brute, abs=1e-12)
    assert best_by_enumeration(world, table) == max(every)


def test_too_many_policies_are_not_tried() -> None:
    with pytest.raises(
        ValueError, match="must have at most 1,000,000 policies to try them all, but has"
    ):
        best_by_enumeration(random_pair(5, states=5, acts=4, lifespan=6).ancestral)


def test_rungs_by_brute_force(micro: Problem) -> None:
    rules = micro.genome.decode(np.arange(micro.genome.grid.size))
    assert isinstance(rules, PlannerRules)
    a, m = micro.pair.ancestral, micro.pair.modern
    kept = 1.0 - rules.planning_cost * rules.horizon
    fit_a, fit_m, good_m = (
        np.array([worth(w, planner(w, rules, i), table) * kept[i] for i in range(len(rules))])
        for w, table in ((a, a.payoff), (m, m.payoff), (m, m.intent))
    )
    landscape = Landscape(micro)
    run = simulate(micro, landscape, 0)
    tables = run.tables | {"landscape": landscape.frame()}
    account = Accountant(micro, tables, exact=True).account()
    rungs = account.summary.ladder.modern.rungs
    assert rungs["optimum"] == pytest.approx(
        max(worth(m, c, m.intent) for c in all_policies(m)), abs=1e-12
    )
    assert rungs["best_for_intent"] == pytest.approx(good_m.max(), abs=1e-12)
    assert rungs["best_for_payoff"] == pytest.approx(
        good_m[fit_m >= fit_m.max() - 1e-12].min(), abs=1e-12
    )
    assert rungs["best_ancestral"] == pytest.approx(
        good_m[fit_a >= fit_a.max() - 1e-12].min(), abs=1e-12
    )
    swap = run.tables["populations"].filter(run.tables["populations"]["moment"] == "swap")
    counts, classes = swap["count"].to_numpy(), swap["class"].to_numpy()
    assert rungs["population"] == pytest.approx(
        np.average(good_m[classes], weights=counts), abs=1e-12
    )
    ancestral = account.summary.ladder.ancestral
    assert ancestral.rungs["best_ancestral"] == pytest.approx(fit_a.max(), abs=1e-12)
    assert ancestral.steps["unfound"] == pytest.approx(
        fit_a.max() - fit_a[classes].max(), abs=1e-12
    )
    assert ancestral.steps["load"] == pytest.approx(
        fit_a[classes].max() - np.average(fit_a[classes], weights=counts), abs=1e-12
    )
    # The micro-world exists so that no step is 0 by accident.
    steps = account.summary.ladder.modern.steps
    assert all(abs(steps[name]) > 1e-3 for name in ("representation", "specification", "shift"))


def test_steps_telescope(micro: Problem) -> None:
    landscape = Landscape(micro)
    run = simulate(micro, landscape, 1)
    account = Accountant(micro, run.tables | {"landscape": landscape.frame()}, exact=True).account()
    both = account.summary.ladder
    for ladder in (both.ancestral, both.modern):
        steps = ladder.steps
        total = sum(steps[name] for name in ("representation", "specification", "shift", "search"))
        assert total == pytest.approx(
            ladder.rungs["optimum"] - ladder.rungs["population"], abs=1e-12
        )
        assert steps["search"] == pytest.approx(steps["unfound"] + steps["load"], abs=1e-12)
        assert steps["hack"] is None


def test_ladder_and_ledger_meet(micro: Problem) -> None:
    """The ledger's entries sum to the ladder's loss from top to bottom, in both worlds."""
    landscape = Landscape(micro)
    run = simulate(micro, landscape, 2)
    summary = (
        Accountant(micro, run.tables | {"landscape": landscape.frame()}, exact=True)
        .account()
        .summary
    )
    for which, ladder in summary.ladder.items():
        lost = ladder.rungs["optimum"] - ladder.rungs["population"]
        assert sum(summary.behaviour.of(which).kinds.values()) == pytest.approx(lost, abs=1e-12)


def test_steps_by_act_sum_to_the_steps(micro: Problem) -> None:
    landscape = Landscape(micro)
    run = simulate(micro, landscape, 2)
    summary = (
        Accountant(micro, run.tables | {"landscape": landscape.frame()}, exact=True)
        .account()
        .summary
    )
    for which, ladder in summary.ladder.items():
        for step, acts in summary.steps_by_act.of(which).items():
            assert sum(acts.values()) == pytest.approx(ladder.steps[step], abs=1e-12)
            assert "upkeep" in acts


def test_a_wrong_record_is_noticed(micro: Problem) -> None:
    landscape = Landscape(micro)
    run = simulate(micro, landscape, 0)
    frame = landscape.frame()
    wrong = run.tables | {"landscape": frame.with_columns(frame["ancestral"] * (1 + 1e-6))}
    with pytest.raises(execute.UserError, match="but the reference code finds"):
        Accountant(micro, wrong, exact=True).account()


def test_paths_and_backward_induction_agree_on_random_worlds() -> None:
    world = random_pair(5, states=3, acts=3, lifespan=3).modern
    for choose in itertools.islice(all_policies(world), 50):
        policy = np.zeros((3, 3, 3))
        for t, s in itertools.product(range(3), range(3)):
            policy[3 - t - 1, s, choose(t, s)] = 1.0
        assert lifetime(world, policy, world.payoff) == pytest.approx(
            worth(world, choose, world.payoff), abs=1e-12
        )
