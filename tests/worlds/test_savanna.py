"""Savanna against a second implementation, written from its docstring alone by other hands."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from evosim.worlds import WORLDS, WorldPair
from evosim.worlds.savanna import Savanna, build
from tests.support import savanna_twin as twin


def random_params(seed: int) -> Savanna:
    rng = np.random.default_rng(seed)
    changes: dict[str, object] = {}
    for item in dataclasses.fields(Savanna):
        default = item.default
        if isinstance(default, bool):
            changes[item.name] = bool(rng.random() < 0.5)
        elif item.metadata["high"] == 1.0:
            changes[item.name] = float(rng.choice([0.0, 1.0, *rng.random(4)]))
        elif isinstance(default, int):
            changes[item.name] = int(rng.integers(item.metadata["low"], 4))
        else:
            changes[item.name] = float(2 * rng.random())
    changes["energy_max"] = int(changes["energy_max"]) + 3  # type: ignore[call-overload]
    return Savanna(**changes)  # type: ignore[arg-type]


def compare(params: Savanna, modern: dict[str, object]) -> None:
    pair: WorldPair = build(params, modern)
    before = dataclasses.asdict(params)
    after = before | modern
    for world, p in ((pair.ancestral, before), (pair.modern, after)):
        assert list(world.states) == twin.state_names(p)
        assert set(world.acts) == set(twin.ACTS)
        assert list(world.features) == list(twin.FEATURES)
        born = twin.birth(p)
        assert {s: v for s, v in zip(world.states, world.start, strict=True) if v} == born
        for s, state in enumerate(world.states):
            assert {
                a for a, ok in zip(world.acts, world.available[s], strict=True) if ok
            } == twin.available(p, state)
            assert pair.classes[pair.observe[s]] == twin.observation(p, state)
            for act in twin.available(p, state):
                a = world.acts.index(act)
                expected = {
                    "true": twin.outcomes(p, state, act),
                    "ancestral": twin.believed(before, p, state, act),
                }
                for belief, outcome in expected.items():
                    row = [outcome.get(name, 0.0) for name in world.states]
                    np.testing.assert_allclose(
                        world.beliefs[belief][s, a],
                        row,
                        atol=1e-14,
                        err_msg=f"{belief} {state} {act}",
                    )
                assert world.payoff[s, a] == pytest.approx(twin.payoff(p, state, act), abs=1e-15)
                assert world.intent[s, a] == pytest.approx(twin.intent(p, state, act), abs=1e-15)
                felt = twin.felt(p, state, act)
                np.testing.assert_allclose(
                    world.features_felt[s, a], [felt[f] for f in world.features], atol=1e-15
                )


@pytest.mark.slow
def test_the_default_pair() -> None:
    compare(Savanna(), WORLDS["savanna"].example_swap)


@pytest.mark.parametrize("seed", range(6))
def test_random_parameters(seed: int) -> None:
    compare(
        random_params(seed),
        {"contraception": True, "death": 0.07, "forage_success": 0.3, "appetite": 0.9},
    )


def test_a_slip_of_one_number_is_seen() -> None:
    slipped = dataclasses.replace(Savanna(), neglect=0.41)
    pair = build(slipped, {})
    outcome = twin.outcomes(dataclasses.asdict(Savanna()), "e3.p0.s5", "rest")
    row = pair.ancestral.transitions[
        pair.ancestral.states.index("e3.p0.s5"), pair.ancestral.acts.index("rest")
    ]
    assert not np.allclose(row, [outcome.get(name, 0.0) for name in pair.ancestral.states])


def test_no_chance_of_death_is_a_world() -> None:
    """Rounding must not make a probability negative, or the impossible possible."""
    for changes in ({"death": 0.0}, {"death": 0.0, "starving_death": 0.0}):
        pair = WORLDS["savanna"].build(WORLDS["savanna"].params(**changes), {})
        fed = pair.ancestral.states.index("e5.p0.s0")
        assert pair.ancestral.transitions[fed, pair.ancestral.acts.index("rest"), -1] == 0.0


def test_a_class_without_states_has_the_default_act() -> None:
    pair = WORLDS["savanna"].build(WORLDS["savanna"].params(low_energy=9), {})
    assert pair.options()["high energy, alone, free"] == ("rest",)
