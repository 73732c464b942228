"""Inputs for kernels and their readable twins."""

from __future__ import annotations

import numpy as np

from evosim.genomes import Driver, Grid, LocusParams, Modifier
from evosim.genomes.germline import GermLine, build_grid
from evosim.kernels import rollout as live_kernel
from evosim.rng import key_of
from evosim.worlds import WorldPair


def genetics(loci: int, ploidy: int, seed: int) -> Grid:
    """Random markers on chromosomes of four, two of them with drivers, one of these with two
    modifiers.
    """
    rng = np.random.default_rng(seed)
    markers = {
        f"l{i}": LocusParams(
            tuple(float(a) for a in range(rng.integers(2, 5))),
            mutation=rng.choice([0.0, 0.3]),
            kernel="step" if rng.random() < 0.5 else "uniform",
            chromosome=f"c{i // 4}" if i < 8 else "",
            position=20.0 * (i % 4) if i < 8 else 0.0,
        )
        for i in range(loci)
    }
    sexes = ploidy == 2
    drivers = (
        Driver(
            "l1",
            1.0,
            (0.8, 0.9) if sexes else 0.9,
            0.3,
            0.5,
            "male fertility" if sexes else "viability",
        ),
        Driver("l5", 0.0, 0.7, 0.2, 0.2, "viability"),
    )
    modifiers = (
        Modifier("l2", 1.0, "l1", 0.5, 0.6, 0.1),
        Modifier("l7", 1.0, "l1", 0.95, 0.6, 0.1),
    )
    return build_grid([], GermLine(markers=markers, drivers=drivers, modifiers=modifiers), ploidy)


def lives(pair: WorldPair, policy: np.ndarray, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    world = pair.modern
    states = np.empty((n, world.lifespan), dtype=np.int64)
    acts = np.empty_like(states)
    rows = np.cumsum(world.transitions.reshape(-1, len(world.states)), axis=1)
    live_kernel.live(
        live_kernel.Chances(np.cumsum(policy, axis=2), rows, np.cumsum(world.start)),
        3,
        *key_of(seed),
        states,
        acts,
    )
    return states, acts
