"""Play an environment of Gymnasium by `step()` and `reset()`, and compare it with its table.

A table that says what the environment does not do gives wrong numbers. Two checks see that.

`compare` plays lives. An outcome that the table does not have is an error at once. Frequencies are
compared by Freedman's inequality (Annals of Probability 1975, theorem 1.6), which holds although
the acts depend on what has been seen. `FALSE_ALARM` bounds the chance that a right table is
refused.

`differs` plays the environment with an option and without it, with the same random numbers. So an
option that acts in `step()` or `reset()` alone is seen even if it seldom acts.
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
EPISODE = 200  # acts, then an episode begins again, so that many starts are seen
# A slower environment is played for so long: seconds of processor time, and by the clock.
SECONDS, LONGEST = 2.0, 20.0
CHANCE = 0.2  # of acts are drawn
PAIRED = 2_000  # acts with and without an option
SEED = 0
FALSE_ALARM = 1e-9  # chance that a right table is refused
# Variances are rounded up to powers of this, so that one bound holds for all
STEP_UP, LEAST_VARIANCE = (1.1, 1e-12)
TOLERANCE = 1e-6  # relative, of rewards: some environments give single precision

Outcome = tuple[int, float]  # position of the next state (the number of states: the end) and reward


class Mismatch(Exception):
    """The environment does what its table does not say. The message is the middle of a sentence."""


@dataclass(frozen=True)
class Rules:
    """A table of transitions as it is played.

    Attributes
    ----------
    states, acts : tuple
        Names of states and acts, as the environment's table has them.
    outcomes : dict
        By positions of state and act, each possible outcome and its chance.
    start : numpy.ndarray
        `[n]`, chances of the state in which an episode begins.
    """

    states: tuple[Hashable, ...]
    acts: tuple[Hashable, ...]
    outcomes: dict[tuple[int, int], dict[Outcome, float]]
    start: Any


@dataclass
class _Tally:
    """How often an event came, how often it was expected, and the variance of the difference."""

    what: str
    tries: int = 0
    seen: int = 0
    expected: float = 0.0
    variance: float = 0.0

    def add(self, chance: float, tries: int, seen: int) -> None:
        """Count an event of this chance that came in `seen` of some tries."""
        self.tries += tries
        self.seen += seen
        self.expected += chance * tries
        self.variance += chance * (1.0 - chance) * tries

    def is_off(self, log_bound: float) -> bool:
        """Whether the difference is larger than Freedman's bound lets it be."""
        power = math.ceil(math.log(max(self.variance, LEAST_VARIANCE)) / math.log(STEP_UP))
        third = log_bound / 3.0
        most = third + math.sqrt(third**2 + 2.0 * STEP_UP**power * log_bound)
        return abs(self.seen - self.expected) > most


class _Player:
    """Choose acts so that every act of every state is tried, and often.

    In every second episode it goes the shortest way to an act that was never tried. Otherwise it
    does what was least tried where it is. Chance keeps it out of rounds.
    """

    def __init__(self, rules: Rules) -> None:
        n = len(rules.states)
        self.outcomes = rules.outcomes
        self.doable: list[list[int]] = [[] for _ in range(n)]
        self.before: list[set[int]] = [set() for _ in range(n + 1)]
        for (s, a), row in rules.outcomes.items():
            self.doable[s].append(a)
            for x, _ in row:
                self.before[x].add(s)
        self.tries = [dict.fromkeys(acts, 0) for acts in self.doable]
        self.rng = random.Random(SEED)
        self.episodes = 0
        self.way: list[float] | None = None
        self.reached = self._reachable(np.flatnonzero(rules.start > 0.0).tolist(), n)

    def _reachable(self, first: list[int], n: int) -> list[int]:
        found, new = set(first), list(first)
        while new:
            s = new.pop()
            ahead = {x for a in self.doable[s] for x, _ in self.outcomes[s, a] if x < n} - found
            found |= ahead
            new += ahead
        return sorted(found)

    def begin(self) -> None:
        """Begin an episode."""
        self.episodes += 1
        self.way = None
        targets = (
            [s for s in self.reached if 0 in self.tries[s].values()] if self.episodes % 2 else []
        )
        if targets:
            far = float(len(self.doable) + 1)
            self.way = [far] * len(self.before)
            for s in targets:
                self.way[s] = 0.0
            for s in targets:  # (it grows: breadth first)
                for b in self.before[s]:
                    if self.way[b] == far:
                        self.way[b] = self.way[s] + 1.0
                        targets.append(b)

    def act(self, s: int) -> int:
        """The act to do in a state."""
        tries, way = self.tries[s], self.way
        if self.rng.random() < CHANCE:
            a = self.rng.choice(self.doable[s])
        elif way is None or not way[s]:
            a = min(tries, key=tries.__getitem__)
        else:
            a = min(
                tries,
                key=lambda a: (
                    sum(p * way[x] for (x, _), p in self.outcomes[s, a].items()),
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
        The environment as it is made, with its wrappers.
    rules : Rules
        What its table says.

    Returns
    -------
    int
        Acts that were played.

    Raises
    ------
    Mismatch
        If something happens that the table does not have, or happens too often or too seldom.
    """
    index = {state: i for i, state in enumerate(rules.states)}
    n, player = len(rules.states), _Player(rules)
    starts: dict[int, int] = {}
    each: dict[tuple[int, int], dict[Outcome, int]] = {}
    over = _time_limit()
    played = 0
    seed: int | None = SEED
    while played < STEPS and not over():
        observed = env.reset(seed=seed)
        seed = None
        s = _position(env, observed[0], index)
        if not rules.start[s] > 0.0:
            raise Mismatch(
                f"reset() begins in state '{rules.states[s]}', where the table never begins"
            )
        starts[s] = starts.get(s, 0) + 1
        player.begin()
        played += not player.doable[s]
        for _ in range(EPISODE if player.doable[s] else 0):
            a = player.act(s)
            played += 1
            given, reward, terminated, truncated, _ = env.step(rules.acts[a])
            x = n if terminated else _position(env, given, index)
            x = x if x < n and player.doable[x] else n
            outcome = _matching(rules.outcomes[s, a], x, float(reward))
            if outcome is None:
                came = "ends" if x == n else f"leads to state '{rules.states[x]}'"
                raise Mismatch(
                    f"in state '{rules.states[s]}' act '{rules.acts[a]}' {came} with reward "
                    f"{float(reward):g}, which the table does not have"
                )
            counts = each.setdefault((s, a), {})
            counts[outcome] = counts.get(outcome, 0) + 1
            if x == n or truncated or over():
                break
            s = x
    _compare_frequencies(rules, starts, each)
    return played


def differs(
    make: Callable[[], Any], make_without: Callable[[], Any], acts: tuple[Hashable, ...]
) -> bool:
    """Say whether two environments play differently with the same seed and the same acts.

    Parameters
    ----------
    make, make_without : callable
        Make the two environments.
    acts : tuple
        Acts of which those to be played are drawn; what an environment refuses is left out.

    Returns
    -------
    bool
        Whether anything that is seen differs. False if the first does not even repeat itself.
    """
    first, again, without = (
        list(_record(make_one(), acts)) for make_one in (make, make, make_without)
    )
    return _agree(first, again) and not _agree(first, without)


def _time_limit() -> Callable[[], bool]:
    """Whether an environment has been played for long enough, from now on.

    The limit is of processor time, so that a loaded machine sees as much as an idle one.
    """
    busy, clock = time.process_time() + SECONDS, time.monotonic() + LONGEST
    return lambda: time.process_time() > busy or time.monotonic() > clock


def _record(env: Any, acts: tuple[Hashable, ...]) -> Iterator[tuple[Any, ...]]:
    """What is seen in the environment, act by act."""
    rng = random.Random(SEED)
    over = _time_limit()
    yield (_plain(env.reset(seed=SEED)[0]),)
    for _ in range(PAIRED):
        try:
            observed, reward, terminated, truncated, _ = env.step(rng.choice(acts))
        except Exception as error:  # (whatever an environment raises at an act it does not have)
            yield ("raises", type(error).__name__)
            return
        yield _plain(observed), float(reward), bool(terminated), bool(truncated)
        if terminated or truncated:
            yield (_plain(env.reset()[0]),)
        if over():
            return


def _agree(some: list[Any], others: list[Any]) -> bool:
    """Whether two records agree as far as both go."""
    return all(one == other for one, other in zip(some, others, strict=False))


def _compare_frequencies(
    rules: Rules, starts: dict[int, int], each: dict[tuple[int, int], dict[Outcome, int]]
) -> None:
    """Raise `Mismatch` if an event, alone or summed over states, came too often or too seldom."""
    n, tallies = len(rules.states), []
    for s in np.flatnonzero(rules.start > 0.0).tolist():
        tallies.append(_Tally(f"reset() begins in state '{rules.states[s]}'"))
        tallies[-1].add(float(rules.start[s]), sum(starts.values()), starts.get(s, 0))
    pooled: dict[int, _Tally] = {}
    for (s, a), counts in each.items():
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
                f"{tally.what} {tally.seen:,} times of {tally.tries:,}, but the table says "
                f"{tally.expected / tally.tries:.3g} of them"
            )


def _matching(row: dict[Outcome, float], x: int, reward: float) -> Outcome | None:
    """The outcome of a row that this is, if there is one."""
    if (x, reward) in row:
        return x, reward
    close = (
        known
        for known in row
        if known[0] == x and math.isclose(known[1], reward, rel_tol=TOLERANCE, abs_tol=1e-12)
    )
    return next(close, None)


def _position(env: Any, observed: Any, index: dict[Hashable, int]) -> int:
    """Which state an observation is; where it is none, which one the environment keeps as `s`."""
    for found in (observed, getattr(env.unwrapped, "s", None)):
        state = _plain(found)
        if state in index:
            return index[state]
    raise Mismatch(f"the environment comes to {_plain(observed)!r}, which is no state of its table")


def _plain(observed: Any) -> Hashable:
    """An observation as something that can be compared and looked up."""
    if isinstance(observed, np.ndarray | np.generic):
        observed = observed.item() if observed.size == 1 else observed.tolist()
    if isinstance(observed, list | tuple):
        return tuple(_plain(item) for item in observed)
    return observed if isinstance(observed, Hashable) else repr(observed)
