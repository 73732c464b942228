"""Tables of worlds: rules that the constructor checks, and sets of states."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from evosim.worlds import InvalidWorld, TabularMdp
from tests.support.random_worlds import random_pair


def changed(world: TabularMdp, **changes: Any) -> TabularMdp:
    return dataclasses.replace(world, **changes)


def entry(array: np.ndarray, index: tuple[int, ...], value: float) -> np.ndarray:
    out = np.array(array)
    out[index] = value
    return out


@pytest.fixture(scope="module")
def world() -> TabularMdp:
    return random_pair(3).ancestral


def test_rows_must_sum_to_one(world: TabularMdp) -> None:
    wrong = entry(world.transitions, (2, 0, 1), world.transitions[2, 0, 1] + 1e-6)
    with pytest.raises(
        InvalidWorld, match=r"sum to one, but state 's2', act 'a0' sums to 1\.000001"
    ):
        changed(world, transitions=wrong)


def test_unavailable_rows_must_be_zero(world: TabularMdp) -> None:
    s, a = np.argwhere(~world.available)[0]
    wrong = entry(world.transitions, (s, a, 0), 1.0)
    with pytest.raises(
        InvalidWorld, match=f"zero where the act is unavailable, but state 's{s}', act 'a{a}'"
    ):
        changed(world, transitions=wrong)


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.25])
def test_transitions_must_be_probabilities(world: TabularMdp, value: float) -> None:
    with pytest.raises(InvalidWorld, match="state 's1', act 'a0' to 's2'"):
        changed(world, transitions=entry(world.transitions, (1, 0, 2), value))


@pytest.mark.parametrize("name", ["payoff", "intent"])
def test_amounts_must_be_finite(world: TabularMdp, name: str) -> None:
    with pytest.raises(InvalidWorld, match=f"{name} must be finite, but state 's1', act 'a0'"):
        changed(world, **{name: entry(getattr(world, name), (1, 0), np.nan)})


def test_amounts_must_be_zero_where_unavailable(world: TabularMdp) -> None:
    s, a = np.argwhere(~world.available)[0]
    with pytest.raises(
        InvalidWorld,
        match=f"payoff must be zero where an act is unavailable, but state 's{s}', act 'a{a}'",
    ):
        changed(world, payoff=entry(world.payoff, (s, a), 1.0))


def test_every_state_needs_an_act(world: TabularMdp) -> None:
    available = np.array(world.available)
    available[4] = False
    with pytest.raises(
        InvalidWorld, match="every state must have an available act, but 's4' has none"
    ):
        changed(world, available=available)


def test_shapes_are_checked(world: TabularMdp) -> None:
    with pytest.raises(InvalidWorld, match=r"payoff must have shape \(6, 4\), but has \(6, 3\)"):
        changed(world, payoff=world.payoff[:, :3])


def test_start_must_be_a_distribution(world: TabularMdp) -> None:
    with pytest.raises(InvalidWorld, match="start must be a distribution"):
        changed(world, start=np.full(6, 0.2))


def test_names_must_differ(world: TabularMdp) -> None:
    with pytest.raises(InvalidWorld, match="state names must differ, but 's0' occurs twice"):
        changed(world, states=("s0", *world.states[:-1]))


def test_lifespan_must_be_positive(world: TabularMdp) -> None:
    with pytest.raises(InvalidWorld, match="lifespan must be at least 1"):
        changed(world, lifespan=0)


def test_beliefs_are_checked_like_transitions(world: TabularMdp) -> None:
    with pytest.raises(InvalidWorld, match="belief 'dream' must sum to one"):
        changed(world, beliefs={"dream": world.transitions * 0.5})


def test_arrays_cannot_be_changed(world: TabularMdp) -> None:
    with pytest.raises(ValueError, match="read-only"):
        world.payoff[0, 0] = 2.0


def test_pairs_must_share_their_acts() -> None:
    pair = random_pair(3)
    other = dataclasses.replace(pair.modern, acts=("b0", "b1", "b2", "b3"))
    with pytest.raises(InvalidWorld, match="must share their acts"):
        dataclasses.replace(pair, modern=other)


def test_default_act_must_be_everywhere() -> None:
    with pytest.raises(InvalidWorld, match="the default act 'a1' must be available everywhere"):
        dataclasses.replace(random_pair(3), default_act="a1")


def test_reach_is_what_some_policy_can_reach(world: TabularMdp) -> None:
    reach = world.reachable_by_age()
    assert not reach[:, -1].any()
    mass = world.start
    for t in range(world.lifespan):
        assert (reach[t] == (mass > 0)).all()
        uniform = world.available / world.available.sum(axis=1, keepdims=True)
        mass = np.einsum("s,sa,sax->x", mass, uniform, world.transitions)
