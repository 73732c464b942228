"""Toy text: any environment of Gymnasium that has a table of transitions, as a world. `gymnasium:FrozenLake-v1`, for example.

What it shows. Worlds that others have published, with optima that anybody can check; and a short way to a world of one's own, since an
environment needs nothing but `env.unwrapped.P`. The ancestral and the modern world are the same environment with other arguments
(`options`).

What goes wrong in it. Whatever the arguments make go wrong: ice that is slippery in training and not in deployment, another map.

States: `birth`; those of the environment, named by their numbers; `over`. Acts: `a0`, `a1`, .. in the environment's order, all of them
available in every state of the environment. At birth and where it is over there is `a0` alone; at birth it leads to where the
environment begins. Transitions that end an episode lead to `over`, which stays.

Payoff: the environment's expected reward, and `offset` at birth, once for everybody: base optimizers that share out parentage in
proportion to fitness refuse fitness below 0. It moves no optimum and no regret; relative fitness differs less with it. Rewards of the
environment are payoff minus offset. Intent is payoff. A life has `lifespan` acts, whatever limit Gymnasium puts on episodes.

Features: `gain` and `loss` (what is good, and what is bad, of the expected reward: of each outcome's reward its positive and its negative part), `end`
(chance that the episode ends by this act) and `steps` (every act in a state of the environment, -1).

Observation classes of reflexes: states of the environment in `observed` stretches of equal length, in their order (each its own if there are
as many); `birth` and `over`.

Belief `ancestral`: the ancestral world's transitions.

Source. Gymnasium (Towers et al. 2024). Its version is part of a run's provenance.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from worlds.parameters import MOST_AGES, InvalidWorld, check_size, number, swapped
from worlds.tabular import Floats, TabularMdp, WorldPair

PREFIX = "gymnasium:"
FEATURES = ("gain", "loss", "end", "steps")
Option = bool | int | float | str | list[str]


@dataclass(frozen=True)
class ToyText:
    """Parameters of one environment as a world."""

    lifespan: int = number(100, "acts", "as many as FrozenLake allows", low=1, high=MOST_AGES - 1, structural=True)
    offset: float = number(0.0, "payoff", "rewards of FrozenLake are not below 0", low=0.0)
    observed: int = number(16, "classes", "each state of FrozenLake its own", low=1, high=1000, structural=True)
    options: Mapping[str, Option] = field(
        default_factory=dict, metadata={"unit": "arguments of the environment", "why": "its own defaults", "low": None, "high": None, "structural": False}
    )


@dataclass(frozen=True, eq=False)
class Table:
    """What an environment says of itself: `chances [n, A, n + 1]` (the last is its end), `rewards [n, A, 3]` (all, good, bad), `start [n]`."""

    chances: Floats
    rewards: Floats
    start: Floats


def build(environment: str, params: ToyText, modern: Mapping[str, Any]) -> WorldPair:
    """The pair of an environment; `modern` holds what differs after the swap. Raises `InvalidWorld`."""
    after = swapped(params, modern)
    ancestral = table_of(environment, params.options, "world.ancestral.options")
    later = table_of(environment, after.options, "world.modern.options")
    n, acts, _ = ancestral.chances.shape
    if later.chances.shape != ancestral.chances.shape:
        raise InvalidWorld(
            f"world.modern.options must leave {environment} its {n} states and {acts} acts, but makes {later.chances.shape[0]} and "
            f"{later.chances.shape[1]}. Choose arguments that fit."
        )
    check_size("world.ancestral", n + 2, acts, params.lifespan + 1)
    classes = min(params.observed, n)
    stretch = np.arange(n) * classes // n
    every = tuple(f"a{a}" for a in range(acts))
    believed = _moves(ancestral)
    return WorldPair(
        name=PREFIX + environment,
        ancestral=_world(params, f"{environment} (ancestral)", ancestral, believed, every),
        modern=_world(after, f"{environment} (modern)", later, believed, every),
        observe=np.array([classes, *stretch, classes + 1]),
        classes=(*(_stretch(np.flatnonzero(stretch == c)) for c in range(classes)), "birth", "over"),
        default_act="a0",
        serves=dict.fromkeys(FEATURES, every),
    )


def table_of(environment: str, options: Mapping[str, Any], where: str) -> Table:
    """The table of an environment made with these arguments. Raises `InvalidWorld`."""
    try:
        gymnasium: Any = importlib.import_module("gymnasium")
    except ImportError:
        raise InvalidWorld(f"world.name must be a world that is there, but {PREFIX}{environment} needs the package gymnasium. Install it with pip install 'evosim-lab[gymnasium]'.") from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of newer versions of an environment, which nobody asked for
        try:
            made, again = (gymnasium.make(environment, **options).unwrapped for _ in range(2))
        except Exception as error:  # (whatever an environment raises at its arguments)
            said = str(error).strip().partition("\n")[0].rstrip(".")
            raise InvalidWorld(
                f"world.name and {where} must make an environment, but gymnasium.make('{environment}'{''.join(f', {k}={v!r}' for k, v in options.items())}) "
                f"raises {type(error).__name__}: {said}. Mend the name or the arguments."
            ) from None
    if not isinstance(getattr(made, "P", None), Mapping):
        raise InvalidWorld(f"world.name must be an environment with a table of transitions (env.unwrapped.P), but {environment} has none. Use a toy-text one, as FrozenLake-v1.")
    table, other = (_read(environment, one) for one in (made, again))
    if not all(np.array_equal(getattr(table, name), getattr(other, name)) for name in ("chances", "rewards", "start")):
        raise InvalidWorld(f"{where} must make the same environment each time, but {environment} is drawn at random. Choose arguments that fix it.")
    return table


def _read(environment: str, made: Any) -> Table:
    n, acts = len(made.P), len(made.P[0])
    check_size("world.ancestral", n, acts, 1)
    chances, rewards = np.zeros((n, acts, n + 1)), np.zeros((n, acts, 3))
    for s in range(n):
        for a in range(acts):
            for chance, there, reward, ends in made.P[s][a]:
                chances[s, a, n if ends else int(there)] += chance
                rewards[s, a] += chance * np.array([reward, max(reward, 0.0), min(reward, 0.0)])
    start = getattr(made, "initial_state_distrib", None)
    if start is None or np.shape(start) != (n,):
        raise InvalidWorld(f"world.name must be an environment that says where it begins (env.unwrapped.initial_state_distrib), but {environment} does not. Use another.")
    start = np.asarray(start, dtype=np.float64)
    return Table(chances, rewards, start / start.sum())


def _moves(table: Table) -> Floats:
    n, acts, _ = table.chances.shape
    out = np.zeros((n + 2, acts, n + 2))
    out[0, 0, 1:-1] = table.start
    out[1:-1, :, 1:] = table.chances
    out[-1, 0, -1] = 1.0
    return out


def _world(p: ToyText, name: str, table: Table, believed: Floats, acts: tuple[str, ...]) -> TabularMdp:
    n = len(table.start)
    available = np.ones((n + 2, len(acts)), dtype=bool)
    available[[0, -1], 1:] = False
    payoff = np.zeros((n + 2, len(acts)))
    payoff[1:-1] = table.rewards[:, :, 0]
    payoff[0, 0] = p.offset
    felt = np.zeros((n + 2, len(acts), len(FEATURES)))
    felt[1:-1, :, :2] = table.rewards[:, :, 1:]
    felt[1:-1, :, 2] = table.chances[:, :, -1]
    felt[1:-1, :, 3] = -1.0
    return TabularMdp(
        name=name,
        states=("birth", *(str(s) for s in range(n)), "over"),
        acts=acts,
        features=FEATURES,
        lifespan=p.lifespan + 1,
        available=available,
        transitions=_moves(table),
        payoff=payoff,
        intent=payoff,
        features_felt=felt,
        start=np.eye(n + 2)[0],
        beliefs={"ancestral": believed},
    )


def _stretch(states: Any) -> str:
    return f"state {states[0]}" if len(states) == 1 else f"states {states[0]} to {states[-1]}"
