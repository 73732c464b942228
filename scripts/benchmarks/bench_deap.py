"""DEAP as a peer: the reference job through `toolbox.map`, and a generation of DEAP's operators.

It needs the package deap.

An individual is a list of six weights and a horizon. It is evaluated by pure Python or by NumPy,
genome by genome. Evaluation is serial or in worker processes, which import this module.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
from bench_job import (
    ACTS,
    LIFESPAN,
    STATES,
    THREADS,
    Array,
    Floats,
    Ints,
    Peer,
    by_act,
    dense,
    tables,
)
from deap import base, creator, tools

# Created classes stay, also when this file is imported again
if not hasattr(creator, "LifetimePayoff"):
    creator.create("LifetimePayoff", base.Fitness, weights=(1.0,))
    creator.create("Individual", list, fitness=creator.LifetimePayoff)

FIRST = range(0, STATES * ACTS, ACTS)


@cache
def _lists() -> tuple[list[list[float]], list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """For each state and act: features; successors and chances; the same with payoff in front."""
    t = tables()
    to, chances = (
        t.successors.reshape(STATES * ACTS, -1).tolist(),
        t.chances.reshape(STATES * ACTS, -1).tolist(),
    )
    ahead = [(*x, *y) for x, y in zip(to, chances, strict=True)]
    lived = [(payoff, *row) for payoff, row in zip(t.payoff.ravel().tolist(), ahead, strict=True)]
    return t.features.reshape(STATES * ACTS, -1).tolist(), ahead, lived


def by_python(individual: list[Any]) -> tuple[float]:
    """Fitness of one individual in plain Python."""
    features, ahead, lived = _lists()
    a, b, c, d, e, f, horizon = individual
    felt = [a * u + b * v + c * w + d * x + e * y + f * z for u, v, w, x, y, z in features]
    fitness, value, q = [0.0] * STATES, [0.0] * STATES, felt
    for sweep in range(LIFESPAN):
        if sweep < horizon:
            if sweep:
                q = [
                    r + p0 * value[s0] + p1 * value[s1] + p2 * value[s2] + p3 * value[s3]
                    for r, (s0, s1, s2, s3, p0, p1, p2, p3) in zip(felt, ahead)  # noqa: B905
                ]
            value = [max(q[i : i + ACTS]) for i in FIRST]
            follow = [lived[q.index(best, i)] for i, best in zip(FIRST, value)]  # noqa: B905
        fitness = [
            r + p0 * fitness[s0] + p1 * fitness[s1] + p2 * fitness[s2] + p3 * fitness[s3]
            for r, s0, s1, s2, s3, p0, p1, p2, p3 in follow
        ]
    return (fitness[0],)


@cache
def _by_rank() -> tuple[Ints, Array]:
    """Successors and chances `[4, A * S]`."""
    return np.ascontiguousarray(by_act().successors.T), np.ascontiguousarray(by_act().chances.T)


def by_numpy(individual: list[Any]) -> tuple[float]:
    """Fitness of one individual with NumPy in float32: successors gathered to plan, a dense matrix
    of its own to evaluate.
    """
    t, to, chances, horizon, states = by_act(), *_by_rank(), individual[-1], np.arange(STATES)
    felt = t.features @ np.array(individual[:-1], dtype=np.float32)
    value = fitness = np.zeros(STATES, dtype=np.float32)
    for sweep in range(LIFESPAN):
        if sweep < horizon:
            q = (felt + (chances * value.take(to)).sum(axis=0) if sweep else felt).reshape(
                ACTS, STATES
            )
            row, value = q.argmax(axis=0) * STATES + states, q.max(axis=0)
            chain, gain = dense()[row], t.payoff[row]
        fitness = gain + chain @ fitness
    return (float(fitness[0]),)


@cache
def _pool() -> Any:
    """New worker processes with one thread each."""
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        pool = multiprocessing.get_context("spawn").Pool(THREADS)
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
    atexit.register(pool.terminate)
    return pool


def evaluated(
    weights: Floats,
    horizons: Ints,
    *,
    evaluate: Callable[[list[Any]], tuple[float]],
    processes: bool,
) -> Array:
    """Make individuals, evaluate them with `toolbox.map`, and set their fitness."""
    toolbox = base.Toolbox()
    toolbox.register("evaluate", evaluate)
    toolbox.register(
        "map",
        partial(_pool().map, chunksize=max(1, len(weights) // (4 * THREADS))) if processes else map,
    )
    population = [
        creator.Individual([*w, h])
        for w, h in zip(weights.tolist(), horizons.tolist(), strict=True)
    ]
    for individual, fitness in zip(
        population, toolbox.map(toolbox.evaluate, population), strict=True
    ):
        individual.fitness.values = fitness
    return np.array([individual.fitness.values[0] for individual in population])


PLANNERS = {
    "DEAP, pure Python": Peer("DEAP", partial(evaluated, evaluate=by_python, processes=False), 128),
    f"DEAP, pure Python, {THREADS} processes": Peer(
        "DEAP", partial(evaluated, evaluate=by_python, processes=True), 256
    ),
    "DEAP, NumPy per genome": Peer(
        "DEAP", partial(evaluated, evaluate=by_numpy, processes=False), 1024
    ),
    f"DEAP, NumPy per genome, {THREADS} processes": Peer(
        "DEAP", partial(evaluated, evaluate=by_numpy, processes=True), 2048
    ),
}


def _lethal(individual: list[int]) -> tuple[float]:
    return (float(not (individual[0] and individual[len(individual) // 2])),)


def breeders(n: int, loci: int) -> dict[str, Callable[[], object]]:
    """One generation of `n` individuals of `2 * loci` bits: evaluation, selection, clones, uniform
    crossover, mutation.
    """
    bits = (np.random.default_rng(0).random((n, 2 * loci)) < 0.5).astype(int).tolist()
    population = [creator.Individual(row) for row in bits]
    toolbox = base.Toolbox()
    toolbox.register("mate", tools.cxUniform, indpb=0.5)
    toolbox.register("mutate", tools.mutFlipBit, indpb=1e-4)

    def generation(select: Callable[[list[Any], int], list[Any]]) -> list[Any]:
        for individual in population:
            individual.fitness.values = _lethal(individual)
        young = [toolbox.clone(parent) for parent in select(population, n)]
        for one, other in zip(young[::2], young[1::2], strict=False):
            toolbox.mate(one, other)
        for individual in young:
            toolbox.mutate(individual)
            del individual.fitness.values
        return young

    return {
        "DEAP, tournament of 3": partial(generation, partial(tools.selTournament, tournsize=3)),
        "DEAP, roulette": partial(generation, tools.selRoulette),
    }
