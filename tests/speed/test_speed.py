"""Speed cases for regressions.

The test suite runs each once, without timing; to time and compare with an earlier state:

    .venv-test/bin/pytest tests/speed -n0 --benchmark-enable --benchmark-autosave
    .venv-test/bin/pytest tests/speed -n0 --benchmark-enable --benchmark-compare

Nothing is asserted of times: machines are noisy. `python scripts/benchmarks/bench.py` compares the
product with its peers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pytest

from evosim.fitness.landscape import Landscape
from evosim.fitness.scorer import Scorer
from evosim.optimizers.params import Sexual
from evosim.optimizers.wright_fisher import SexualPopulation
from evosim.simulation.loop import simulate
from evosim.verify.engine import driver, markers
from tests.support.settings import setting

Benchmark = Callable[..., Any]


@pytest.mark.parametrize("precision", ["single", "double"])
def test_enumerate_the_default_grid(
    benchmark: Benchmark, precision: Literal["single", "double"]
) -> None:
    made = setting("coarse-savanna")
    rules = made.genome.decode(np.arange(made.genome.grid.size))
    scorer = Scorer(made.pair.ancestral, made.pair, precision=precision)

    def run() -> np.ndarray:
        scorer.forget()
        return scorer.score(rules).payoff

    assert benchmark(run).max() > 0.5


def test_meet_known_behaviours(benchmark: Benchmark) -> None:
    made = setting("coarse-savanna")
    rules = made.genome.decode(np.arange(0, made.genome.grid.size, 45))
    scorer = Scorer(made.pair.ancestral, made.pair)
    known = scorer.score(rules).payoff
    np.testing.assert_array_equal(benchmark(lambda: scorer.score(rules).payoff), known)


def test_one_seed_of_the_default_experiment(benchmark: Benchmark) -> None:
    made = setting("coarse-savanna", "phases.0.generations=50", "phases.1.generations=50")
    landscape = Landscape(made)
    assert benchmark(lambda: simulate(made, landscape, 0)).status == "complete"


@pytest.mark.parametrize("n", [500, 20_000])
def test_one_generation_of_genetics(benchmark: Benchmark, n: int) -> None:
    grid = markers(*[None] * 20, drivers=(driver(0.9, 1.0, 0.0),), mutation=1e-4)
    population = SexualPopulation(Sexual(population=n), grid, 1)
    benchmark(lambda: population.tell(np.ones(n)))
    assert population.ask().shape == (n, 2, 20)
