"""Random world pairs and random policies: what laws are tested on."""

from __future__ import annotations

import numpy as np

from evosim.worlds import TabularMdp, WorldPair


def random_pair(
    seed: int,
    *,
    states: int = 6,
    acts: int = 4,
    features: int = 3,
    lifespan: int = 7,
    same: bool = False,
) -> WorldPair:
    """A pair with random availability, transitions, payoff, intent (not payoff) and features.

    Some states are out of reach in A, some acts only in M.
    """
    rng = np.random.default_rng(seed)
    ancestral = _world(rng, "random (ancestral)", states, acts, features, lifespan, closed=True)
    modern = (
        ancestral
        if same
        else _world(rng, "random (modern)", states, acts, features, lifespan, closed=False)
    )
    return WorldPair(
        name="random",
        ancestral=ancestral,
        modern=modern,
        observe=np.arange(states) % 3,
        classes=("x", "y", "z"),
        default_act="a0",
        serves={f"f{k}": ("a1",) for k in range(features)},
    )


def _world(
    rng: np.random.Generator, name: str, s: int, a: int, k: int, lifespan: int, *, closed: bool
) -> TabularMdp:
    available = rng.random((s, a)) < 0.6
    available[:, 0] = True
    transitions = rng.dirichlet(np.full(s, 0.4), size=(s, a))
    if closed:  # the last state cannot be reached in the ancestral world
        transitions[:, :, -1] = 0.0
        transitions /= transitions.sum(axis=2, keepdims=True)
    transitions = transitions * available[:, :, None]
    start = rng.dirichlet(np.ones(s))
    if closed:
        start[-1] = 0.0
        start /= start.sum()
    payoff = rng.random((s, a)) * available
    return TabularMdp(
        name=name,
        states=tuple(f"s{i}" for i in range(s)),
        acts=tuple(f"a{i}" for i in range(a)),
        features=tuple(f"f{i}" for i in range(k)),
        lifespan=lifespan,
        available=available,
        transitions=transitions,
        payoff=payoff,
        intent=payoff + 0.5 * rng.random((s, a)) * available,
        features_felt=rng.normal(size=(s, a, k)) * available[:, :, None],
        start=start,
    )


def random_policy(world: TabularMdp, seed: int, levels: int | None = None) -> np.ndarray:
    """A random policy `[L, S, A]` over available acts."""
    rng = np.random.default_rng(seed)
    weight = rng.random((levels or world.lifespan, *world.available.shape)) * world.available
    return weight / weight.sum(axis=2, keepdims=True)
