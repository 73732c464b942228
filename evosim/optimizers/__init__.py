"""Base optimizers: what searches over genomes, behind one ask and tell.

`OPTIMIZERS` says how each is made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from evosim.genomes import Grid
from evosim.optimizers.base import Descent, Extinction, Optimizer
from evosim.optimizers.params import InvalidOptimizer


def _sexual(params: Any, grid: Grid, seed: int) -> Optimizer:
    from evosim.optimizers.wright_fisher import SexualPopulation

    return SexualPopulation(params, grid, seed)


def _asexual(params: Any, grid: Grid, seed: int) -> Optimizer:
    from evosim.optimizers.wright_fisher import AsexualPopulation

    return AsexualPopulation(params, grid, seed)


def _exhaustive(params: Any, grid: Grid, seed: int) -> Optimizer:
    from evosim.optimizers.exhaustive import Enumeration

    return Enumeration(params, grid)


def _hill_climb(params: Any, grid: Grid, seed: int) -> Optimizer:
    from evosim.optimizers.hill_climbing import Climbers

    return Climbers(params, grid, seed)


def _cma_es(params: Any, grid: Grid, seed: int) -> Optimizer:
    from evosim.optimizers.cma_es import Rounded

    return Rounded(params, grid, seed)


def _deap(params: Any, grid: Grid, seed: int) -> Optimizer:
    from evosim.optimizers.deap_adapter import Guest

    return Guest(params, grid, seed)


# Implementations are imported when made: they bring the compiler with them, and a file can be
# checked without it.
OPTIMIZERS: dict[str, Callable[[Any, Grid, int], Optimizer]] = {
    "sexual": _sexual,
    "asexual": _asexual,
    "exhaustive": _exhaustive,
    "hill-climb": _hill_climb,
    "cma-es": _cma_es,
    "deap": _deap,
}

__all__ = ["OPTIMIZERS", "Descent", "Extinction", "InvalidOptimizer", "Optimizer"]
