"""Play an environment of Gymnasium by `step()` and `reset()`, and compare it with its table.

A table that differs from its environment gives wrong numbers. Two checks find such tables.

`compare` plays lives. An outcome that is not in the table is an error at once. Frequencies are
compared by Freedman's inequality (Annals of Probability 1975, theorem 1.6). The inequality is valid
although the acts depend on earlier outcomes. `FALSE_ALARM` bounds the probability that a correct
table is refused.

`differs` plays the environment with an option and without it, with the same random numbers. So it
also detects options with a rare effect in `step()` or `reset()` only.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

STEPS = 20_000  # acts in all
EPISODE = 200  # acts; then a new episode begins, so that many starts are seen
MAX_CPU_SECONDS = 2.0
MAX_SECONDS = 20.0
RANDOM_SHARE = 0.2  # share of acts that are drawn at random
PAIRED = 2_000  # acts with and without an option
SEED = 0
FALSE_ALARM = 1e-9  # probability that a correct table is refused
STEP_UP = 1.1  # variances are rounded up to powers of this: one bound is valid for all of them
LEAST_VARIANCE = 1e-12
TOLERANCE = 1e-6  # relative, of rewards: some environments give single precision

# Index of the next state and reward. The number of states stands for the end of the episode.
Outcome = tuple[int, float]


class Mismatch(Exception):
    """The environment differs from its table. The message is the middle of a sentence."""


@dataclass(frozen=True)
class Rules:
    """A table of transitions, in the form used for playing.

    Attributes
    ----------
    states, acts : tuple
        Names of states and acts, as the environment's table has them.
    outcomes : dict
        Probability of each possible outcome, by indices of state and act.
    start : numpy.ndarray
        `[n]`, distribution of the first state of an episode.
    """

    states: tuple[Hashable, ...]
    acts: tuple[Hashable, ...]
    outcomes: dict[tuple[int, int], dict[Outcome, float]]
    start: Any


@dataclass
class _Tally:
    """Observed and expected count of an event, and the variance of the difference."""

    event: str
    tries: int = 0
    seen: int = 0
    expected: float = 0.0
    variance: float = 0.0

    def add(self, chance: float, tries: int, seen: int) -> None:
        """Add `tries` of an event with this probability, of which `seen` were successes."""
        self.tries += tries
        self.seen += seen
        self.expected += chance * tries
        self.variance += chance * (1.0 - chance) * tries

    def is_off(self, log_bound: float) -> bool:
        """Whether the difference is larger than Freedman's bound."""
        power = math.ceil(math.log(max(self.variance, LEAST_VARIANCE)) / math.log(STEP_UP))
        third = log_bound / 3.0
        bound = third + math.sqrt(third**2 + 2.0 * STEP_UP**power * log_bound)
        return abs(self.seen - self.expected) > bound


class _Player:
    """Choose acts so that every act of every state is tried often.

    In every second episode the player goes the shortest way to an act that was never tried.
    Otherwise it does the least tried act of the current state. Random acts prevent cycles.
    """

    def __init__(self, rules: Rules) -> None:
        n = len(rules.states)
        self.outcomes = rules.outcomes
        self.acts: list[list[int]] = [[] for _ in range(n)]
        self.predecessors: list[set[int]] = [set() for _ in range(n + 1)]
        for (s, a), row in rules.outcomes.items():
            self.acts[s].append(a)
            for x, _ in row:
                self.predecessors[x].add(s)
        self.tries = [dict.fromkeys(acts, 0) for acts in self.acts]
        self.rng = random.Random(SEED)
        self.episodes = 0
        self.distance: list[float] | None = None
        self.reachable = self._reachable(np.flatnonzero(rules.start > 0.0).tolist(), n)

    def _reachable(self, first: list[int], n: int) -> list[int]:
        reached, new = set(first), list(first)
        while new:
            s = new.pop()
            ahead = {x for a in self.acts[s] for x, _ in self.outcomes[s, a] if x < n} - reached
            reached |= ahead
            new += ahead
        return sorted(reached)

    def begin(self) -> None:
        """Begin an episode: in every second one, measure distances to acts without a try."""
        self.episodes += 1
        self.distance = None
        if self.episodes % 2 == 0:
            return
        queue = [s for s in self.reachable if 0 in self.tries[s].values()]
        if not queue:
            return
        unreached = float(len(self.acts) + 1)
        self.distance = [unreached] * len(self.predecessors)
        for s in queue:
            self.distance[s] = 0.0
        for s in queue:  # breadth first: the queue grows in the loop
            for before in self.predecessors[s]:
                if self.distance[before] == unreached:
                    self.distance[before] = self.distance[s] + 1.0
                    queue.append(before)

    def act(self, s: int) -> int:
        """The act to do in a state."""
        tries, distance = self.tries[s], self.distance
        if self.rng.random() < RANDOM_SHARE:
            a = self.rng.choice(self.acts[s])
        elif distance is None or not distance[s]:
            a = min(tries, key=tries.__getitem__)
        else:
            a = min(
                tries,
                key=lambda a: (
                    sum(p * distance[x] for (x, _), p in self.outcomes[s, a].items()),
                    tries[a],
                ),
            )
        tries[a] += 1
        return a


def compare(env: Any, rules: Rules) -> int:
    """Play an environment and compare it with its table.

    Parameters
    ----------
    env : gymnasium.Env
        The environment with its wrappers.
    rules : Rules
        The table of the environment.

    Returns
    -------
    int
        Number of acts played.

    Raises
    ------
    Mismatch
        If an outcome is not in the table, or occurs too often or too seldom.
    """
    index = {state: i for i, state in enumerate(rules.states)}
    n, player = len(rules.states), _Player(rules)
    starts: dict[int, int] = {}
    outcomes: dict[tuple[int, int], dict[Outcome, int]] = {}
    time_is_up = _time_limit()
    played = 0
    seed: int | None = SEED
    while played < STEPS and not time_is_up():
        observed = env.reset(seed=seed)
        seed = None
        s = _position(env, observed[0], index)
        if not rules.start[s] > 0.0:
            raise Mismatch(
                f"reset() begins in state '{rules.states[s]}', where the table never begins"
            )
        starts[s] = starts.get(s, 0) + 1
        player.begin()
        played += not player.acts[s]
        for _ in range(EPISODE if player.acts[s] else 0):
            a = player.act(s)
            played += 1
            observation, reward, terminated, truncated, _ = env.step(rules.acts[a])
            x = n if terminated else _position(env, observation, index)
            x = x if x < n and player.acts[x] else n
            outcome = _matching(rules.outcomes[s, a], x, float(reward))
            if outcome is None:
                result = "ends" if x == n else f"leads to state '{rules.states[x]}'"
                raise Mismatch(
                    f"in state '{rules.states[s]}' act '{rules.acts[a]}' {result} with reward "
                    f"{float(reward):g}, which the table does not have"
                )
            counts = outcomes.setdefault((s, a), {})
            counts[outcome] = counts.get(outcome, 0) + 1
            if x == n or truncated or time_is_up():
                break
            s = x
    _compare_frequencies(rules, starts, outcomes)
    return played


def differs(
    make: Callable[[], Any], make_without: Callable[[], Any], acts: tuple[Hashable, ...]
) -> bool:
    """Whether two environments differ with the same seed and the same acts.

    Parameters
    ----------
    make, make_without : callable
        Functions that make the two environments.
    acts : tuple
        Acts to draw from. Acts that an environment refuses are left out.

    Returns
    -------
    bool
        Whether an observation, a reward or an end differs. False if two copies of the first
        environment already differ.
    """
    first, again, without = (
        list(_record(make_one(), acts)) for make_one in (make, make, make_without)
    )
    return _agree(first, again) and not _agree(first, without)


def _time_limit() -> Callable[[], bool]:
    """A function that tests whether the time for playing is up, counted from now.

    The main limit is processor time, so that a loaded machine plays as much as an idle one.
    """
    cpu_end, end = time.process_time() + MAX_CPU_SECONDS, time.monotonic() + MAX_SECONDS
    return lambda: time.process_time() > cpu_end or time.monotonic() > end


def _record(env: Any, acts: tuple[Hashable, ...]) -> Iterator[tuple[Any, ...]]:
    """Observations, rewards and ends of the environment, act by act."""
    rng = random.Random(SEED)
    time_is_up = _time_limit()
    yield (_plain(env.reset(seed=SEED)[0]),)
    for _ in range(PAIRED):
        try:
            observed, reward, terminated, truncated, _ = env.step(rng.choice(acts))
        except Exception as error:  # an act that is not available may raise any exception
            yield ("raises", type(error).__name__)
            return
        yield _plain(observed), float(reward), bool(terminated), bool(truncated)
        if terminated or truncated:
            yield (_plain(env.reset()[0]),)
        if time_is_up():
            return


def _agree(some: list[Any], others: list[Any]) -> bool:
    """Whether two records agree over their common length."""
    return all(one == other for one, other in zip(some, others, strict=False))


def _compare_frequencies(
    rules: Rules, starts: dict[int, int], outcomes: dict[tuple[int, int], dict[Outcome, int]]
) -> None:
    """Raise `Mismatch` if an event, alone or summed over states, is too frequent or too rare."""
    n, tallies = len(rules.states), []
    for s in np.flatnonzero(rules.start > 0.0).tolist():
        tallies.append(_Tally(f"reset() begins in state '{rules.states[s]}'"))
        tallies[-1].add(float(rules.start[s]), sum(starts.values()), starts.get(s, 0))
    pooled: dict[int, _Tally] = {}
    for (s, a), counts in outcomes.items():
        row = rules.outcomes[s, a]
        for i, (outcome, chance) in enumerate(row.items() if len(row) > 1 else ()):
            goal = (
                "ends the episode"
                if outcome[0] == n
                else f"leads to state '{rules.states[outcome[0]]}'"
            )
            alone = _Tally(f"in state '{rules.states[s]}' act '{rules.acts[a]}' {goal}")
            together = pooled.setdefault(
                i, _Tally(f"outcome {i + 1} of acts, over all states, comes")
            )
            for tally in (alone, together):
                tally.add(chance, sum(counts.values()), counts.get(outcome, 0))
            tallies.append(alone)
    tallies += pooled.values()
    levels = math.log(STEPS / LEAST_VARIANCE) / math.log(STEP_UP)
    log_bound = math.log(2.0 * len(tallies) * levels / FALSE_ALARM)
    for tally in tallies:
        if tally.is_off(log_bound):
            raise Mismatch(
                f"{tally.event} {tally.seen:,} times of {tally.tries:,}, but the table says "
                f"{tally.expected / tally.tries:.3g} of them"
            )


def _matching(row: dict[Outcome, float], x: int, reward: float) -> Outcome | None:
    """The outcome of a row with this state and (nearly) this reward, if there is one."""
    if (x, reward) in row:
        return x, reward
    close = (
        known
        for known in row
        if known[0] == x and math.isclose(known[1], reward, rel_tol=TOLERANCE, abs_tol=1e-12)
    )
    return next(close, None)


def _position(env: Any, observed: Any, index: dict[Hashable, int]) -> int:
    """Index of the state of an observation, or else of the environment's attribute `s`."""
    for value in (observed, getattr(env.unwrapped, "s", None)):
        state = _plain(value)
        if state in index:
            return index[state]
    raise Mismatch(f"the environment comes to {_plain(observed)!r}, which is no state of its table")


def _plain(observed: Any) -> Hashable:
    """An observation as a value that can be compared and used as a key."""
    if isinstance(observed, np.ndarray | np.generic):
        observed = observed.item() if observed.size == 1 else observed.tolist()
    if isinstance(observed, list | tuple):
        return tuple(_plain(item) for item in observed)
    return observed if isinstance(observed, Hashable) else repr(observed)
