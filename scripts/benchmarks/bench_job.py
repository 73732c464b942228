"""The reference job of the benchmark, its check, and the timing of candidates.

4096 inner planners live 40 ages in a random world of 200 states. Each state has 6 acts with 4
successors each. The result is the expected lifetime payoff from state 0. At age `t` a planner looks
`min(horizon, 40 - t)` steps ahead. Backward sweep `r` of the evaluation therefore follows the best
acts of planning sweep `min(horizon, r)`. Nothing is discounted.

Every table is a multiple of a power of two, so that float32 and float64 read the same numbers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evosim.runtime.machine import processors
from evosim.worlds import TabularMdp

Array = NDArray[Any]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Planner = Callable[[Floats, Ints], Array]

STATES, ACTS, SUCCESSORS, FEATURES, LIFESPAN, POPULATION, HORIZON = 200, 6, 4, 6, 40, 4096, 8
CLEAR, TIE = 1e-4, 1e-5
MAX_ERROR = 1e-3
THREADS = processors(batch=False)


@dataclass(frozen=True, eq=False)
class Tables:
    """The job's world as plain arrays.

    Attributes:
        successors, chances: `[S, A, 4]`, in ascending order of successor.
        features: `[S, A, 6]`.
        payoff: `[S, A]`, not negative.
    """

    successors: Ints
    chances: Array
    features: Array
    payoff: Array


def _rounded(x: Floats, bits: int) -> Floats:
    return np.floor(x * 2**bits) / 2**bits


@cache
def tables(seed: int = 1) -> Tables:
    """The job's arrays."""
    rng = np.random.default_rng(seed)
    successors = np.sort(
        rng.random((STATES, ACTS, STATES)).argsort(axis=2)[:, :, :SUCCESSORS], axis=2
    )
    chances = _rounded(rng.dirichlet(np.ones(SUCCESSORS), (STATES, ACTS)), 16)
    chances[:, :, -1] = 1.0 - chances[:, :, :-1].sum(axis=2)
    features = _rounded(rng.normal(size=(STATES, ACTS, FEATURES)), 16)
    wanted = features @ np.array([0.5, -0.25, 0.125, 0.0, 0.25, 0.0])
    payoff = _rounded(np.maximum(0.0, wanted + 0.5 * rng.normal(size=(STATES, ACTS))), 16)
    return Tables(successors.astype(np.int64), chances, features, payoff)


@cache
def by_act() -> Tables:
    """The tables in float32 with a row for each act and state, act by act.

    A maximum over acts then runs along arrays.

    `successors` and `chances` are `[A * S, 4]`, `features` `[A * S, 6]`, `payoff` `[A * S]`.
    """
    t = tables()

    def rows(table: Array) -> Array:
        return np.ascontiguousarray(table.swapaxes(0, 1).reshape(ACTS * STATES, -1))

    chances, features, payoff = (
        rows(x).astype(np.float32) for x in (t.chances, t.features, t.payoff[:, :, None])
    )
    return Tables(rows(t.successors), chances, features, payoff.ravel())


@cache
def dense() -> Array:
    """Transitions `[A * S, S]` in float32, act by act."""
    t, out = by_act(), np.zeros((ACTS * STATES, STATES), dtype=np.float32)
    np.put_along_axis(out, t.successors, t.chances, axis=1)
    return out


@cache
def world() -> TabularMdp:
    """The job's world as the product takes it."""
    t = tables()
    transitions = np.zeros((STATES, ACTS, STATES))
    np.put_along_axis(transitions, t.successors, t.chances, axis=2)
    return TabularMdp(
        name="reference job",
        states=tuple(f"s{i}" for i in range(STATES)),
        acts=tuple(f"a{i}" for i in range(ACTS)),
        features=tuple(f"f{i}" for i in range(FEATURES)),
        lifespan=LIFESPAN,
        available=np.ones((STATES, ACTS), dtype=bool),
        transitions=transitions,
        payoff=t.payoff,
        intent=t.payoff,
        features_felt=t.features,
        start=np.eye(STATES)[0],
    )


def genomes(n: int = POPULATION, seed: int = 2) -> tuple[Floats, Ints]:
    """Weights `[n, 6]` and horizons `[n]`; fewer are the first of more."""
    rng = np.random.default_rng(seed)
    weights, horizons = (
        rng.normal(size=(max(n, POPULATION), FEATURES)),
        rng.integers(1, HORIZON + 1, max(n, POPULATION)),
    )
    return weights[:n].astype(np.float32).astype(np.float64), horizons[:n]


def useful_flops(horizons: Ints) -> float:
    """Least work of the sparse job, in floating-point operations: felt reward, planning after the
    first sweep, evaluation.
    """
    felt, plan = 2 * STATES * ACTS * FEATURES, 2 * STATES * ACTS * SUCCESSORS
    evaluation = LIFESPAN * 2 * STATES * (SUCCESSORS + 1)
    return float((felt + plan * (horizons - 1) + evaluation).sum())


@dataclass(frozen=True, eq=False)
class Reference:
    """Fitness `[n]` in float64, and which genomes `[n]` can be compared: those that are nowhere
    near a tie.
    """

    fitness: Floats
    clear: NDArray[np.bool_]

    def largest_error(self, name: str, fitness: Array) -> float:
        """Largest error of a peer over clear genomes.

        Raises `RuntimeError` if it is above `MAX_ERROR`.
        """
        n = min(len(fitness), len(self.fitness))
        error = np.abs(np.asarray(fitness, dtype=np.float64)[:n] - self.fitness[:n])[self.clear[:n]]
        largest = float(error.max())
        if not largest <= MAX_ERROR:  # also if it is not a number
            raise RuntimeError(
                f"{name} does another job: it is off by {largest:g} for one of {len(error)} clear"
                " genomes."
            )
        return largest


def reference(weights: Floats, horizons: Ints) -> Reference:
    """The job in plain NumPy, one genome at a time.

    A genome is clear if its best act is better than the second best in every state and planning
    sweep. The margin is `CLEAR` plus twice the tolerance for ties of the product.
    """
    t, states = tables(), np.arange(STATES)
    fitness, clear = np.empty(len(weights)), np.empty(len(weights), dtype=bool)
    for i, (weight, horizon) in enumerate(zip(weights, horizons, strict=True)):
        felt = t.features @ weight
        value, return_by_state, gap = np.zeros(STATES), np.zeros(STATES), np.inf
        for sweep in range(1, LIFESPAN + 1):
            if sweep <= horizon:
                q = felt + (t.chances * value[t.successors]).sum(axis=2)
                act, value = q.argmax(axis=1), q.max(axis=1)
                second, best = np.partition(q, -2, axis=1)[:, -2:].T
                gap = min(gap, (best - second).min())
                to, chance, payoff = (
                    t.successors[states, act],
                    t.chances[states, act],
                    t.payoff[states, act],
                )
            return_by_state = payoff + (chance * return_by_state[to]).sum(axis=1)
        fitness[i] = return_by_state[0]
        clear[i] = gap >= max(CLEAR, 2.0 * TIE * np.abs(felt).max())
    return Reference(fitness, clear)


@dataclass(frozen=True)
class Timing:
    """Seconds of one candidate: the best and the median round, and how many rounds there were."""

    best: float
    median: float
    rounds: int
    first: float


@dataclass(frozen=True)
class Peer:
    """A way of doing the job: its family, the planner, and how many genomes take about a second or
    less.
    """

    family: str
    run: Planner
    count: int

    def __call__(self, weights: Floats, horizons: Ints) -> Array:
        """Fitness `[n]` of genomes."""
        return self.run(weights, horizons)


@cache
def workers() -> ThreadPoolExecutor:
    """As many Python threads as there are processors: the array libraries let go of the interpreter
    while they compute.
    """
    return ThreadPoolExecutor(THREADS)


def in_chunks(run: Planner, size: int, *, at_once: bool = True) -> Planner:
    """A planner that takes `size` genomes at a time, sorted by horizon.

    They run on all threads at once, or one after the other.
    """

    def chunked(weights: Floats, horizons: Ints) -> Array:
        order = np.argsort(horizons, kind="stable")
        chunks = [order[i : i + size] for i in range(0, len(order), size)]
        done = list(
            (workers().map if at_once else map)(
                lambda index: run(weights[index], horizons[index]), chunks
            )
        )
        out = np.empty(len(order), dtype=done[0].dtype)
        out[order] = np.concatenate(done)
        return out

    return chunked


def timed(
    candidates: Mapping[str, Callable[[], object]], rounds: int = 5, budget: float = 10.0
) -> dict[str, Timing]:
    """Time candidates in turn: a warm-up each (`first`: it compiles, it starts workers), then
    rounds over all of them.

    A candidate sits out once it has used `budget` seconds, so that slow ones do not hold up the
    rest.
    """
    first, took = {}, {name: list[float]() for name in candidates}
    for name, run in candidates.items():
        first[name] = _seconds(run)
    for _ in range(rounds):
        for name, run in candidates.items():
            if sum(took[name]) < budget:
                took[name].append(_seconds(run))
    return {
        name: Timing(min(t), float(np.median(t)), len(t), first[name]) for name, t in took.items()
    }


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start
