"""JAX as a peer: the reference job in float32, written in several ways, chunks of several sizes.

Needs jax.

Chunks are sorted by horizon and dispatched from as many Python threads as there are processors.
That is faster than `lax.map`, and than one chunk after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
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
    in_chunks,
    tables,
)

Ahead = Callable[[Any], Any]


T = tables()
MATRIX = np.zeros((STATES, ACTS, STATES), dtype=np.float32)
np.put_along_axis(MATRIX, T.successors, T.chances.astype(np.float32), axis=2)
SUCCESSOR = T.successors.astype(np.int32)
CHANCE, FEATURE, PAYOFF = (x.astype(np.float32) for x in (T.chances, T.features, T.payoff))


def vmapped(weights: Any, horizons: Any) -> Any:
    """One genome as one would write it down, then `vmap`."""
    successors, chances, features, payoff = (
        jnp.asarray(x) for x in (SUCCESSOR, CHANCE, FEATURE, PAYOFF)
    )
    states, longest = jnp.arange(STATES), horizons.max()

    def one(weight: Any, horizon: Any) -> Any:
        felt = features @ weight

        def sweep(r: Any, carry: Any) -> Any:
            value, fitness, act = carry
            q = felt + (chances * value[successors]).sum(2)
            act, value = (
                jnp.where(r < horizon, q.argmax(1), act),
                jnp.where(r < horizon, q.max(1), value),
            )
            return value, follow(act, fitness), act

        def follow(act: Any, fitness: Any) -> Any:
            return payoff[states, act] + (
                chances[states, act] * fitness[successors[states, act]]
            ).sum(1)

        nothing = jnp.zeros(STATES)
        _, fitness, act = jax.lax.fori_loop(
            0, longest, sweep, (nothing, nothing, jnp.zeros(STATES, int))
        )
        return jax.lax.fori_loop(longest, LIFESPAN, lambda _, x: follow(act, x), fitness)[0]

    return jax.vmap(one)(weights, horizons)


def by_gathers(value: Any) -> Any:
    """Expected value `[S, A, n]` of what comes next: successors' rows of lanes, gathered."""
    return sum(CHANCE[:, :, k, None] * value[SUCCESSOR[:, :, k]] for k in range(SUCCESSORS))


def by_product(value: Any) -> Any:
    """The same as a product with the dense transitions `[S, A, S]`."""
    return jnp.asarray(MATRIX) @ value


def one_hot(q: Any, best: Any) -> Any:
    """The first best act, as a mask `[S, A, n]`."""
    return jax.nn.one_hot(q.argmax(1), ACTS, axis=1, dtype=bool)


def equals_best(q: Any, best: Any) -> Any:
    """The acts that are exactly best, as a mask `[S, A, n]`.

    There is one except for exact ties, which are not compared.
    """
    return q >= best[:, None]


def lanes(ahead: Ahead, mask: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Genomes as lanes, `[S, A, n]`: all acts are valued, a mask picks one; planning ends with the
    longest horizon.
    """

    def run(weights: Any, horizons: Any) -> Any:
        felt = jnp.einsum("saf,nf->san", FEATURE, weights)
        longest = horizons.max()

        def sweep(r: Any, carry: Any) -> Any:
            value, fitness, chosen = carry
            q = felt + ahead(value)
            best = q.max(1)
            chosen = jnp.where(r < horizons, mask(q, best), chosen)
            return jnp.where(r < horizons, best, value), follow(chosen, fitness), chosen

        def follow(chosen: Any, fitness: Any) -> Any:
            return jnp.where(chosen, PAYOFF[:, :, None] + ahead(fitness), 0.0).sum(1)

        nothing = jnp.zeros((STATES, weights.shape[0]))
        _, fitness, chosen = jax.lax.fori_loop(
            0, longest, sweep, (nothing, nothing, jnp.zeros(felt.shape, bool))
        )
        return jax.lax.fori_loop(longest, LIFESPAN, lambda _, x: follow(chosen, x), fitness)[0]

    return run


def _compiled(function: Callable[[Any, Any], Any]) -> Planner:
    compiled = jax.jit(function)

    def run(weights: Floats, horizons: Ints) -> Array:
        return np.asarray(compiled(weights.astype(np.float32), horizons.astype(np.int32)))

    return run


WAYS: dict[str, tuple[Callable[[Any, Any], Any], tuple[int, ...], int]] = {
    "vmap": (vmapped, (64, 256), 2048),
    "lanes, one-hot mask": (lanes(by_gathers, one_hot), (128, 256), POPULATION),
    "lanes, mask by comparison": (lanes(by_gathers, equals_best), (64, 128, 256, 512), POPULATION),
    "dense product": (lanes(by_product, equals_best), (128, 512), 2048),
}

PLANNERS = {
    f"JAX, {name}, {size} at a time": Peer("JAX", in_chunks(_compiled(way), size), count)
    for name, (way, sizes, count) in WAYS.items()
    for size in sizes
}
