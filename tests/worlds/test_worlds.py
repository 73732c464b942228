"""Worlds: what a table must obey, and the contract that every world of the catalogue keeps."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from evosim import testing
from evosim.reference.dynamic_programming import lifetime
from evosim.testing import check_world
from evosim.worlds import WORLDS, Entry, InvalidWorld, TabularMdp, WorldPair
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


def test_no_chance_of_death_is_a_world(world: TabularMdp) -> None:
    """Rounding must not make a chance negative, nor something possible that is not."""
    for changes in ({"death": 0.0}, {"death": 0.0, "starving_death": 0.0}):
        pair = WORLDS["savanna"].build(WORLDS["savanna"].params(**changes), {})
        fed = pair.ancestral.states.index("e5.p0.s0")
        assert pair.ancestral.transitions[fed, pair.ancestral.acts.index("rest"), -1] == 0.0


def test_a_class_that_nobody_is_in_has_the_default_act() -> None:
    pair = WORLDS["savanna"].build(WORLDS["savanna"].params(low_energy=9), {})
    assert pair.options()["high energy, alone, free"] == ("rest",)


@pytest.mark.parametrize("name", sorted(WORLDS))
def test_contract(name: str) -> None:
    """What evosim asks of anybody's world."""
    assert check_world(WORLDS[name], modern=WORLDS[name].example_swap).name == name


@dataclasses.dataclass(frozen=True)
class Undocumented:
    lifespan: int = 3


def broken(**changes: Any) -> Entry:
    """Micro, whose `build` forgets something."""
    micro = WORLDS["micro"]
    return dataclasses.replace(micro, **changes)


def forgets(change: Any) -> Any:
    return lambda params, modern: change(WORLDS["micro"].build(params, modern))


def careless(params: Any, modern: Any) -> WorldPair:
    """Takes what it is given where the catalogue's would refuse."""
    try:
        return WORLDS["micro"].build(params, modern)
    except InvalidWorld:
        return WORLDS["micro"].build(WORLDS["micro"].params(), {})


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (broken(params=Undocumented), "Undocumented.lifespan must have a unit, but has none"),
        (
            broken(
                build=forgets(
                    lambda pair: dataclasses.replace(
                        pair, modern=dataclasses.replace(pair.modern, payoff=pair.modern.payoff / 2)
                    )
                )
            ),
            "differ in payoff",
        ),
        (broken(build=careless), "must refuse lifespan = 0, which is out of range, but takes it"),
        (
            broken(build=forgets(lambda pair: dataclasses.replace(pair, serves={}))),
            "serves must have an entry for every feature",
        ),
        (
            broken(
                build=forgets(
                    lambda pair: dataclasses.replace(
                        pair,
                        **{
                            w: dataclasses.replace(getattr(pair, w), beliefs={})
                            for w in ("ancestral", "modern")
                        },
                    )
                )
            ),
            "must offer the belief 'ancestral'",
        ),
    ],
)
def test_the_contract_notices(entry: Entry, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        check_world(entry)


def test_the_contract_notices_values_that_are_not_the_reference_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        testing, "lifetime", lambda world, policy, amount: lifetime(world, policy, amount) + 1e-6
    )
    with pytest.raises(
        AssertionError, match="kernels and reference code must agree on a life's payoff in micro"
    ):
        check_world(WORLDS["micro"])
