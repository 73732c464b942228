"""Rounding is no difference, added constants change no share, unreached states do not count."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from evosim.analysis import capability, deception, detectors, revealed_objectives, terminology
from evosim.analysis.behaviour import Gaps, NoSpan, gaps_of, ledger_of
from evosim.analysis.class_values import Evaluation, LifetimeAmounts
from evosim.analysis.family import Member
from evosim.analysis.ladder import near_best
from evosim.analysis.planner_causes import causes_of
from evosim.errors import UserError
from evosim.fitness.scorer import Scorer
from evosim.genomes import PlannerRules
from evosim.reference import dynamic_programming
from evosim.reference.dynamic_programming import (
    Span,
    extreme_values,
    lifetime,
    occupancy,
    plan,
    span_of,
    spans_of,
)
from evosim.reference.selection import margin
from evosim.worlds import TabularMdp, WorldPair
from tests.support.random_worlds import random_pair, random_policy


def constant(world: TabularMdp, amount: float) -> TabularMdp:
    """The world with one payoff for every act."""
    return replace(world, payoff=np.where(world.available, amount, 0.0))


def conduct(world: TabularMdp, seed: int) -> Evaluation:
    done = occupancy(world, random_policy(world, seed))
    return Evaluation(
        done,
        LifetimeAmounts(
            float((done * world.payoff).sum()), float((done * world.intent).sum()), 1.0
        ),
    )


def modern_kinds(pair: WorldPair, seed: int = 0) -> dict[str, float]:
    """The modern ledger of a random policy, by kind."""
    ledger = ledger_of(gaps_of(pair), conduct(pair.ancestral, seed), conduct(pair.modern, seed))
    return {kind: float(table.sum()) for kind, table in ledger.modern.items()}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("amount", [0.1, 1 / 3, -0.7, 1e6, 0.0])
def test_all_is_misspecified_where_payoff_is_constant(seed: int, amount: float) -> None:
    pair = random_pair(seed)
    pair = replace(pair, modern=constant(pair.modern, amount))
    kinds = modern_kinds(pair)
    best = extreme_values(pair.modern, pair.modern.intent)[0][0]
    lost = float(pair.modern.start @ best) - conduct(pair.modern, 0).amounts.intent
    assert kinds.pop("misspecified") == pytest.approx(lost, abs=1e-12)
    assert set(kinds.values()) == {0.0}


def test_without_the_size_rounding_passes_for_a_span(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault: a span of any width."""
    monkeypatch.setattr(Span, "width", property(lambda self: self.best - self.worst))
    pairs = [
        replace(random_pair(seed), modern=constant(random_pair(seed).modern, 0.1))
        for seed in range(6)
    ]
    assert any(
        sum(abs(x) for kind, x in modern_kinds(pair).items() if kind != "misspecified") > 0.01
        for pair in pairs
    )


def test_amounts_that_cancel_leave_no_span() -> None:
    """Payoffs of a million, by which every life gets zero, to rounding."""
    world = random_pair(1).modern
    rng = np.random.default_rng(0)
    potential = 1e6 * rng.random(len(world.states))
    last = np.eye(len(world.states))[0]
    home = replace(world, transitions=np.where(world.available[:, :, None], last, 0.0))
    home = replace(home, payoff=np.where(home.available, (potential[0] - potential)[:, None], 0.0))
    span = span_of(home, home.payoff)
    assert span.width == 0.0
    assert span.size <= 1e7
    with pytest.raises(NoSpan, match="same payoff"):
        gaps_of(replace(random_pair(1), ancestral=home, modern=home))


def test_no_share_is_made_of_rounding() -> None:
    world = constant(random_pair(3).modern, 0.1)
    policy = random_policy(world, 0)
    with pytest.raises(UserError, match="each policy gets"):
        deception.lost(world, occupancy(world, policy), world.payoff)
    assert np.isnan(capability.share_of_span(world, policy, world.payoff))
    assert revealed_objectives.regret_share(world, policy, world.payoff) == 0.0
    assert detectors.goal_directedness(world, policy, world.payoff) == 0.0
    pair = replace(random_pair(3), modern=world)
    member = Member.of("constant", pair, world, world.payoff)
    assert member.goodness(lifetime(world, policy, world.payoff)) == 1.0
    assert revealed_objectives.misranking(world, world.payoff, world.intent) == 1.0


@pytest.mark.parametrize("seed", range(8))
def test_the_span_is_that_of_backward_induction(seed: int) -> None:
    for world in (random_pair(seed).ancestral, random_pair(seed).modern):
        for amount in (world.payoff, world.intent - 0.7 * world.available):
            span = span_of(world, amount)
            ends = [
                float(world.start @ extreme_values(world, amount, worst=low)[0][0])
                for low in (True, False)
            ]
            assert (span.worst, span.best) == pytest.approx(ends, abs=1e-13)
            assert span.size == pytest.approx(
                float(world.start @ extreme_values(world, np.abs(amount))[0][0]), abs=1e-13
            )
            assert span.size >= max(abs(span.worst), abs(span.best)) - 1e-12


# A constant added to payoff: every life gets `lifespan` times as much more.


def with_constant(pair: WorldPair, amount: float) -> WorldPair:
    def more(world: TabularMdp) -> TabularMdp:
        add = np.where(world.available, amount, 0.0)
        return replace(world, payoff=world.payoff + add, intent=world.intent + add)

    return replace(pair, ancestral=more(pair.ancestral), modern=more(pair.modern))


def genomes_of(pair: WorldPair, n: int = 60) -> pl.DataFrame:
    """Random policies of a pair as a made-up landscape, some twice."""
    seeds = [*range(n), *range(5)]
    rows = [
        (conduct(pair.ancestral, seed).amounts.payoff, conduct(pair.modern, seed).amounts.intent)
        for seed in seeds
    ]
    return pl.DataFrame(rows, schema=["ancestral", "modern_intent"], orient="row").with_row_index(
        "class"
    )


def facts_of(pair: WorldPair) -> dict[str, object]:
    """Near ties, shares and the number of good genomes in M, as in an account."""
    table, spans = genomes_of(pair), spans_of(pair)
    best = float(table["modern_intent"].max())  # type: ignore[arg-type]
    close = {
        tolerance: near_best(table, tolerance, spans["ancestral"])["class"].to_list()
        for tolerance in (0.0, 0.01, 0.05, 0.3)
    }
    shares = [spans["modern_intent"].share_of(best, value) for value in table["modern_intent"]]
    return {
        "close": close,
        "shares": shares,
        "good": terminology.ancestral_optima(min(shares), max(shares)),
    }  # type: ignore[type-var]


@pytest.mark.parametrize("amount", [5.0, -1.0, -40.0])
def test_a_constant_changes_no_share_and_no_tie(amount: float) -> None:
    plain, shifted = facts_of(random_pair(4)), facts_of(with_constant(random_pair(4), amount))
    assert len(plain["close"][0.3]) > len(plain["close"][0.0]) >= 1  # type: ignore[index]
    assert shifted["close"] == plain["close"]
    assert shifted["shares"] == pytest.approx(plain["shares"], abs=1e-9)
    assert shifted["good"] == plain["good"] == "some"


def test_ratios_to_the_best_would_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault: shares of the best as plain ratios, which invert where the best is
    negative.
    """
    monkeypatch.setattr(Span, "share_of", lambda self, best, value: value / best)
    monkeypatch.setattr(
        "evosim.analysis.ladder.margin", lambda best, tolerance, span: tolerance * abs(best)
    )
    plain, shifted = facts_of(random_pair(4)), facts_of(with_constant(random_pair(4), -40.0))
    assert shifted["close"] != plain["close"]
    assert shifted["shares"] != pytest.approx(plain["shares"], abs=0.1)
    assert shifted["good"] != plain["good"]


def test_good_is_by_share_and_not_defined_without_one() -> None:
    assert [
        terminology.ancestral_optima(*ends) for ends in ((0.9, 1.0), (0.89, 0.9), (0.1, 0.89))
    ] == ["all", "some", "none"]
    assert terminology.ancestral_optima(None, None) == "not defined"
    span = Span(1.2, 2.0, 2.0)
    assert span.share_of(1.1, 0.66) is None
    assert span.as_good(1.1, 1.1)
    assert not span.as_good(1.1, 0.66)
    assert Span(2.0, 2.0 + 1e-15, 2.0).share_of(2.0 + 1e-15, 2.0) is None


def test_ties_at_zero_are_ties() -> None:
    """Where the best gets zero, sums of larger amounts differ from it by rounding."""
    span = Span(-3.0, 0.0, 3.0)
    table = pl.DataFrame({"ancestral": [1e-17, -4e-16, 0.0, -1e-6]})
    assert near_best(table, 0.0, span).height == 3
    assert margin(0.0, 0.0, span) == pytest.approx(3e-12)


# States that no life can come to.


def with_a_state_out_of_reach(world: TabularMdp, amount: float) -> TabularMdp:
    """The world with one more state, which leads into it and from which nothing comes back."""
    s, a = world.available.shape

    def grown(table: np.ndarray, extra: float) -> np.ndarray:
        return np.concatenate([table, np.full((1, *table.shape[1:]), extra, dtype=table.dtype)])

    transitions = np.zeros((s + 1, a, s + 1))
    transitions[:s, :, :s] = world.transitions
    transitions[s, :, 0] = 1.0
    beliefs = {}
    for name, table in world.beliefs.items():
        if name != "true":
            beliefs[name] = transitions.copy()
            beliefs[name][:s, :, :s] = table
    return replace(
        world,
        states=(*world.states, "nowhere"),
        available=grown(world.available, True),
        transitions=transitions,
        beliefs=beliefs,
        payoff=grown(world.payoff, amount),
        intent=grown(world.intent, -amount),
        features_felt=grown(world.features_felt, amount),
        start=np.append(world.start, 0.0),
    )


def rules(seed: int) -> PlannerRules:
    rng = np.random.default_rng(seed)
    return PlannerRules(
        weights=rng.normal(size=(4, 3)),
        horizon=np.array([1, 2, 3, 7]),
        belief=np.zeros(4, dtype=np.int64),
        temperature=np.array([0.0, 0.0, 0.0, 0.3]),
        beliefs=("true",),
        discount=0.9,
        tie_tolerance=1e-5,
        ties="split",
        planning_cost=0.0,
        levels=7,
    )


@pytest.mark.slow
@pytest.mark.parametrize("amount", [1e6, 1e12])
@pytest.mark.parametrize("seed", range(3))
def test_states_out_of_reach_have_no_influence(seed: int, amount: float) -> None:
    pair = random_pair(seed)
    small = replace(pair, ancestral=pair.modern)
    far = with_a_state_out_of_reach(pair.modern, amount)
    large = replace(pair, ancestral=far, modern=far, observe=np.append(pair.observe, 0))
    assert not far.in_reach[-1]
    assert far.in_reach[:-1].all() == pair.modern.in_reach.all()
    some = rules(seed)
    for i in range(3):
        policies = [
            plan(world, some.weights[i], int(some.horizon[i]), discount=0.9)
            for world in (small.modern, far)
        ]
        np.testing.assert_array_equal(policies[0], policies[1][:, :-1])
    scores = [Scorer(made.modern, made).score(some) for made in (small, large)]
    np.testing.assert_allclose(scores[0].payoff, scores[1].payoff, rtol=0, atol=1e-12)
    causes = [causes_of(some, world, world.intent) for world in (small.modern, far)]
    assert causes[0] is not None
    assert causes[1] is not None
    for one, other in zip(causes[0], causes[1], strict=True):
        assert other.parts == pytest.approx(one.parts, abs=1e-9)
    spans = [spans_of(made) for made in (small, large)]
    for name, span in spans[0].items():
        assert vars(spans[1][name]) == pytest.approx(vars(span), abs=1e-12)
    gaps: list[Gaps] = [gaps_of(made) for made in (small, large)]
    for name in ("misspecified", "novel", "missed", "stale", "exposed"):
        np.testing.assert_allclose(
            getattr(gaps[1], name)[:, :-1], getattr(gaps[0], name), atol=1e-9
        )


def test_tolerances_of_all_states_would_see_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault: the largest amount is taken over states out of reach too."""
    monkeypatch.setattr(
        dynamic_programming,
        "largest_amount",
        lambda world, amount: float(np.abs(amount[world.available]).max()),
    )
    world = random_pair(0).modern
    far = with_a_state_out_of_reach(world, 1e6)
    policies = [plan(here, np.ones(3), 3) for here in (world, far)]
    assert not np.array_equal(policies[0], policies[1][:, :-1])
