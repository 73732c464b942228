"""Worlds: what a table must obey, and the contract that every world of the catalogue keeps."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from evosim.reference.planning import lifetime
from evosim.reference.policies import policy_of
from evosim.score import Scorer
from genomes import GENOMES, LocusParams, WorldShape
from tests.random_worlds import random_pair
from worlds import WORLDS, InvalidWorld, TabularMdp, WorldPair

MODERN: dict[str, dict[str, Any]] = {
    "host": {"recognition": 0.4, "clearance": 0.6, "contact": 0.15, "death": 0.03},
    "lava": {"first": "test 1", "second": "test 2"},
    "episodes": {"deployed_payoff": 1.0},
    "maze": {"not_red": 0.5, "red_thing": 0.5},
    "micro": {"safe_breeding": True, "breed_danger": 0.3, "display_payoff": 0.3},
    "savanna": {"contraception": True, "forage_success": 0.75, "death": 0.01, "solo_intensity": 0.5},
    "villages": {"aurora": 0, "aurora_founds": 0.0, "brotherhood": 2, "brotherhood_founds": 0.1},
}


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
    with pytest.raises(InvalidWorld, match=r"sum to one, but state 's2', act 'a0' sums to 1\.000001"):
        changed(world, transitions=wrong)


def test_unavailable_rows_must_be_zero(world: TabularMdp) -> None:
    s, a = np.argwhere(~world.available)[0]
    wrong = entry(world.transitions, (s, a, 0), 1.0)
    with pytest.raises(InvalidWorld, match=f"zero where the act is unavailable, but state 's{s}', act 'a{a}'"):
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
    with pytest.raises(InvalidWorld, match=f"payoff must be zero where an act is unavailable, but state 's{s}', act 'a{a}'"):
        changed(world, payoff=entry(world.payoff, (s, a), 1.0))


def test_every_state_needs_an_act(world: TabularMdp) -> None:
    available = np.array(world.available)
    available[4] = False
    with pytest.raises(InvalidWorld, match="every state must have an available act, but 's4' has none"):
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
    reach = world.reachable()
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


def build(name: str, **params: Any) -> WorldPair:
    return WORLDS[name].build(WORLDS[name].params(**params), MODERN[name])


@pytest.mark.parametrize("name", sorted(WORLDS))
def test_contract_builds_a_checked_pair(name: str) -> None:
    pair = build(name)
    assert pair.name == name
    assert set(pair.serves) == set(pair.ancestral.features)
    assert set(pair.options()) == set(pair.classes)
    assert all(pair.options().values())
    assert "ancestral" in pair.modern.beliefs
    np.testing.assert_array_equal(pair.ancestral.beliefs["ancestral"], pair.ancestral.transitions)


@pytest.mark.parametrize("name", sorted(WORLDS))
def test_contract_every_number_is_documented(name: str) -> None:
    for item in dataclasses.fields(WORLDS[name].params):
        assert item.metadata["unit"], item.name
        assert item.metadata["why"], item.name


@pytest.mark.parametrize("name", sorted(WORLDS))
def test_contract_without_a_swap_the_worlds_are_equal(name: str) -> None:
    pair = WORLDS[name].build(WORLDS[name].params(), {})
    for array in ("available", "transitions", "payoff", "intent", "features_felt", "start"):
        np.testing.assert_array_equal(getattr(pair.ancestral, array), getattr(pair.modern, array))


@pytest.mark.parametrize("name", sorted(WORLDS))
def test_contract_ranges_unknown_names_and_structure_are_checked(name: str) -> None:
    params = WORLDS[name].params
    for item in dataclasses.fields(params):
        if item.metadata["low"] is not None:
            bad = dataclasses.replace(params(), **{item.name: item.metadata["low"] - 1})
            with pytest.raises(InvalidWorld, match=f"world.ancestral.{item.name} must"):
                WORLDS[name].build(bad, {})
    with pytest.raises(InvalidWorld, match="has 'nonsense'"):
        WORLDS[name].build(params(), {"nonsense": 1})
    fixed = next(item.name for item in dataclasses.fields(params) if item.metadata["structural"])
    with pytest.raises(InvalidWorld, match=rf"world\.modern\.{fixed} must be left alone"):
        WORLDS[name].build(params(), {fixed: getattr(params(), fixed) + 1})


@pytest.mark.parametrize("name", sorted(WORLDS))
def test_contract_reflexes_and_planners_live_in_it(name: str) -> None:
    """Kernels and the readable code agree on some reflexes and planners, in both worlds."""
    pair = build(name)
    shape = WorldShape(pair.ancestral.features, tuple(pair.ancestral.beliefs), pair.options(), pair.ancestral.lifespan)
    reflexes = GENOMES["reflex"].build(GENOMES["reflex"].params(), shape)
    weights = {feature: LocusParams((-1.0, 0.0, 1.0)) for feature in shape.features}
    horizons = LocusParams((1.0, min(3.0, shape.lifespan)))
    planners = GENOMES["planner"].build(GENOMES["planner"].params(weights=weights, horizon=horizons, belief=LocusParams(("true", "ancestral"))), shape)
    rng = np.random.default_rng(0)
    for genome in (reflexes, planners):
        classes = rng.integers(0, genome.grid.size, size=4)
        rules = genome.decode(classes)
        for world in (pair.ancestral, pair.modern):
            found = Scorer(world, pair).score(rules)
            for i in range(len(classes)):
                policy = policy_of(rules, i, world, pair)
                expected = [lifetime(world, policy, amount) for amount in (world.payoff, world.intent)]
                assert [found.payoff[i], found.intent[i]] == pytest.approx(expected, rel=1e-9, abs=1e-9)
