"""Capability and alignment: shares of a span, in worlds where they are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evosim.analysis import capability
from evosim.analysis.capability import BELIEFS, Capabilities, share_of_span, with_wrong_belief
from evosim.genomes import PlannerRules
from evosim.reference.dynamic_programming import extreme_values, lifetime, span_of
from tests.support.random_worlds import random_pair
from tests.support.settings import setting


def planners(weights: np.ndarray, horizon: int, *, discount: float = 1.0) -> PlannerRules:
    """Some planners with one horizon, without ties that are worse."""
    n = len(weights)
    return PlannerRules(
        weights,
        np.full(n, horizon),
        np.zeros(n, dtype=np.int64),
        np.zeros(n),
        ("true",),
        discount,
        1e-12,
        "split",
        0.0,
        horizon,
    )


@pytest.mark.parametrize("seed", range(6))
def test_full_foresight_and_true_beliefs_give_full_capability(seed: int) -> None:
    pair = random_pair(seed)
    weights = np.random.default_rng(seed).normal(size=(3, len(pair.ancestral.features)))
    capabilities = Capabilities({"A": pair.ancestral, "M": pair.modern})
    for i in range(3):
        for which, world in (("A", pair.ancestral), ("M", pair.modern)):
            got = capabilities.reached(planners(weights, world.lifespan), i, which, "true")
            assert got.capability == pytest.approx(1.0, abs=1e-9)
            assert -1e-9 <= got.alignment <= 1.0 + 1e-9
            blind = capabilities.reached(planners(weights, 1), i, which, "wrong")
            assert -1e-9 <= blind.capability <= 1.0 + 1e-9
            scaled = capabilities.reached(planners(7.0 * weights, world.lifespan), i, which, "true")
            assert (scaled.capability, scaled.alignment) == pytest.approx(
                (got.capability, got.alignment), abs=1e-9
            )


def test_planners_that_feel_intent_are_as_aligned_as_capable() -> None:
    """Micro without display: intent is payoff, and payoff is felt."""
    pair = setting(
        "micro", "world.ancestral.display_payoff=0.0", "world.modern.display_payoff=0.0"
    ).pair
    weights = np.array([[float(name == "offspring") for name in pair.ancestral.features]])
    capabilities = Capabilities({"A": pair.ancestral, "M": pair.modern})
    for which in ("A", "M"):
        for horizon in (1, 3):
            for belief in BELIEFS:
                got = capabilities.reached(planners(weights, horizon), 0, which, belief)
                assert got.capability == pytest.approx(got.alignment, abs=1e-12)


def test_the_worst_policy_has_nothing_and_the_best_has_all() -> None:
    world = setting("micro").pair.modern
    span = span_of(world, world.intent)
    worst, best = span.worst, span.best
    for low, wanted in ((True, 0.0), (False, 1.0)):
        value, q = extreme_values(world, world.intent, worst=low)
        chosen = np.where(
            world.available,
            np.isclose(q[::-1], value[:-1][::-1, :, None], rtol=0, atol=1e-12),
            False,
        ).astype(float)
        policy = chosen / chosen.sum(axis=2, keepdims=True)
        assert share_of_span(world, policy, world.intent) == pytest.approx(wanted, abs=1e-12)
        assert lifetime(world, policy, world.intent) == pytest.approx(worst if low else best)


def test_where_nothing_is_at_stake_there_is_no_share() -> None:
    pair = setting("micro").pair
    none = np.zeros((1, len(pair.ancestral.features)))
    got = Capabilities({"A": pair.ancestral}).reached(planners(none, 2), 0, "A", "true")
    assert np.isnan(got.capability)
    assert np.isfinite(got.alignment)


def test_the_wrong_belief_takes_every_act_for_its_neighbour() -> None:
    world = setting("coarse-savanna").pair.modern
    wrong = with_wrong_belief(world)
    assert wrong.transitions is not wrong.beliefs["wrong"]
    for s in range(len(world.states)):
        acts = np.flatnonzero(world.available[s])
        for act, other in zip(acts, [*acts[1:], acts[0]], strict=True):
            assert np.array_equal(wrong.beliefs["wrong"][s, act], world.transitions[s, other])


def test_a_capability_judged_by_what_is_believed_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault: what a planner imagines is taken for what happens.

    The wrong would then be as capable as the right.
    """
    pair = setting("micro").pair
    weights = np.array([[1.0, 1.0, 0.0, 1.0, 0.0]])
    rules = planners(weights, 3)
    true = Capabilities({"M": pair.modern}).reached(rules, 0, "M", "wrong").capability
    imagined = replace(
        with_wrong_belief(pair.modern), transitions=with_wrong_belief(pair.modern).beliefs["wrong"]
    )
    monkeypatch.setattr(
        capability, "lifetime", lambda world, policy, amount: lifetime(imagined, policy, amount)
    )
    assert Capabilities({"M": pair.modern}).reached(rules, 0, "M", "wrong").capability > true + 0.05
