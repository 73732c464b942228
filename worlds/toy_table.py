"""Read the table of an environment of Gymnasium: `env.P` and `env.initial_state_distrib`.

`P[state][act]` lists `(probability, next state, reward, terminated)`. States and acts may be any
keys of mappings, or positions in lists and arrays. A state without acts is an end. An act is not
available in a state that lacks it or gives it an empty list. Other tables are refused in a line
that names state and act.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np

from evosim.worlds.parameters import InvalidWorld, check_size
from evosim.worlds.tabular import Bools, Floats
from evosim.worlds.toy_play import Outcome, Rules

SUM_TOLERANCE = 1e-6  # for sums of probabilities in single precision
HINT = "Correct the table, or use another environment."


@dataclass(frozen=True, eq=False)
class Table:
    """The table of an environment as arrays.

    Attributes
    ----------
    states, acts : tuple of str
        Their names, of lengths `n` and `A`.
    available : numpy.ndarray
        `[n, A]`, true where an act can be done.
    alive : numpy.ndarray
        `[n]`, true for states with an act.
    chances : numpy.ndarray
        `[n, A, n + 1]`, probability of the next state; the last is the end.
    rewards : numpy.ndarray
        `[n, A, 3]`, expected reward, and the expectations of its positive and negative parts.
    start : numpy.ndarray
        `[n]`, distribution of the first state of an episode.
    rules : Rules
        The same table in the form used for playing.
    """

    states: tuple[str, ...]
    acts: tuple[str, ...]
    available: Bools
    alive: Bools
    chances: Floats
    rewards: Floats
    start: Floats
    rules: Rules

    def agrees(self, other: Table) -> bool:
        """Whether all names and arrays of another table are the same."""
        arrays = ("available", "alive", "chances", "rewards", "start")
        same_names = self.states == other.states and self.acts == other.acts
        return same_names and all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in arrays
        )


def read(environment: str, table: Any, start: Any) -> Table:
    """Read a table of transitions.

    Parameters
    ----------
    environment : str
        Name in messages.
    table : mapping, sequence or numpy.ndarray
        `P` of the environment.
    start : mapping, sequence or numpy.ndarray
        Its `initial_state_distrib`, by state or in the order of states.

    Returns
    -------
    Table
        The table as arrays.

    Raises
    ------
    InvalidWorld
        If the table cannot be read; the message names state and act.
    """
    rows = {
        s: _by_key(environment, acts, f"state '{s}'", "acts")
        for s, acts in _by_key(environment, table, "P", "states").items()
    }
    states = tuple(_ordered(rows))
    acts = tuple(_ordered(dict.fromkeys(a for s in states for a in rows[s])))
    if not acts:
        raise InvalidWorld(
            f"{environment}: P must have an act in some state, but has {len(states)} states "
            f"without any. {HINT}"
        )
    n = len(states)
    check_size(f"{environment}: P", n, len(acts), 1)
    index = {state: i for i, state in enumerate(states)}
    outcomes: dict[tuple[int, int], dict[Outcome, float]] = {}
    for s, state in enumerate(states):
        for a, act in enumerate(acts):
            if (listed := rows[state].get(act)) is not None and len(
                _listed(environment, listed, state, act)
            ):
                outcomes[s, a] = _outcomes(environment, listed, state, act, index)
    available = np.zeros((n, len(acts)), dtype=bool)
    for s, a in outcomes:
        available[s, a] = True
    alive = np.asarray(available.any(axis=1))
    if not alive.any():
        raise InvalidWorld(
            f"{environment}: P must have an act in some state, but has {n} states without any. "
            f"{HINT}"
        )
    for row in outcomes.values():  # a state without acts is the end
        for x, reward in [outcome for outcome in row if outcome[0] < n and not alive[outcome[0]]]:
            row[n, reward] = row.get((n, reward), 0.0) + row.pop((x, reward))
    chances, rewards = np.zeros((n, len(acts), n + 1)), np.zeros((n, len(acts), 3))
    for (s, a), row in outcomes.items():
        for (x, reward), chance in row.items():
            chances[s, a, x] += chance
            rewards[s, a] += chance * np.array([reward, max(reward, 0.0), min(reward, 0.0)])
    first = _start(environment, start, states)
    return Table(
        _names(states, ""),
        _names(acts, "a"),
        available,
        alive,
        chances,
        rewards,
        first,
        Rules(states, acts, outcomes, first),
    )


def _by_key(environment: str, table: Any, where: str, what: str) -> dict[Hashable, Any]:
    """A mapping as a dictionary; a sequence as a dictionary by position."""
    if isinstance(table, Mapping):
        return dict(table)
    if table is None and what == "acts":
        return {}
    listed = isinstance(table, Sequence) and not isinstance(table, str | bytes)
    if listed or (isinstance(table, np.ndarray) and table.ndim):
        return dict(enumerate(table))
    raise InvalidWorld(
        f"{environment}: {where} must hold {what} in a mapping or a list, but is {_brief(table)}. "
        f"{HINT}"
    )


def _ordered(keys: Mapping[Hashable, Any]) -> list[Hashable]:
    """Keys in ascending order if all are whole numbers, else in the order of the table."""
    numbers: list[Any] = [key for key in keys if isinstance(key, Integral)]
    return sorted(numbers) if len(numbers) == len(keys) else list(keys)


def _names(keys: tuple[Hashable, ...], letter: str) -> tuple[str, ...]:
    """Names of states or acts. Names of states differ from those that evosim adds."""
    names = tuple(f"{letter}{key}" if isinstance(key, Integral) else str(key) for key in keys)
    return (
        names
        if letter or not {"birth", "over"} & set(names)
        else tuple(f"state {name}" for name in names)
    )


def _listed(environment: str, listed: Any, state: Hashable, act: Hashable) -> Any:
    if isinstance(listed, list | tuple) or (isinstance(listed, np.ndarray) and listed.ndim):
        return listed
    raise InvalidWorld(
        f"{environment}: P must list transitions, but state '{state}', act '{act}' has "
        f"{_brief(listed)}. "
        "Write [(probability, next state, reward, terminated), ...]."
    )


def _outcomes(
    environment: str, listed: Any, state: Hashable, act: Hashable, index: dict[Hashable, int]
) -> dict[Outcome, float]:
    """The possible outcomes of an act and their probabilities. Raises `InvalidWorld`."""
    where = f"but state '{state}', act '{act}' has"
    out: dict[Outcome, float] = {}
    total = 0.0
    for entry in listed:
        if not isinstance(entry, list | tuple | np.ndarray) or len(entry) != 4:
            raise InvalidWorld(
                f"{environment}: transitions must be (probability, next state, reward, "
                f"terminated), {where} {_brief(entry)}. {HINT}"
            )
        chance, reward, ends = (_number(entry[i]) for i in (0, 2, 3))
        if not 0.0 <= chance <= 1.0 + SUM_TOLERANCE:
            raise InvalidWorld(
                f"{environment}: probabilities must be numbers from 0 to 1, {where} "
                f"{_brief(entry[0])}. {HINT}"
            )
        total += chance
        if chance == 0.0:
            continue
        if not math.isfinite(reward):
            raise InvalidWorld(
                f"{environment}: rewards must be finite numbers, {where} {_brief(entry[2])}. {HINT}"
            )
        if ends not in (0.0, 1.0):
            raise InvalidWorld(
                f"{environment}: terminated must be True or False, {where} {_brief(entry[3])}. "
                f"{HINT}"
            )
        x = len(index) if ends else _known(index, entry[1])
        if x is None:
            raise InvalidWorld(
                f"{environment}: next states must be states of P, {where} {_brief(entry[1])}. "
                f"{HINT}"
            )
        out[x, reward] = out.get((x, reward), 0.0) + chance
    if not abs(total - 1.0) <= SUM_TOLERANCE:
        raise InvalidWorld(
            f"{environment}: probabilities must sum to one, {where} {total:.9g}. {HINT}"
        )
    return {outcome: chance / total for outcome, chance in out.items()}


def _start(environment: str, given: Any, states: tuple[Hashable, ...]) -> Floats:
    """The distribution of the first state. Raises `InvalidWorld`."""
    name = f"{environment}: initial_state_distrib"
    if isinstance(given, Mapping):
        if unknown := [state for state in given if state not in states]:
            raise InvalidWorld(
                f"{name} must hold chances of states of P, but holds '{unknown[0]}'. {HINT}"
            )
        given = [given.get(state, 0.0) for state in states]
    if given is None or isinstance(given, str | bytes) or not hasattr(given, "__len__"):
        raise InvalidWorld(
            f"{name} must be the distribution of the first state, but is {_brief(given)}. Use "
            "another environment, or give it one."
        )
    if len(given) != len(states):
        raise InvalidWorld(
            f"{name} must have a chance for each of {len(states)} states of P, but has "
            f"{len(given)}. {HINT}"
        )
    start = np.array([_number(chance) for chance in given])
    for s in np.flatnonzero(~(start >= 0.0)):
        raise InvalidWorld(
            f"{name} must hold probabilities, but has {start[s]} for state '{states[s]}'. "
            "Give the environment a start (a map of FrozenLake needs an S)."
        )
    if not abs(start.sum() - 1.0) <= SUM_TOLERANCE:
        raise InvalidWorld(
            f"{name} must sum to one, but sums to {start.sum():.9g}. Correct it, or use another "
            "environment."
        )
    return np.asarray(start / start.sum())


def _number(value: Any) -> float:
    """The value as a number; NaN if it is not a number."""
    try:
        return math.nan if isinstance(value, str | bytes) else float(value)
    except (TypeError, ValueError):
        return math.nan


def _known(index: dict[Hashable, int], state: Any) -> int | None:
    """The index of a state, if it is one; arrays and lists are looked up as tuples."""
    if isinstance(state, np.ndarray):
        state = state.item() if state.size == 1 else state.tolist()
    try:
        return index.get(tuple(state) if isinstance(state, list) else state)
    except TypeError:  # not hashable
        return None


def _brief(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:60]}..."
