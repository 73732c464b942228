"""How others do the benchmark's work: the reference job, and a generation of breeding.

`PLANNERS` do the job of `bench_job`, each as well as its library honestly allows; `breeders` breed.
`AVAILABLE` holds versions, and `MISSING` says what is skipped because it is not installed: DEAP and
JAX are optional.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from functools import cache, partial
from importlib.metadata import version
from typing import Any

import numba
import numpy as np
import scipy.sparse
from bench_genetics import CASES
from bench_genetics import peer as numpy_generations
from bench_job import (
    ACTS,
    LIFESPAN,
    POPULATION,
    STATES,
    SUCCESSORS,
    Array,
    Floats,
    Ints,
    Peer,
    Planner,
    Timing,
    by_act,
    dense,
    in_chunks,
    tables,
)

F = np.float32
Ahead = Callable[[Array], Array]


# NumPy and SciPy: genomes are lanes, `[A * S, n]`


def ahead_by_gathers() -> Ahead:
    """Expected value of what comes next: rows of lanes, gathered."""
    t = by_act()
    pairs = [(t.chances[:, k, None].copy(), t.successors[:, k].copy()) for k in range(SUCCESSORS)]

    def ahead(value: Array) -> Array:
        out = pairs[0][0] * value.take(pairs[0][1], axis=0)
        for chance, successor in pairs[1:]:
            out += chance * value.take(successor, axis=0)
        return out

    return ahead


def ahead_by_product(sparse: bool) -> Ahead:
    """The same as a product of matrices: of a sparse one (SciPy) or a dense one (BLAS)."""
    matrix: Any = scipy.sparse.csr_array(dense()) if sparse else dense()
    return lambda value: np.asarray(matrix @ value)


def lanes(make: Callable[[], Ahead]) -> Planner:
    """The job for a chunk of genomes: all acts are valued, the best one's successors gathered lane
    by lane.
    """
    ahead = cache(make)

    def run(weights: Floats, horizons: Ints) -> Array:
        t, n, lane, states = (
            by_act(),
            len(horizons),
            np.arange(len(horizons)),
            np.arange(STATES)[:, None],
        )
        felt = t.features @ weights.T.astype(F)
        value, fitness = np.zeros((STATES, n), dtype=F), np.zeros((STATES, n), dtype=F)
        act = np.zeros((STATES, n), dtype=np.int64)
        for sweep in range(LIFESPAN):
            if sweep < horizons.max():
                q = (felt + ahead()(value) if sweep else felt).reshape(ACTS, STATES, n)
                best, value = q.argmax(axis=0), q.max(axis=0)
                act = np.where(horizons > sweep, best, act)
                row = act * STATES + states
                chance = [t.chances[:, k].take(row) for k in range(SUCCESSORS)]
                to = [t.successors[:, k].take(row) * n + lane for k in range(SUCCESSORS)]
                gain = t.payoff.take(row)
            flat, fitness = fitness.ravel(), gain.copy()
            for k in range(SUCCESSORS):
                fitness += chance[k] * flat.take(to[k])
        return fitness[0]

    return run


# Numba: one individual after the other, as one would write it down


def _one(weights, horizon, successors, chances, features, payoff, lifespan, zero):  # type: ignore[no-untyped-def]
    n_states, n_acts, n_successors = successors.shape
    felt = np.empty((n_states, n_acts), chances.dtype)
    for s in range(n_states):
        for a in range(n_acts):
            total = zero
            for k in range(features.shape[2]):
                total += features[s, a, k] * weights[k]
            felt[s, a] = total
    value, fresh = np.zeros(n_states, chances.dtype), np.zeros(n_states, chances.dtype)
    fitness, newer = np.zeros(n_states, chances.dtype), np.zeros(n_states, chances.dtype)
    chance, gain = (
        np.empty((n_states, n_successors), chances.dtype),
        np.empty(n_states, chances.dtype),
    )
    to = np.empty((n_states, n_successors), successors.dtype)
    for sweep in range(lifespan):
        if sweep < horizon:
            for s in range(n_states):
                best, act = felt[s, 0], 0
                for a in range(n_acts):
                    q = felt[s, a]
                    if sweep > 0:
                        for k in range(n_successors):
                            q += chances[s, a, k] * value[successors[s, a, k]]
                    if a == 0 or q > best:
                        best, act = q, a
                fresh[s], gain[s] = best, payoff[s, act]
                for k in range(n_successors):
                    chance[s, k], to[s, k] = chances[s, act, k], successors[s, act, k]
            value, fresh = fresh, value
        for s in range(n_states):
            total = gain[s]
            for k in range(n_successors):
                total += chance[s, k] * fitness[to[s, k]]
            newer[s] = total
        fitness, newer = newer, fitness
    return fitness[0]


@cache
def _numba_job(fastmath: bool) -> Any:
    one = numba.njit(fastmath=fastmath)(_one)

    def every(weights, horizons, successors, chances, features, payoff, lifespan, zero, out):  # type: ignore[no-untyped-def]
        for i in numba.prange(len(horizons)):
            out[i] = one(
                weights[i], horizons[i], successors, chances, features, payoff, lifespan, zero
            )

    return numba.njit(parallel=True, fastmath=fastmath)(every)


def numba_each(
    weights: Floats, horizons: Ints, *, dtype: type[np.floating[Any]], fastmath: bool
) -> Array:
    """The job, a genome at a time, in compiled loops over all threads."""
    t, out = tables(), np.empty(len(horizons), dtype=dtype)
    world = (
        t.successors.astype(np.int32),
        *(x.astype(dtype) for x in (t.chances, t.features, t.payoff)),
    )
    _numba_job(fastmath)(weights.astype(dtype), horizons, *world, LIFESPAN, dtype(0), out)
    return out


# Installed libraries


def _own() -> dict[str, Peer]:
    out = {}
    for size in (32, 64, 128):
        out[f"NumPy, gathers, {size} lanes"] = Peer(
            "NumPy", in_chunks(lanes(ahead_by_gathers), size), 2048
        )
        out[f"SciPy, sparse product, {size} lanes"] = Peer(
            "SciPy", in_chunks(lanes(partial(ahead_by_product, True)), size), 2048
        )
    for size in (64, 256):  # BLAS has threads of its own
        run = in_chunks(lanes(partial(ahead_by_product, False)), size, at_once=False)
        out[f"NumPy, dense product, {size} lanes"] = Peer("NumPy", run, 2048)
    out["Numba, float64, naive"] = Peer(
        "Numba", partial(numba_each, dtype=np.float64, fastmath=False), POPULATION
    )
    out["Numba, float32, fastmath"] = Peer(
        "Numba", partial(numba_each, dtype=np.float32, fastmath=True), POPULATION
    )
    return out


OPTIONAL = {"DEAP": ("deap", "bench_deap"), "JAX": ("jax", "bench_jax")}
AVAILABLE: dict[str, str] = {name: version(name.lower()) for name in ("NumPy", "SciPy", "Numba")}
MISSING: list[str] = []
PLANNERS: dict[str, Peer] = _own()
_BREEDERS: list[Callable[[int, int], dict[str, Callable[[], object]]]] = []

for _name, (_package, _module) in OPTIONAL.items():
    try:
        importlib.import_module(_package)
    except ImportError:
        MISSING.append(f"{_name} is not installed: its peers are skipped (pip install {_package}).")
        continue
    AVAILABLE[_name] = version(_package)
    _found = importlib.import_module(_module)
    PLANNERS |= _found.PLANNERS
    if hasattr(_found, "breeders"):
        _BREEDERS.append(_found.breeders)


def breeders(n: int = POPULATION) -> dict[str, Callable[[], object]]:
    """One generation of `n` diploids with 20 free loci, by peer: fitness, parents, gametes and
    mutation.

    NumPy does what the product does (one locus drives; mutation 1e-4). DEAP's own operators have
    neither drive nor strands that segregate. Parents are copied, alleles swapped between two of
    them, and some flipped.
    """
    grid = CASES["20 free loci, one drives, mutation 1e-4"]()
    out: dict[str, Callable[[], object]] = {"NumPy": numpy_generations(grid, n, 1)}
    for more in _BREEDERS:
        out |= more(n, len(grid.loci))
    return out


def best_of(family: str, timings: Mapping[str, Timing]) -> str:
    """The name of a family's fastest peer among those timed."""
    ours = {
        n: PLANNERS[n].count / timing.best
        for n, timing in timings.items()
        if PLANNERS[n].family == family
    }
    return max(ours, key=ours.__getitem__)
