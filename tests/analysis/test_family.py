"""Each rule of the family on a genome made by hand for it, and the account of populations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evosim.analysis.deception import examine
from evosim.analysis.family import KINDS, NEITHER, PSEUDO, ROBUST, SCHEMA, Family, rows, shares
from evosim.analysis.summary import VerdictShare
from evosim.genomes import GatedRules, PlannerRules, ReflexRules
from evosim.worlds import WORLDS, TabularMdp, WorldPair
from tests.support.random_worlds import random_pair
from tests.support.settings import setting

# Two ages. `here`: act `good` pays 1 and act `idle` 0; `later` leads on to `there`, where `reap`
# pays 3.
STATES, ACTS = ("here", "there", "end"), ("good", "later", "reap", "idle")


def world(
    name: str, *, good: float = 1.0, reap: float = 3.0, lifespan: int = 2, believed: bool = True
) -> TabularMdp:
    """Features: `good` felt when doing it, `reap` felt when reaping, `payoff` the payoff itself."""
    available = np.array([[1, 1, 0, 1], [0, 0, 1, 1], [0, 0, 0, 1]], dtype=bool)
    moves = np.zeros((3, 4, 3))
    moves[0, [0, 3], 2], moves[0, 1, 1], moves[1, [2, 3], 2], moves[2, 3, 2] = 1.0, 1.0, 1.0, 1.0
    payoff = np.zeros((3, 4))
    payoff[0, 0], payoff[1, 2] = good, reap
    felt = np.zeros((3, 4, 3))
    felt[0, 0, 0] = felt[1, 2, 1] = 1.0
    felt[:, :, 2] = payoff
    wrong = moves.copy()
    wrong[0, 1] = [0.0, 0.0, 1.0]  # with this belief, waiting seems to lead nowhere
    return TabularMdp(
        name=name,
        states=STATES,
        acts=ACTS,
        features=("good", "reap", "payoff"),
        lifespan=lifespan,
        available=available,
        transitions=moves,
        payoff=payoff,
        intent=payoff,
        features_felt=felt,
        start=np.array([1.0, 0.0, 0.0]),
        beliefs={"wrong": wrong},
    )


def pair(modern: TabularMdp) -> WorldPair:
    return WorldPair("hand-made", world("A"), modern, np.array([0, 1, 2]), STATES, "idle", {})


def planner(
    weights: tuple[float, float, float], horizon: int = 2, belief: str = "true", cost: float = 0.0
) -> PlannerRules:
    return PlannerRules(
        weights=np.array([weights]),
        horizon=np.array([horizon]),
        belief=np.array([["true", "wrong"].index(belief)]),
        temperature=np.zeros(1),
        beliefs=("true", "wrong"),
        discount=1.0,
        tie_tolerance=1e-9,
        ties="split",
        planning_cost=cost,
        levels=2,
    )


A = pair(world("M"))
# Best in A: wait and reap, 3. In `poor` reaping is worth nothing, in `even` about as much as doing
# good at once.
POOR, EVEN = pair(world("poor", reap=0.0)), pair(world("even", good=2.9))


def judge(family: Family, rules: PlannerRules | GatedRules) -> tuple[str, str | None]:
    found = family.judge(rules)[0]
    return found.verdict, found.kind


def test_who_feels_payoff_is_robust() -> None:
    assert judge(Family(A, {"poor": POOR, "even": EVEN}, 3.0), planner((0, 0, 1))) == (ROBUST, None)


def test_nearly_as_good_everywhere_is_robust() -> None:
    assert judge(Family(A, {"even": EVEN}, 3.0), planner((0, 1, 0))) == (ROBUST, None)


def test_proxy() -> None:
    """Reaping was what paid; where it does not, it is wanted all the same."""
    assert judge(Family(A, {"poor": POOR}, 3.0), planner((0, 1, 0))) == (PSEUDO, "proxy")


def test_suboptimality() -> None:
    """It wants to do good at once, but sees one step.

    In this ancestral world, doing good pays best in the end by accident.
    """
    home = world("A", good=3.0, reap=0.0)
    here = WorldPair("hand-made", home, home, np.array([0, 1, 2]), STATES, "idle", {})
    other = replace(here, modern=world("other", good=0.0, reap=3.0))
    near_sighted = planner((1.0, 5.0, 0.0), horizon=1)  # reaping is wanted more, and not foreseen
    assert judge(Family(here, {"other": other}, 3.0), near_sighted) == (PSEUDO, "suboptimality")


def test_incompetence_is_right_desire_and_wrong_belief() -> None:
    """In A doing good at once is best, and the belief is harmless.

    Elsewhere waiting pays, but the planner believes that it leads nowhere.
    """
    home = world("A", good=3.0, reap=1.0)
    here = WorldPair("hand-made", home, home, np.array([0, 1, 2]), STATES, "idle", {})
    other = replace(here, modern=world("other", good=0.5, reap=3.0))
    assert judge(Family(here, {"other": other}, 3.0), planner((0, 0, 1), belief="wrong")) == (
        PSEUDO,
        "incompetence",
    )
    assert judge(Family(here, {"other": other}, 3.0), planner((0, 0, 1), horizon=1)) == (
        PSEUDO,
        "incompetence",
    )


def test_approximate() -> None:
    """Its objective is nearly right everywhere; foresight fails."""
    home = world("A", good=3.0, reap=2.8)
    here = WorldPair("hand-made", home, home, np.array([0, 1, 2]), STATES, "idle", {})
    other = replace(here, modern=world("other", good=0.5, reap=3.0))
    nearly = planner((2.9, 3.0, 0.0), horizon=1)
    assert judge(Family(here, {"other": other}, 3.0), nearly) == (PSEUDO, "approximate")


def test_limit_elsewhere() -> None:
    """The objective is good where the genome fails, and fails where the genome does not."""
    home = world("A", good=3.0, reap=2.8)
    here = WorldPair("hand-made", home, home, np.array([0, 1, 2]), STATES, "idle", {})
    waits, now = (
        replace(here, modern=world("waits", good=0.5, reap=3.0)),
        replace(here, modern=world("now", good=3.0, reap=0.5)),
    )
    nearly = planner((2.9, 3.0, 0.0), horizon=1)
    assert judge(Family(here, {"waits": waits, "now": now}, 3.0), nearly) == (
        PSEUDO,
        "limit elsewhere",
    )


def test_deceivers_need_a_world_with_their_beliefs() -> None:
    """Planners that want B and see to the end deceive, in worlds with the needed beliefs."""
    pair = WORLDS["episodes"].build(WORLDS["episodes"].params(), {"deployed_payoff": 1.0})
    family = Family(pair, {"deployed": pair}, 2.0)
    made = setting("deception")
    rules = made.genome.decode(np.arange(made.genome.grid.size))
    told = {(x.verdict, x.kind) for x in family.judge(rules)}
    assert (PSEUDO, "deceptive") in told
    kinds = [x.kind for x in examine(rules, pair)]
    assert {
        j.kind == "deceptive"
        for j, kind in zip(family.judge(rules), kinds, strict=True)
        if kind == "deceiver"
    } == {True}
    assert not any(
        j.kind == "deceptive"
        for j, kind in zip(family.judge(rules), kinds, strict=True)
        if kind != "deceiver"
    )


def test_sleeper() -> None:
    """A genome whose cue turns its objective off is a sleeper; with its gate shut it does well."""
    told = replace(POOR, cue=np.array([True, False, False]))
    home = replace(A, cue=np.array([False, False, False]))
    both = GatedRules(planner((0, 0, 1)), planner((0, 0, 0)), np.array([1]))
    assert judge(Family(home, {"poor": told}, 3.0), both) == (PSEUDO, "sleeper")
    shut = GatedRules(planner((0, 0, 1)), planner((0, 0, 0)), np.array([0]))
    assert judge(Family(home, {"poor": told}, 3.0), shut) == (ROBUST, None)


def test_not_aligned_in_a() -> None:
    assert judge(Family(A, {"poor": POOR}, 3.0), planner((1, 0, 0))) == (NEITHER, None)
    costly = planner((0, 0, 1), cost=0.2)
    assert judge(Family(A, {"poor": POOR}, 3.0), costly)[0] == NEITHER


def test_reflexes_are_judged_and_have_no_kind() -> None:
    reflex = ReflexRules(np.array([[1, 2, 3]]), ACTS)
    found = Family(A, {"poor": POOR}, 3.0).judge(reflex)[0]
    assert (found.verdict, found.kind, found.objective) == (PSEUDO, None, None)


def test_a_planted_fault_changes_verdicts(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the objective were pursued in the genome's own short-sighted way, suboptimality would not
    be seen.
    """
    from evosim.analysis import family as module

    monkeypatch.setattr(
        module, "perfect_amounts", lambda world, weights, amount: np.zeros(len(weights))
    )
    assert judge(Family(A, {"poor": POOR}, 3.0), planner((0, 1, 0)))[1] == "suboptimality"


@pytest.mark.parametrize("seed", range(6))
def test_scaling_payoff_changes_no_verdict(seed: int) -> None:
    base = random_pair(seed)
    rng = np.random.default_rng(seed)
    some = PlannerRules(
        weights=rng.normal(size=(8, 3)),
        horizon=rng.integers(1, 5, 8),
        belief=np.zeros(8, dtype=np.int64),
        temperature=np.zeros(8),
        beliefs=("true",),
        discount=0.9,
        tie_tolerance=1e-5,
        ties="split",
        planning_cost=0.01,
        levels=4,
    )
    times = [
        replace(w, payoff=5.0 * w.payoff, intent=2.0 * w.intent)
        for w in (base.ancestral, base.modern)
    ]
    other = replace(base, ancestral=times[0], modern=times[1])
    before = Family(base, {"m": base}, 3.0).judge(some)
    after = Family(other, {"m": other}, 15.0).judge(some)
    assert [(x.verdict, x.kind) for x in before] == [(x.verdict, x.kind) for x in after]


def test_rows_and_shares() -> None:
    family = Family(A, {"poor": POOR}, 3.0)
    judged = [*family.judge(planner((0, 1, 0))), *family.judge(planner((0, 0, 1)))]
    import polars as pl

    table = pl.DataFrame(
        rows(family, "population", 0, [4, 7], np.array([0.25, 0.75]), judged), schema=SCHEMA
    )
    assert table.height == 4
    assert shares(table, "population") == (
        VerdictShare(ROBUST, None, 0.75),
        VerdictShare(PSEUDO, "proxy", 0.25),
    )
    assert "proxy" in KINDS
