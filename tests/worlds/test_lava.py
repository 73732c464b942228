"""Lava: returns of the original by a search of one's own, and what a negative payoff may not do."""

from __future__ import annotations

import io
from collections import deque
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from evosim.config.experiments import read_experiment
from evosim.config.resolve import build as build_setting
from evosim.config.resolve import resolve
from evosim.config.settings import apply_settings
from evosim.errors import UserError
from evosim.fitness.landscape import Landscape
from evosim.optimizers.base import InvalidOptimizer
from evosim.reference.dynamic_programming import extreme_values, lifetime, occupancy
from evosim.runs import accounts, execute
from evosim.simulation.loop import simulate
from evosim.tables import screen
from evosim.worlds import InvalidWorld, TabularMdp
from evosim.worlds.lava import MAPS, Lava, build
from evosim.worlds.mixture import Member, mix_worlds

DRAWN = {
    "train": [
        "#########",
        "#A LLL G#",
        "#       #",
        "#       #",
        "#       #",
        "#  LLL  #",
        "#########",
    ],
    "test 1": [
        "#########",
        "#A LLL G#",
        "#  LLL  #",
        "#       #",
        "#       #",
        "#       #",
        "#########",
    ],
    "test 2": [
        "#########",
        "#A     G#",
        "#       #",
        "#       #",
        "#  LLL  #",
        "#  LLL  #",
        "#########",
    ],
}
STEPS = {"up": (-1, 0), "right": (0, 1), "down": (1, 0), "left": (0, -1)}
BEST = {"train": 42, "test 1": 40, "test 2": 44}


def walked(level: str, way: list[str]) -> int:
    """Return of a way on the drawn map."""
    r, c, total = 1, 1, 0
    for step in way:
        dr, dc = STEPS[step]
        if DRAWN[level][r + dr][c + dc] != "#":
            r, c = r + dr, c + dc
        total -= 1
        if DRAWN[level][r][c] in "GL":
            return total + (50 if DRAWN[level][r][c] == "G" else -50)
    return total


def searched(level: str) -> int:
    """The best return on the drawn map, by breadth-first search around the lava."""
    queue, seen = deque([((1, 1), 0)]), {(1, 1)}
    while queue:
        (r, c), n = queue.popleft()
        if DRAWN[level][r][c] == "G":
            return 50 - n
        for dr, dc in STEPS.values():
            there = (r + dr, c + dc)
            if DRAWN[level][there[0]][there[1]] not in "#L" and there not in seen:
                seen.add(there)
                queue.append((there, n + 1))
    raise AssertionError


def world_of(level: str) -> TabularMdp:
    return build(Lava(first=level, second=level), {}).ancestral


def followed(world: TabularMdp, way: list[str]) -> float:
    """Return of the world's own rules for a way: payoff without the offset."""
    policy = np.zeros((world.lifespan, len(world.states), len(world.acts)))
    policy[:, :, world.acts.index("wait")] = 1.0
    at = np.zeros(len(world.states))
    at[:] = world.start
    acts = ["wait", *way]
    for t, act in enumerate(acts):
        for s in np.flatnonzero(at):
            chosen = act if world.available[s, world.acts.index(act)] else "wait"
            policy[world.lifespan - 1 - t, s] = 0.0
            policy[world.lifespan - 1 - t, s, world.acts.index(chosen)] = 1.0
        at = np.einsum("s,sa,sax->x", at, policy[world.lifespan - 1 - t], world.transitions)
    return lifetime(world, policy, world.payoff) - Lava().offset


@pytest.mark.parametrize("level", sorted(BEST))
def test_optima_are_those_of_the_original(level: str) -> None:
    world = world_of(level)
    assert searched(level) == BEST[level]
    assert extreme_values(world, world.payoff)[0][0] @ world.start - Lava().offset == pytest.approx(
        BEST[level], abs=1e-12
    )


@pytest.mark.parametrize(("row", "returns"), [(2, (42, -53, 42)), (3, (40, 40, 40))])
def test_fixed_ways_return_what_the_original_does(row: int, returns: tuple[int, int, int]) -> None:
    way = ["down"] * (row - 1) + ["right"] * 6 + ["up"] * (row - 1)
    for level, expected in zip(DRAWN, returns, strict=True):
        assert walked(level, way) == expected
        assert followed(world_of(level), way) == pytest.approx(expected, abs=1e-12)


def test_random_ways_agree_with_the_drawn_map() -> None:
    rng = np.random.default_rng(0)
    for level in DRAWN:
        world = world_of(level)
        for _ in range(30):
            way = rng.choice(list(STEPS), size=Lava().lifespan, p=[0.2, 0.4, 0.2, 0.2]).tolist()
            assert followed(world, way) == pytest.approx(walked(level, way), abs=1e-12)


def test_testing_is_either_map() -> None:
    pair = build(Lava(), {"first": "test 1", "second": "test 2"})
    assert extreme_values(pair.modern, pair.modern.payoff)[0][
        0
    ] @ pair.modern.start - 70.0 == pytest.approx(42.0, abs=1e-12)


def test_nobody_is_below_zero_with_the_offset() -> None:
    for world in (world_of(level) for level in BEST):
        worst, _ = extreme_values(world, world.payoff, worst=True)
        assert worst[0] @ world.start >= 0.0


def test_selection_in_proportion_refuses_fitness_below_zero() -> None:
    changes = ["world.ancestral.offset=0.0", "phases.0.generations=3", "optimizer.population=20"]
    made = build_setting(resolve(apply_settings(read_experiment("lava"), changes)))
    with pytest.raises(
        (UserError, InvalidOptimizer),
        match="not negative for fitness-proportional parentage, but is -",
    ):
        simulate(made, Landscape(made), 0)


def test_planning_may_not_cost_a_share_of_less_than_nothing() -> None:
    """A share of a negative payoff would be a gain: the more one planned, the better."""
    changes = [
        "world.ancestral.offset=0.0",
        "genome.planning_cost=0.01",
        "optimizer={name='exhaustive'}",
    ]
    made = build_setting(resolve(apply_settings(read_experiment("lava"), changes)))
    with pytest.raises(
        UserError,
        match=(
            r"planning costs a share of .*, but these are as low as -\S+ in lava"
            r" \(ancestral\)\. Set"
        ),
    ):
        Landscape(made)
    for change in (["world.ancestral.offset=70.0"], ["genome.planning_cost=0.0"]):
        Landscape(
            build_setting(resolve(apply_settings(read_experiment("lava"), [*changes, *change])))
        )


def test_a_moved_stone_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lava that is one cell off: the optimum is no longer the original's."""
    monkeypatch.setitem(MAPS, "test 1", ("A LLL G", "  LLL  ", "   L   ", "       ", "       "))
    world = world_of("test 1")
    assert extreme_values(world, world.payoff)[0][0] @ world.start - 70.0 == pytest.approx(38.0)


def test_maps_must_be_known() -> None:
    with pytest.raises(
        InvalidWorld,
        match=r"world\.modern\.second must be one of train, test 1, test 2, but is 'test 3'",
    ):
        build(Lava(), {"second": "test 3"})


def test_what_is_paid_at_birth_is_said_where_rungs_are_shown(tmp_path: Path) -> None:
    small = [
        "optimizer.population=20",
        "phases.0.generations=4",
        "phases.1.generations=2",
        "world.modern.offset=80.0",
    ]
    for name, words in (
        ("lava", "Rungs include 70 (A), 80 (M) paid at birth (offset); losses do not."),
        ("micro", ""),
    ):
        chosen = resolve(
            apply_settings(read_experiment(name), small if name == "lava" else small[:3])
        )
        recorded, _ = execute.run(chosen, out=tmp_path / name)
        said = io.StringIO()
        summary = accounts.summary_of(recorded, again=True)
        screen.show(Console(file=said, width=200), name, summary, details=True)
        assert (words in said.getvalue()) if words else ("paid at birth" not in said.getvalue())


def test_waiting_at_birth_is_no_act_of_a_life() -> None:
    """The best way has as many acts as steps; in a mixture too."""
    pair = build(Lava(), {})
    for whole in (pair, mix_worlds(pair, [Member("later", 0.5, pair.ancestral)])):
        world = whole.ancestral
        q = np.nan_to_num(extreme_values(world, world.payoff)[1], nan=-np.inf)
        done = occupancy(world, np.eye(len(world.acts))[q.argmax(axis=2)][::-1])
        times = done[:, ~world.uncounted_states()].sum(axis=(0, 1))
        assert times.sum() == pytest.approx(50 - BEST["train"])
        assert times[world.acts.index("wait")] == 0.0
