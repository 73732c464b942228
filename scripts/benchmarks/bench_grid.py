"""Peers of the landscape, with NumPy and with SciPy: fitness of a grid of planners in both worlds.

In float64, with lives spread over the acts that tie for best, as the product does it. `ENUMERATORS`
by name: those called `merged` evaluate equal policies once, as the product does, the others every
class.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse
from bench_job import Array, Floats, Ints, workers

from evosim.config.resolve import Problem
from evosim.genomes import PlannerRules
from evosim.worlds import TabularMdp

SIZE = 64


@dataclass(frozen=True, eq=False)
class Rows:
    """A world, one row for each available act, state by state; genomes will be lanes.

    Attributes:
        ahead: value `[S, n]` to the expected value `[rows, n]` of what comes next.
        features, payoff: `[rows, K]`, `[rows, 1]`.
        state, first: `[rows]` state of a row, `[S]` first row of a state.
    """

    world: TabularMdp
    ahead: Callable[[Floats], Floats]
    features: Floats
    payoff: Floats
    state: Ints
    first: Ints


def rows_of(world: TabularMdp, sparse: bool) -> Rows:
    """The rows of a world."""
    state, act = np.nonzero(world.available)
    matrix = world.transitions[state, act]
    ahead = _by_product(matrix) if sparse else _by_gathers(matrix)
    first = np.searchsorted(state, np.arange(len(world.states)))
    return Rows(
        world,
        ahead,
        world.features_felt[state, act],
        world.payoff[state, act][:, None],
        state,
        first,
    )


def _by_product(matrix: Floats) -> Callable[[Floats], Floats]:
    sparse: Any = scipy.sparse.csr_array(matrix)
    return lambda value: np.asarray(sparse @ value)


def _by_gathers(matrix: Floats) -> Callable[[Floats], Floats]:
    row, successor = np.nonzero(matrix)
    chance, first = matrix[row, successor][:, None], np.searchsorted(row, np.arange(len(matrix)))
    return lambda value: np.asarray(
        np.add.reduceat(chance * value.take(successor, axis=0), first, axis=0)
    )


def plans(rows: Rows, rules: PlannerRules) -> Array:
    """`[levels, rows, n]`: which acts are tied for best."""
    felt = rows.features @ rules.weights.T
    slack = rules.tie_tolerance * np.abs(felt).max(axis=0)
    value, out = (
        np.zeros((len(rows.first), len(rules))),
        np.empty((rules.levels, *felt.shape), dtype=bool),
    )
    for level in range(rules.levels):
        q = felt + rules.discount * rows.ahead(value)
        value = np.maximum.reduceat(q, rows.first, axis=0)
        out[level] = q >= (value - slack)[rows.state]
        if level:
            out[level] = np.where(rules.horizon > level, out[level], out[level - 1])
    return out


def lifetimes(rows: Rows, chosen: Array) -> Floats:
    """`[n]`: lifetime payoff of plans, each act of a set as likely."""
    value = np.zeros((len(rows.first), chosen.shape[2]))
    for remaining in range(rows.world.lifespan):
        if remaining < len(chosen):
            share = (
                chosen[remaining]
                / np.add.reduceat(chosen[remaining], rows.first, axis=0, dtype=np.float64)[
                    rows.state
                ]
            )
        value = np.add.reduceat(share * (rows.payoff + rows.ahead(value)), rows.first, axis=0)
    return np.asarray(rows.world.start @ value)


def each(rows: Rows, rules: PlannerRules) -> Floats:
    """Lifetime payoff `[n]`, of every class on its own."""
    return np.concatenate(
        list(
            workers().map(
                lambda part: lifetimes(rows, plans(rows, rules.take(part))), _parts(len(rules))
            )
        )
    )


def merged(rows: Rows, rules: PlannerRules) -> Floats:
    """Lifetime payoff `[n]`, of equal policies once."""
    shape = (rules.levels, len(rows.state))

    def packed(part: Ints) -> Array:
        return np.ascontiguousarray(
            np.packbits(plans(rows, rules.take(part)).reshape(-1, len(part)), axis=0).T
        )

    keys = np.concatenate(list(workers().map(packed, _parts(len(rules)))))
    _, one, inverse = np.unique(
        keys.view(f"V{keys.shape[1]}").ravel(), return_index=True, return_inverse=True
    )

    def fitness_of(part: Ints) -> Floats:
        bits = np.unpackbits(keys[one[part]].T, axis=0, count=shape[0] * shape[1])
        return lifetimes(rows, bits.reshape(*shape, -1))

    return np.concatenate(list(workers().map(fitness_of, _parts(len(one)))))[inverse]


def enumerated(
    setting: Problem, classes: Ints, *, sparse: bool, way: Callable[[Rows, PlannerRules], Floats]
) -> Floats:
    """Fitness `[n, 2]` of classes in the ancestral and the modern world.

    Raises `ValueError` for genomes it does not know.
    """
    rules = setting.genome.decode(classes)
    if (
        not isinstance(rules, PlannerRules)
        or rules.beliefs != ("true",)
        or rules.temperature.any()
        or rules.ties != "split"
    ):
        raise ValueError(
            "these peers value planners that know the truth, choose the best act, and split ties"
        )
    worlds = (setting.pair.ancestral, setting.pair.modern)
    return np.stack(
        [way(rows_of(world, sparse), rules) * rules.fitness_retained for world in worlds], axis=1
    )


def _parts(n: int) -> list[Ints]:
    return [np.arange(i, min(i + SIZE, n)) for i in range(0, n, SIZE)]


ENUMERATORS: dict[str, Callable[[Problem, Ints], Floats]] = {
    f"{library}, {way.__name__}": partial(enumerated, sparse=sparse, way=way)
    for library, sparse in (("NumPy", False), ("SciPy", True))
    for way in (each, merged)
}
