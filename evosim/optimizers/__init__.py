"""Base optimizers: search over genomes through one interface, ask and tell.

`OPTIMIZERS` lists their constructors by name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from evosim.genomes import Grid
from evosim.optimizers.base import Extinction, InvalidState, Optimizer, Parentage, State
from evosim.optimizers.params import InvalidOptimizer


def _sexual(params: Any, grid: Grid, seed: int) -> Optimizer:
    from evosim.optimizers.wright_fisher import SexualPopulation

    return SexualPopulation(params, grid, seed)


def _asexual(params: Any, grid: Grid, seed: int) -> Optimizer:
    from evosim.optimizers.wright_fisher import AsexualPopulation

    return AsexualPopulation(params, grid, seed)


def _exhaustive(params: Any, grid: Grid, seed: int) -> Optimizer:
    from evosim.optimizers.exhaustive import ExhaustiveSearch

    return ExhaustiveSearch(params, grid)


def _hill_climb(params: Any, grid: Grid, seed: int) -> Optimizer:
    from evosim.optimizers.hill_climbing import HillClimbers

    return HillClimbers(params, grid, seed)


def _cma_es(params: Any, grid: Grid, seed: int) -> Optimizer:
    from evosim.optimizers.cma_es import CmaEsOnAlleles

    return CmaEsOnAlleles(params, grid, seed)


def _deap(params: Any, grid: Grid, seed: int) -> Optimizer:
    from evosim.optimizers.deap_adapter import DeapAdapter

    return DeapAdapter(params, grid, seed)


# A constructor imports its implementation, which imports the compiler. Files of experiments are
# checked without it.
OPTIMIZERS: dict[str, Callable[[Any, Grid, int], Optimizer]] = {
    "sexual": _sexual,
    "asexual": _asexual,
    "exhaustive": _exhaustive,
    "hill-climb": _hill_climb,
    "cma-es": _cma_es,
    "deap": _deap,
}

__all__ = [
    "OPTIMIZERS",
    "Extinction",
    "InvalidOptimizer",
    "InvalidState",
    "Optimizer",
    "Parentage",
    "State",
]
