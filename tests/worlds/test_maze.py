"""Mazes: what a maze must be, and that its two goals agree in training alone."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest

from evosim.reference.dynamic_programming import lifetime, plan
from evosim.worlds import InvalidWorld
from evosim.worlds.maze import (
    COLOURINGS,
    DOOR_RED,
    FEATURES,
    THING_RED,
    USE,
    Maze,
    build,
    layouts,
    reached,
)

SHIFTED = {"not_red": 0.5, "red_thing": 0.5}


def distances(leads: np.ndarray, source: int) -> dict[int, int]:
    found, queue = {source: 0}, deque([source])
    while queue:
        here = queue.popleft()
        for there in leads[here]:
            if int(there) not in found:
                found[int(there)] = found[here] + 1
                queue.append(int(there))
    return found


@pytest.mark.parametrize("size", [2, 4, 5])
def test_perfect_mazes_are_spanning_trees(size: int) -> None:
    for place in layouts(Maze(mazes=5, size=size)):
        cells = np.arange(size * size)
        passages = (place.leads != cells[:, None]).sum()
        assert passages == 2 * (size * size - 1)
        assert len(distances(place.leads, 0)) == size * size
        for k in cells:
            for a, there in enumerate(place.leads[k]):
                assert there == k or place.leads[there, (a + 2) % 4] == k
        assert len({place.start, place.door, place.thing, place.ghost} | {-1}) >= (
            5 if size > 2 else 4
        )


def test_wholly_braided_mazes_have_no_dead_ends() -> None:
    for place in layouts(Maze(mazes=10, size=5, braid=1.0)):
        assert (place.leads != np.arange(25)[:, None]).sum(axis=1).min() >= 2


def test_a_maze_does_not_depend_on_how_many_there_are() -> None:
    few, many = layouts(Maze(mazes=2)), layouts(Maze(mazes=9))
    for x, y in zip(few, many, strict=False):
        np.testing.assert_array_equal(x.leads, y.leads)
        assert (x.start, x.door, x.thing, x.ghost) == (y.start, y.door, y.thing, y.ghost)
    assert layouts(Maze(layout_seed=1))[0].leads.tolist() != few[0].leads.tolist()


def test_mazes_are_these() -> None:
    """Layouts are part of results: they must not change with a version of anything."""
    first = layouts(Maze())[0]
    assert (first.start, first.door, first.thing, first.ghost) == (6, 2, 14, 10)


@pytest.mark.parametrize("modern", [{}, SHIFTED, {"not_red": 1.0, "red_thing": 1.0}])
def test_values_of_seeking_doors_and_red_follow_the_colours(modern: dict[str, float]) -> None:
    params = Maze(braid=0.3)
    pair = build(params, modern)
    for world, not_red, red_thing in (
        (pair.ancestral, 0.0, 0.0),
        (pair.modern, modern.get("not_red", 0.0), modern.get("red_thing", 0.0)),
    ):
        worth = {}
        for goal in ("red", "door"):
            weights = np.array([{goal: 1.0, "ease": 0.001}.get(f, 0.0) for f in FEATURES])
            worth[goal] = lifetime(
                world, plan(world, weights, params.lifespan, discount=0.95), world.intent
            )
        assert worth["door"] == pytest.approx(1.0, abs=1e-12)
        # Share of mazes in which the door is the nearest red thing: it alone is red; both are red.
        nearer = [0.0, 0.0]
        for place in layouts(params):
            way = distances(place.leads, place.start)
            nearer[0] += 1 / params.mazes
            gap = way[place.thing] - way[place.door]
            nearer[1] += (1.0 if gap > 0 else 0.0 if gap < 0 else np.nan) / params.mazes
        assert not np.isnan(nearer[1]), "choose mazes without equal ways"
        expected = (1 - not_red) * ((1 - red_thing) * nearer[0] + red_thing * nearer[1])
        assert worth["red"] == pytest.approx(expected, abs=1e-12)


def test_colours_of_training_and_deployment_are_as_said() -> None:
    pair = build(Maze(not_red=0.1), {"not_red": 0.5, "red_thing": 0.25})
    names = np.array([name.split(" ", 1)[1] for name in pair.ancestral.case_names])
    case_of = pair.ancestral.case_of
    assert case_of is not None
    for world, not_red, red_thing in ((pair.ancestral, 0.1, 0.0), (pair.modern, 0.5, 0.25)):
        share = {
            c: world.start[np.isin(case_of, np.flatnonzero(names == c))].sum() for c in COLOURINGS
        }
        for c, d, t in zip(COLOURINGS, DOOR_RED, THING_RED, strict=True):
            assert share[c] == pytest.approx(
                (1 - not_red if d else not_red) * (red_thing if t else 1 - red_thing), abs=1e-15
            )


def test_without_other_colours_in_training_there_is_no_overlap() -> None:
    """States of mazes whose door is not red are out of every ancestor's reach: the ledger has no
    standard there.
    """
    pair = build(Maze(), {"not_red": 1.0, "red_thing": 1.0})
    assert not (
        pair.ancestral.reachable_by_age().any(axis=0) & pair.modern.reachable_by_age().any(axis=0)
    ).any()


def test_the_ghost_cannot_be_told_from_an_empty_cell() -> None:
    params = Maze()
    pair = build(params, SHIFTED)
    at = reached(params)
    ghost = np.flatnonzero(at["ghost"])
    assert not (at["ghost"] & (at["door"] | at["thing"])).any()
    for world in (pair.ancestral, pair.modern):
        assert not world.payoff[ghost].any()
        assert not world.features_felt[ghost, USE, :3].any()
        assert (world.transitions[ghost, USE, ghost] == 1.0).all()
    assert at["thing"].sum() == at["ghost"].sum() == params.mazes * len(COLOURINGS)


def test_reflexes_find_their_way_by_compass() -> None:
    """A reflex that follows the door's compass reaches every door of training.

    At a red thing on its way it waits, since it has one act there.
    """
    pair = build(Maze(), SHIFTED)
    acts = {"N": "north", "E": "east", "S": "south", "W": "west", "none": "wait"}
    for world in (pair.ancestral, pair.modern):
        policy = np.zeros((1, len(world.states), len(world.acts)))
        for s, c in enumerate(pair.observe):
            name = pair.classes[c]
            act = (
                "wait"
                if name == "over"
                else "use"
                if name.startswith("at") and "door" in name
                else ""
            )
            if name == "at red thing":
                act = "wait"
            act = act or acts[name.rpartition(" ")[2]]
            policy[0, s, world.acts.index(act)] = 1.0
        assert (
            lifetime(world, policy, world.intent)
            >= (1.0 if world is pair.ancestral else 0.8) - 1e-12
        )


def test_payoff_must_be_known() -> None:
    with pytest.raises(
        InvalidWorld,
        match=r"world\.modern\.payoff must be 'exit' or 'red', but is 'blue'\. Choose one\.",
    ):
        build(Maze(), {"payoff": "blue"})
