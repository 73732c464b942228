"""The number of threads does not change results."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from evosim.fitness.scorer import Scorer
from evosim.kernels import compilation
from evosim.optimizers import wright_fisher
from evosim.optimizers.params import Asexual, Sexual
from tests.support.random_worlds import random_pair, random_policy
from tests.support.settings import setting
from tests.support.twins import genetics, lives


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="this machine has one thread")
def test_the_same_bytes_for_one_and_two_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """With drive and modifiers on."""
    monkeypatch.setattr(compilation, "MIN_PARALLEL", 1)
    monkeypatch.setattr(compilation, "MIN_PARALLEL_READING", 1)
    made = setting("coarse-savanna")
    rules = made.genome.decode(np.arange(0, 22_500, 37))
    pair = random_pair(4)
    policy = random_policy(pair.modern, 5)
    grid = genetics(12, 2, 3)
    weights = np.random.default_rng(1).random(1000)
    results = []
    for threads in (1, 2):
        numba.set_num_threads(threads)
        pop = wright_fisher.SexualPopulation(Sexual(population=1000), grid, 4)
        pop.tell(weights)
        scores = Scorer(made.pair.modern, made.pair).score(rules)
        arrays = [
            pop.ask(),
            pop.parents,
            scores.payoff,
            scores.policy,
            *lives(pair, policy, 500, 11),
        ]
        results.append(b"".join(a.tobytes() for a in arrays))
    assert results[0] == results[1]


def test_small_populations_on_one_thread_are_the_same_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    grid = setting("coarse-savanna").genome.grid
    newborns = []
    for threaded in (10**9, 1):
        monkeypatch.setattr(compilation, "MIN_PARALLEL", threaded)
        monkeypatch.setattr(compilation, "MIN_PARALLEL_READING", threaded)
        for kind, params in (
            (wright_fisher.SexualPopulation, Sexual(population=300)),
            (wright_fisher.AsexualPopulation, Asexual(population=300)),
        ):
            optimizer = kind(params, grid, 3)
            for _ in range(3):
                optimizer.tell(1.0 + grid.classes(optimizer.ask()) % 5)
            newborns.append(optimizer.ask().tobytes())
    assert newborns[:2] == newborns[2:]
