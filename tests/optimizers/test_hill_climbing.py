"""Hill climbers follow their rules: moves, ties, restarts, new worlds."""

from __future__ import annotations

import numpy as np
import pytest

from evosim.genomes import Grid
from evosim.optimizers import OPTIMIZERS
from evosim.optimizers.allele_vector import AlleleVector
from evosim.optimizers.params import HillClimb
from tests.support.settings import setting


def grid(*settings: str) -> Grid:
    return setting("micro", *settings).genome.grid


def test_climbers_go_by_the_rules() -> None:
    """Neighbours are one step away; each climber moves to the best one unless it is worse."""
    g, tries = grid(), 4
    slots = AlleleVector(g)
    optimizer = OPTIMIZERS["hill-climb"](HillClimb(climbers=5, tries=tries), g, 0)
    rng = np.random.default_rng(0)
    table = rng.integers(0, 5, g.size).astype(np.float64)  # rough, with ties
    here = slots.read(optimizer.ask())[:5]
    worth = table[g.classes(slots.genotypes(here))]
    for _ in range(40):
        genotypes = optimizer.ask()
        alleles, fitness = slots.read(genotypes), table[g.classes(genotypes)]
        assert np.array_equal(
            fitness[:5],
            np.array([table[g.classes(slots.genotypes(here[c : c + 1]))][0] for c in range(5)]),
        )
        tried, gained = alleles[5:].reshape(5, tries, -1), fitness[5:].reshape(5, tries)
        current = optimizer._current  # type: ignore[attr-defined]
        assert (np.abs(tried - current[:, None, :]).sum(axis=2) == 1).all()
        optimizer.tell(fitness)
        for c in range(5):
            if gained[c].max() > worth[c]:
                here[c], worth[c] = tried[c, gained[c].argmax()], gained[c].max()
    assert (worth >= np.sort(table)[-g.size // 2]).all()


@pytest.mark.parametrize("ties", [False, True])
def test_climbers_on_flat_ground(ties: bool) -> None:
    """With equal fitness, only climbers that take ties move; `patience` runs out either way."""
    g = grid()
    slots = AlleleVector(g)
    optimizer = OPTIMIZERS["hill-climb"](HillClimb(climbers=20, ties=ties, patience=3), g, 0)
    began = optimizer._current.copy()  # type: ignore[attr-defined]
    for generation in range(4):
        moved = (optimizer._current != began).any(axis=1)  # type: ignore[attr-defined]
        assert moved.all() if ties and generation == 1 else moved.any() == (ties and generation > 0)
        tried = slots.read(optimizer.ask())[20:]
        away = np.abs(tried - optimizer._current).sum(axis=1)  # type: ignore[attr-defined]
        assert (away == 1).all() == (generation < 3)  # then they begin again, anywhere
        optimizer.tell(np.zeros(40))
    assert (optimizer._current == tried).all()  # type: ignore[attr-defined]


def test_restarts_find_better_optima() -> None:
    """A local peak at all alleles 0 and a better one elsewhere: only who begins again finds it."""
    g = grid("genome.ploidy=1")
    slots = AlleleVector(g)
    goal = slots.n_alleles - 1

    def found(patience: int) -> float:
        optimizer = OPTIMIZERS["hill-climb"](
            HillClimb(climbers=1, tries=8, patience=patience), g, 1
        )
        optimizer._current = optimizer._best = np.zeros((1, len(slots)), dtype=np.int64)  # type: ignore[attr-defined]
        for _ in range(400):
            alleles = slots.read(optimizer.ask())
            distance = np.abs(alleles - goal).sum(axis=1)
            fitness = np.where(
                (alleles == 0).all(axis=1),
                1.0,
                np.where(distance <= 1, 2.0 - distance, -distance - 0.0),
            )
            optimizer.tell(fitness)
        return float(fitness[0])

    assert found(0) == 1.0
    assert found(5) == 2.0


def test_a_new_world_is_evaluated_again() -> None:
    g = grid()
    optimizer = OPTIMIZERS["hill-climb"](HillClimb(climbers=6, tries=5), g, 0)
    for sign in (1.0, -1.0):
        optimizer.begin_phase()
        for _ in range(60):
            fitness = sign * g.classes(optimizer.ask()).astype(np.float64)
            optimizer.tell(fitness)
        best = fitness[:6]
        assert (best >= (sign * np.array([0.0, g.size - 1])).max() - 0.3 * g.size).all()
