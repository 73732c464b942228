"""Tables are read by their keys, or refused in one line that names state and act."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from evosim.analysis.behaviour import gaps_of, ledger_of
from evosim.analysis.class_values import Evaluation, LifetimeAmounts
from evosim.reference.dynamic_programming import extreme_values, occupancy
from evosim.worlds import Cue, InvalidWorld, TabularMdp, WorldPair, with_cue
from evosim.worlds.toy_text import ToyText, build

gymnasium: Any = pytest.importorskip("gymnasium")
numbers = itertools.count()

# Two states, two acts: `0` leads to the next state or the end, `1` stays.
PLAIN: Any = {
    0: {0: [(0.75, 1, 2.0, False), (0.25, 0, 0.0, False)], 1: [(1.0, 0, -1.0, False)]},
    1: {0: [(1.0, 0, 4.0, True)], 1: [(1.0, 1, 0.0, False)]},
}


@pytest.fixture(autouse=True)
def _registry() -> Iterator[None]:
    known = dict(gymnasium.registry)
    yield
    gymnasium.registry.clear()
    gymnasium.registry.update(known)


def registered(table: Any, start: Any = (1.0, 0.0)) -> str:
    """The name of an environment that has a table and nothing else."""

    class TableOnly(gymnasium.Env):
        def __init__(self) -> None:
            self.P = table
            if start is not None:
                self.initial_state_distrib = start

    name = f"TableOnly{next(numbers)}-v0"
    gymnasium.register(name, entry_point=TableOnly)
    return name


def pair_of(table: Any, start: Any = (1.0, 0.0)) -> WorldPair:
    return build(registered(table, start), ToyText(lifespan=5, offset=10.0), {})


def refusal(table: Any, start: Any = (1.0, 0.0)) -> str:
    with pytest.raises(InvalidWorld) as caught:
        pair_of(table, start)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def renamed(states: Any, acts: Any) -> Any:
    """The plain table with other names."""
    return {
        states[s]: {
            acts[a]: [(p, states[x], r, ends) for p, x, r, ends in row] for a, row in rows.items()
        }
        for s, rows in PLAIN.items()
    }


def as_array() -> Any:
    out = np.empty((2, 2), dtype=object)
    for s, a in itertools.product(range(2), range(2)):
        out[s, a] = PLAIN[s][a]
    return out


FORMS: dict[str, tuple[Any, Any]] = {
    "from one": (renamed([1, 2], [1, 2]), (1.0, 0.0)),
    "out of order": ({s: {a: PLAIN[s][a] for a in (1, 0)} for s in (1, 0)}, (1.0, 0.0)),
    "words": (renamed(["start", "over"], ["go", "stay"]), {"start": 1.0}),
    "tuples": (renamed([(0, 0), (0, 1)], [0, 1]), np.array([1.0, 0.0])),
    "lists": ([[PLAIN[s][a] for a in range(2)] for s in range(2)], [1, 0]),
    "objects": (as_array(), (1.0, 0.0)),
    "numbers": (
        np.array(
            [
                [[[0.75, 1, 2, 0], [0.25, 0, 0, 0]], [[1, 0, -1, 0], [0, 0, 0, 0]]],
                [[[1, 0, 4, 1], [0, 0, 0, 0]], [[1, 1, 0, 0], [0, 0, 0, 0]]],
            ]
        ),
        (1.0, 0.0),
    ),
    "single precision": (
        {
            s: {
                a: [(np.float32(p), np.int64(x), np.float32(r), np.bool_(e)) for p, x, r, e in row]
                for a, row in rows.items()
            }
            for s, rows in PLAIN.items()
        },
        np.array([1, 0], dtype=np.float32),
    ),
    "twice the same": (
        {
            **PLAIN,
            0: {
                **PLAIN[0],
                0: [(0.5, 1, 2.0, False), (0.25, 0, 0.0, False), (0.25, 1, 2.0, False)],
            },
        },
        (1.0, 0.0),
    ),
    "the end is no state": ({**PLAIN, 1: {**PLAIN[1], 0: [(1.0, -1, 4.0, True)]}}, (1.0, 0.0)),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_table_is_read_by_its_keys(form: str) -> None:
    found, plain = pair_of(*FORMS[form]).ancestral, pair_of(PLAIN).ancestral
    for name in ("available", "transitions", "payoff", "features_felt", "start"):
        np.testing.assert_array_equal(getattr(found, name), getattr(plain, name), err_msg=name)
    assert found.payoff[1].tolist() == [1.5, -1.0]
    assert found.transitions[1, 0].tolist() == [0.0, 0.25, 0.75, 0.0]


def test_names_are_those_of_the_table() -> None:
    one, words = pair_of(*FORMS["from one"]).ancestral, pair_of(*FORMS["words"]).ancestral
    assert (one.states, one.acts) == (("birth", "1", "2", "over"), ("a1", "a2"))
    assert (words.states, words.acts) == (
        ("birth", "state start", "state over", "over"),
        ("go", "stay"),
    )


def test_two_rewards_of_one_next_state_add_up() -> None:
    world = pair_of(
        {0: {0: [(0.5, 0, 2.0, False), (0.5, 0, -1.0, False)]}, 1: {0: [(1.0, 1, 0.0, True)]}}
    ).ancestral
    assert world.transitions[1, 0].tolist() == [0.0, 1.0, 0.0, 0.0]
    assert world.features_felt[1, 0].tolist() == [1.0, -0.5, 0.0, -1.0]


@pytest.mark.parametrize(
    "missing", [{0: PLAIN[0][0]}, {0: PLAIN[0][0], 1: []}, {0: PLAIN[0][0], 1: None}]
)
def test_an_act_that_a_state_lacks_is_not_available(missing: Any) -> None:
    pair = pair_of({0: missing, 1: PLAIN[1]})
    assert pair.ancestral.available.tolist() == [
        [True, False],
        [True, False],
        [True, True],
        [True, False],
    ]
    assert pair.options()["state 0"] == ("a0",)
    other = pair_of({0: {1: PLAIN[0][1]}, 1: PLAIN[1]})
    assert other.default_act == "a1"
    assert other.ancestral.available[:2].tolist() == [[False, True], [False, True]]


@pytest.mark.parametrize("last", [{}, None, [], [[], []]])
def test_a_state_without_acts_is_an_end(last: Any) -> None:
    ended: TabularMdp = pair_of(
        {0: {**PLAIN[0], 0: [(0.75, 1, 2.0, True), (0.25, 0, 0.0, False)]}, 1: PLAIN[1]}
    ).ancestral
    found = pair_of({0: PLAIN[0], 1: last}).ancestral
    np.testing.assert_array_equal(found.transitions[:2], ended.transitions[:2])
    np.testing.assert_array_equal(found.features_felt[:2], ended.features_felt[:2])
    assert found.transitions[2, 0].tolist() == [0.0, 0.0, 0.0, 1.0]
    assert not found.payoff[2].any()


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            (1.0, 1, 2.0),
            r"transitions must be \(probability, next state, reward, terminated\), .* has \(1\.0, "
            r"1, 2\.0\)",
        ),
        (
            (1.0, 1, 2.0, False, {}),
            r"transitions must be \(probability, next state, reward, terminated\)",
        ),
        (5, r"transitions must be .* has 5"),
        ((1.0, -1, 2.0, False), r"next states must be states of P, .* has -1"),
        ((1.0, 99, 2.0, False), r"next states must be states of P, .* has 99"),
        ((1.0, 0.5, 2.0, False), r"next states must be states of P, .* has 0\.5"),
        ((1.0, [0, {}], 2.0, False), r"next states must be states of P"),
        ((0.9, 1, 2.0, False), r"probabilities must sum to one, .* has 0\.9"),
        ((1.001, 1, 2.0, False), r"probabilities must be numbers from 0 to 1, .* has 1\.001"),
        ((-0.5, 1, 2.0, False), r"probabilities must be numbers from 0 to 1, .* has -0\.5"),
        (("1", 1, 2.0, False), r"probabilities must be numbers from 0 to 1, .* has '1'"),
        ((float("nan"), 1, 2.0, False), r"probabilities must be numbers from 0 to 1, .* has nan"),
        ((1.0, 1, float("nan"), False), r"rewards must be finite numbers, .* has nan"),
        ((1.0, 1, float("inf"), False), r"rewards must be finite numbers, .* has inf"),
        ((1.0, 1, None, False), r"rewards must be finite numbers, .* has None"),
        ((1.0, 1, 2.0, "no"), r"terminated must be True or False, .* has 'no'"),
    ],
)
def test_a_bad_transition_is_named(entry: Any, message: str) -> None:
    with pytest.raises(InvalidWorld, match=message):
        pair_of({**PLAIN, 0: {**PLAIN[0], 1: [entry]}})
    assert "state '0', act '1' has" in refusal({**PLAIN, 0: {**PLAIN[0], 1: [entry]}})


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({0: 5, 1: PLAIN[1]}, "state '0' must hold acts in a mapping or a list, but is 5"),
        ({0: {0: 7}, 1: PLAIN[1]}, "P must list transitions, but state '0', act '0' has 7"),
        ({0: {0: (1.0, 1, 0.0, False)}, 1: PLAIN[1]}, "but state '0', act '0' has 1.0"),
        ({0: {}, 1: {}}, "P must have an act in some state, but has 2 states without any"),
        ({}, "P must have an act in some state, but has 0 states without any"),
        (
            {0: {"x": PLAIN[0][1]}, 1: {"y": PLAIN[1][1]}},
            "an act that every state has, .* state '0' lacks act 'y'",
        ),
        (5, "must be an environment with a table of transitions"),
    ],
)
def test_a_bad_table_is_named(table: Any, message: str) -> None:
    refusal(table)
    with pytest.raises(InvalidWorld, match=message):
        pair_of(table)


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (None, "with a distribution of the first state .* has none"),
        ([1.0], "must have a chance for each of 2 states of P, but has 1"),
        ([1.0, 0.0, 0.0], "must have a chance for each of 2 states of P, but has 3"),
        ([0.5, 0.4], "must sum to one, but sums to 0.9"),
        ([0, 0], "must sum to one, but sums to 0"),
        ([float("nan")] * 2, "must hold probabilities, but has nan for state '0'"),
        ([2.0, -1.0], "must hold probabilities, but has -1.0 for state '1'"),
        ({5: 1.0}, "must hold chances of states of P, but holds '5'"),
        ("ab", "must be the distribution of the first state, but is 'ab'"),
        (7, "must be the distribution of the first state, but is 7"),
    ],
)
def test_a_bad_start_is_named(start: Any, message: str) -> None:
    refusal(PLAIN, start)
    with pytest.raises(InvalidWorld, match=message):
        pair_of(PLAIN, start)


def test_a_map_without_a_start_says_so() -> None:
    with pytest.raises(
        InvalidWorld, match=r"must hold probabilities, but has nan for state '0'\. .* needs an S"
    ):
        build("FrozenLake-v1", ToyText(options={"desc": ["FF", "FG"]}), {})


def test_a_map_with_rows_of_different_lengths_says_so() -> None:
    with pytest.raises(InvalidWorld, match=r"Give all rows of desc one length\.$"):
        build("FrozenLake-v1", ToyText(options={"desc": ["SF", "FFG"]}), {})


def test_worlds_must_share_the_names_of_their_states() -> None:
    class Named(gymnasium.Env):
        def __init__(self, names: str = "ab") -> None:
            self.P = renamed(list(names), [0, 1])
            self.initial_state_distrib = [1.0, 0.0]

    gymnasium.register("Named-v0", entry_point=Named)
    with pytest.raises(
        InvalidWorld, match=r"its 2 states, but makes 2 with other names \('c' in place of 'b'\)"
    ):
        build("Named-v0", ToyText(offset=10.0), {"options": {"names": "ac"}})


def test_of_an_act_that_is_new_the_ancestral_belief_is_the_truth() -> None:
    class Wider(gymnasium.Env):
        def __init__(self, wide: bool = False) -> None:
            rows = PLAIN[0] if wide else {1: PLAIN[0][1]}
            self.P = {0: rows, 1: PLAIN[1]}
            self.initial_state_distrib = [1.0, 0.0]

    gymnasium.register("Wider-v0", entry_point=Wider)
    pair = build("Wider-v0", ToyText(offset=10.0), {"options": {"wide": True}})
    assert pair.default_act == "a1"
    assert pair.ancestral.available[1].tolist() == [False, True]
    np.testing.assert_array_equal(pair.modern.beliefs["ancestral"], pair.modern.transitions)
    back = build("Wider-v0", ToyText(offset=10.0, options={"wide": True}), {"options": {}})
    assert not back.modern.beliefs["ancestral"][1, 0].any()


def test_lists_are_options_where_tuples_are_expected() -> None:
    class Strict(gymnasium.Env):
        def __init__(self, pay: tuple[float, float] = (1.0, 2.0), cells: Any = ((0, 0),)) -> None:
            assert isinstance(pay, tuple)
            assert {cells: "they can be keys"}
            self.P = {0: {0: [(1.0, 0, pay[0], False)], 1: [(1.0, 0, pay[1], True)]}}
            self.initial_state_distrib = [1.0]

    gymnasium.register("Strict-v0", entry_point=Strict)
    world = build(
        "Strict-v0", ToyText(options={"pay": [3.0, 5.0], "cells": [[0, 1], [1, 0]]}), {}
    ).ancestral
    assert world.payoff[1].tolist() == [3.0, 5.0]


def split_ways(there: int) -> Any:
    """An environment of two places that nothing leads between; life begins `there`."""

    class Ways(gymnasium.Env):
        def __init__(self, there: int = there) -> None:
            self.P = {s: {a: [(1.0, s, float(a == s), False)] for a in range(2)} for s in range(2)}
            self.initial_state_distrib = np.eye(2)[there]

    name = f"Ways{next(numbers)}-v0"
    gymnasium.register(name, entry_point=Ways)
    return name


@pytest.mark.parametrize("cue", [False, True])
def test_birth_is_no_act_of_the_environment(cue: bool) -> None:
    """A life of four acts has four acts, and is not known in part because it was born."""
    pair = build(split_ways(0), ToyText(lifespan=4, offset=1.0), {"options": {"there": 1}})
    pair = with_cue(pair, Cue()) if cue else pair
    worlds = (pair.ancestral, pair.modern)
    best = [np.nan_to_num(extreme_values(w, w.payoff)[1], nan=-np.inf) for w in worlds]
    lives = []
    for world, q in zip(worlds, best, strict=True):
        policy = np.eye(len(world.acts))[q.argmax(axis=2)][::-1]
        lives.append(Evaluation(occupancy(world, policy), LifetimeAmounts(5.0, 5.0, 1.0)))
    ledger = ledger_of(gaps_of(pair), *lives)
    np.testing.assert_allclose(ledger.times_ancestral, [4.0, 0.0])
    np.testing.assert_allclose(ledger.times_modern, [0.0, 4.0])
    assert ledger.overlap == 0.0


def test_a_start_may_have_the_name_that_old_gym_gave_it() -> None:
    """Gym's `DiscreteEnv`, which many courses use, calls it `isd`."""
    name = registered(PLAIN, start=None)
    made: Any = gymnasium.spec(name).entry_point
    made.isd = np.array([0.25, 0.75])
    np.testing.assert_allclose(
        build(name, ToyText(lifespan=2), {}).ancestral.transitions[0, 0, 1:3], [0.25, 0.75]
    )
