"""Total variation: its bracket against enumeration, its bounds, and the laws; each seen red with a
planted fault.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evosim.analysis import life_variation
from evosim.analysis.life_variation import (
    BoundBroken,
    Variation,
    coupled,
    enumerated,
    marginal,
    range_of,
    returns,
    trap,
)
from evosim.reference.dynamic_programming import lifetime, occupancy
from evosim.worlds import TabularMdp, WorldPair
from tests.support.altered_worlds import relabelled, split, with_idle_act
from tests.support.random_worlds import random_pair, random_policy
from tests.support.variation import lives

EXACT = 1e-10
SMALL = {"states": 3, "acts": 2, "lifespan": 4}


def policies(pair: WorldPair, seed: int) -> tuple[np.ndarray, np.ndarray]:
    return random_policy(pair.ancestral, seed, levels=2), random_policy(
        pair.modern, seed + 1000, levels=2
    )


def of(pair: WorldPair, a: np.ndarray, m: np.ndarray, most: int = 100_000) -> Variation:
    occupied = occupancy(pair.ancestral, a), occupancy(pair.modern, m)
    return life_variation.variation(
        pair.ancestral,
        pair.modern,
        (a, m),
        occupied,
        span=range_of(pair.ancestral, pair.modern),
        most=most,
    ).checked()


@pytest.mark.parametrize("seed", range(8))
def test_enumeration_is_the_sum_over_all_lives(seed: int) -> None:
    pair = random_pair(seed, **SMALL)
    a, m = policies(pair, seed)
    p, q = lives(pair.ancestral, a), lives(pair.modern, m)
    brute = 0.5 * sum(abs(p.get(life, 0.0) - q.get(life, 0.0)) for life in {*p, *q})
    assert enumerated(pair.ancestral, pair.modern, a, m) == pytest.approx(brute, abs=EXACT)


def test_the_bracket_holds_in_200_random_worlds() -> None:
    inside = 0
    for seed in range(200):
        pair = random_pair(seed, **SMALL)
        if seed % 2:  # a small shift: the bracket is not trivially wide
            pair = nudged(pair, seed)
        a, m = policies(pair, seed)
        if seed % 2:
            m = a
        found = of(pair, a, m)
        assert found.exact is not None
        inside += found.least - EXACT <= found.exact <= found.most + EXACT
    assert inside == 200


def nudged(pair: WorldPair, seed: int) -> WorldPair:
    """A modern world that is nearly the ancestral one."""
    other = np.random.default_rng(seed).dirichlet(
        np.ones(len(pair.ancestral.states)), size=pair.ancestral.available.shape
    )
    moves = 0.95 * pair.ancestral.transitions + 0.05 * other * pair.ancestral.available[:, :, None]
    return replace(pair, modern=replace(pair.ancestral, transitions=moves, beliefs={}))


def test_a_coupling_that_forgets_the_start_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = coupled
    monkeypatch.setattr(life_variation, "coupled", lambda a, m, x, y: whole(a, m, x, y) + 0.3)
    pair = random_pair(0, same=True, **SMALL)
    a, _ = policies(pair, 0)
    with pytest.raises(BoundBroken):
        of(pair, a, random_policy(pair.modern, 5, levels=2))


def test_a_total_variation_too_small_breaks_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """In worlds with one payoff nothing but the total variation makes up the bound."""
    whole = enumerated
    monkeypatch.setattr(life_variation, "enumerated", lambda *args: 0.01 * (whole(*args) or 0.0))
    monkeypatch.setattr(life_variation, "marginal", lambda a, m: 0.0)
    broken = 0
    for seed in range(60):
        pair = random_pair(seed, **SMALL)
        by_state = [
            replace(w, payoff=w.available * np.arange(3.0)[:, None])
            for w in (pair.ancestral, pair.modern)
        ]
        try:
            of(replace(pair, ancestral=by_state[0], modern=by_state[1]), *policies(pair, seed))
        except BoundBroken:
            broken += 1
    assert broken > 10


@pytest.mark.parametrize("seed", range(10))
def test_returns_are_those_of_the_best_and_worst_life(seed: int) -> None:
    pair = random_pair(seed, **SMALL)
    world = pair.modern
    every = np.where(world.available, 1.0, 0.0)
    policy = (every / every.sum(axis=1, keepdims=True))[None]
    sums = [
        sum(world.payoff[life[2 * t], life[2 * t + 1]] for t in range(world.lifespan))
        for life in lives(world, policy)
    ]
    assert returns(world, world.payoff) == pytest.approx((min(sums), max(sums)), abs=EXACT)


@pytest.mark.parametrize("seed", range(10))
def test_no_shift_is_no_variation(seed: int) -> None:
    pair = random_pair(seed, same=True, **SMALL)
    a, _ = policies(pair, seed)
    found = of(pair, a, a)
    assert (found.least, found.most, found.exact, found.difference) == pytest.approx(
        (0.0, 0.0, 0.0, 0.0), abs=EXACT
    )


@pytest.mark.parametrize("seed", range(10))
def test_laws(seed: int) -> None:
    """Relabelling, a split state or a useless act change nothing.

    Payoffs scale only range and difference.
    """
    pair = random_pair(seed, states=4, acts=3, lifespan=4)
    a, m = policies(pair, seed)
    before = of(pair, a, m)
    assert before.exact is not None
    rng = np.random.default_rng(seed)
    s, acts = rng.permutation(4), rng.permutation(3)
    others = {
        "relabelled": (
            replace(
                pair,
                ancestral=relabelled(pair.ancestral, s, acts),
                modern=relabelled(pair.modern, s, acts),
                observe=pair.observe[s],
            ),
            a[:, s][:, :, acts],
            m[:, s][:, :, acts],
        ),
        "split": (
            replace(
                pair,
                ancestral=split(pair.ancestral, 0.3),
                modern=split(pair.modern, 0.3),
                observe=np.append(pair.observe, 0),
            ),
            np.concatenate([a, a[:, :1]], axis=1),
            np.concatenate([m, m[:, :1]], axis=1),
        ),
        "idle act": (
            replace(
                pair, ancestral=with_idle_act(pair.ancestral), modern=with_idle_act(pair.modern)
            ),
            np.concatenate([a, np.zeros_like(a[..., :1])], axis=2),
            np.concatenate([m, np.zeros_like(m[..., :1])], axis=2),
        ),
    }
    for name, (other, x, y) in others.items():
        after = of(other, x, y)
        for field in ("least", "most", "exact", "range", "payoff_change", "difference"):
            assert getattr(after, field) == pytest.approx(getattr(before, field), abs=1e-9), (
                name,
                field,
            )
    scaled = replace(
        pair,
        ancestral=replace(pair.ancestral, payoff=3.0 * pair.ancestral.payoff),
        modern=replace(pair.modern, payoff=3.0 * pair.modern.payoff),
    )
    after = of(scaled, a, m)
    assert (after.range, after.difference, after.bound) == pytest.approx(
        (3 * before.range, 3 * before.difference, 3 * before.bound)
    )
    assert (after.least, after.most, after.exact) == pytest.approx(
        (before.least, before.most, before.exact)
    )


@pytest.mark.parametrize("seed", range(6))
def test_equal_behaviour_has_equal_variation(seed: int) -> None:
    """Choices in states that neither world reaches change nothing; choices in reached ones do."""
    pair = random_pair(seed, states=5, acts=3, lifespan=4)
    shut = [
        replace(w, transitions=_without(w, 4), start=_at_home(w.start, 4), beliefs={})
        for w in (pair.ancestral, pair.modern)
    ]
    pair = replace(pair, ancestral=shut[0], modern=shut[1])
    a, m = policies(pair, seed)
    other = [x.copy() for x in (a, m)]
    for x, world in zip(other, shut, strict=True):
        x[:, 4] = np.eye(3)[int(np.flatnonzero(world.available[4])[-1])]
    before, after = of(pair, a, m), of(pair, other[0], other[1])
    for field in ("least", "most", "exact", "range", "payoff_change", "difference"):
        assert getattr(after, field) == pytest.approx(getattr(before, field), abs=EXACT)
    other[0][:, 0] = np.eye(3)[int(np.flatnonzero(shut[0].available[0])[-1])]
    changed = of(pair, other[0], other[1])
    assert changed.exact != pytest.approx(before.exact, abs=1e-9) or shut[0].available[0].sum() == 1


def _without(world: TabularMdp, s: int) -> np.ndarray:
    """Transitions that never lead into a state, but from itself."""
    moves = world.transitions.copy()
    moves[:s, :, 0] += moves[:s, :, s]
    moves[:s, :, s] = 0.0
    return moves


def _at_home(start: np.ndarray, s: int) -> np.ndarray:
    out = start.copy()
    out[0], out[s] = out[0] + out[s], 0.0
    return out


def test_a_broken_relabelling_is_seen() -> None:
    """The laws can fail: states that are renamed in only one world are another shift."""
    seen = 0
    for seed in range(10):
        pair = random_pair(seed, states=4, acts=3, lifespan=4)
        a, m = policies(pair, seed)
        order = np.array([0, 2, 1, 3])
        other = replace(
            pair,
            modern=replace(
                relabelled(pair.modern, order, np.arange(3)), states=pair.ancestral.states
            ),
        )
        seen += abs((of(other, a, m[:, order]).exact or 0.0) - (of(pair, a, m).exact or 0.0)) > 1e-6
    assert seen > 3


def test_a_step_of_one_percent_is_not_one_percent_of_a_life() -> None:
    """The loss in the trap chain is far more than `steps * chance`."""
    steps, chance = 100, 0.01

    def world(p: float) -> TabularMdp:
        return TabularMdp(
            name="trap",
            states=("well", "trapped"),
            acts=("go",),
            features=(),
            lifespan=steps,
            available=np.ones((2, 1), dtype=bool),
            transitions=np.array([[[1 - p, p]], [[0.0, 1.0]]]),
            payoff=np.array([[1.0], [0.0]]),
            intent=np.array([[1.0], [0.0]]),
            features_felt=np.zeros((2, 1, 0)),
            start=np.array([1.0, 0.0]),
        )

    safe, trapped, policy = world(0.0), world(chance), np.ones((1, 2, 1))
    lost = lifetime(safe, policy, safe.payoff) - lifetime(trapped, policy, trapped.payoff)
    assert lost == pytest.approx(trap(steps, chance), abs=1e-9)
    assert lost == pytest.approx(36.603, abs=5e-4)
    apart = enumerated(safe, trapped, policy, policy)
    assert apart == pytest.approx(1 - 0.99**99, abs=1e-12)
    assert lost <= steps * apart + 1e-9
    assert lost > steps * chance  # the limit if 1% per step were 1% per life


def test_too_many_lives_are_not_enumerated() -> None:
    pair = random_pair(0, states=6, acts=4, lifespan=7)
    assert enumerated(pair.ancestral, pair.modern, *policies(pair, 0), most=10) is None
    assert marginal(np.zeros((2, 2, 2)), np.zeros((2, 2, 2))) == 0.0
