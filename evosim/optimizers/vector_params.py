"""Parameters of base optimizers over real vectors (`evosim.optimizers.real_vectors`).

A generation of an experiment's phase is one evaluation of the loss there. A gradient counts as one
evaluation; its cost by finite differences is reported separately.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from evosim.optimizers.params import InvalidOptimizer

MOST = 1e6


def _check(name: str, value: float, low: float, high: float = MOST) -> None:
    """Raise `InvalidOptimizer` unless a parameter lies in a closed range."""
    if not low <= value <= high:
        raise InvalidOptimizer(
            f"optimizer.{name} must lie in [{low:g}, {high:g}], but is {value}. Set it inside that"
            " range."
        )


@dataclass(frozen=True)
class Gradient:
    """Parameters of `gradient`: x <- x - rate (g / |g| + noise xi).

    xi is standard normal, divided by the square root of the number of dimensions.

    Attributes
    ----------
    rate : float
        Length of a step.
    normalised : bool
        Whether only the gradient's direction counts, not its length.
    noise : float
        Length of the noise relative to the step.
    restarts : int
        Number of restarts, after equal numbers of steps. The best point counts.
    spread : float
        Later starts are drawn evenly within this distance of 0 in each side direction.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012

    rate: float = 0.2
    normalised: bool = True
    noise: float = 1.0
    restarts: int = 0
    spread: float = 10.0

    def __post_init__(self) -> None:
        _check("rate", self.rate, 1e-9)
        _check("noise", self.noise, 0.0)
        _check("restarts", self.restarts, 0, 10_000)
        _check("spread", self.spread, 0.0)


@dataclass(frozen=True)
class VectorClimb:
    """Parameters of `hill-climb` over real vectors: random steps, taken unless they are worse.

    Attributes
    ----------
    step : float
        Length of a step. Its coordinates are normal with standard deviation `step`, divided by the
        square root of the number of dimensions.
    patience : int
        Evaluations without a lower loss before a restart (0: never).
    spread : float
        Later starts are drawn evenly within this distance of 0 in each side direction.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012

    step: float = 0.2
    patience: int = 0
    spread: float = 10.0

    def __post_init__(self) -> None:
        _check("step", self.step, 1e-9)
        _check("patience", self.patience, 0, 10**9)
        _check("spread", self.spread, 0.0)


@dataclass(frozen=True)
class VectorCma:
    """Parameters of `cma-es` over real vectors (Hansen and Ostermeier 2001; DEAP's version).

    Attributes
    ----------
    population : int
        Samples a generation.
    step : float
        Initial length of a step. The strategy adapts it.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012

    population: int = 12
    step: float = 0.2

    def __post_init__(self) -> None:
        _check("population", self.population, 4, 100_000)
        _check("step", self.step, 1e-9)


@dataclass(frozen=True)
class VectorGenetic:
    """Parameters of `deap` over real vectors.

    The algorithm is `deap.algorithms.eaSimple` with tournaments, blend crossover and normal
    mutation.

    Attributes
    ----------
    population : int
        Individuals.
    step : float
        Length of a mutation of all coordinates, and spread of the first population.
    cxpb : float
        Probability of mating.
    mutpb : float
        Probability of mutating.
    indpb : float
        Probability that a coordinate of a mutant mutates.
    alpha : float
        Of blend crossover: how far children lie outside their parents' range, as a share of it.
    tournament : int
        Individuals in a tournament.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012

    population: int = 50
    step: float = 0.2
    cxpb: float = 0.5
    mutpb: float = 0.5
    indpb: float = 0.2
    alpha: float = 0.5
    tournament: int = 3

    def __post_init__(self) -> None:
        _check("population", self.population, 2, 100_000)
        _check("step", self.step, 1e-9)
        for name in ("cxpb", "mutpb", "indpb"):
            _check(name, getattr(self, name), 0.0, 1.0)
        if self.cxpb + self.mutpb == 0.0:
            raise InvalidOptimizer(
                "optimizer.cxpb and optimizer.mutpb must not both be 0, or nothing would ever"
                " change. Raise one."
            )
        _check("alpha", self.alpha, 0.0, 10.0)
        _check("tournament", self.tournament, 1, 10_000)


VECTOR_PARAMS: dict[str, type[Any]] = {
    "gradient": Gradient,
    "hill-climb": VectorClimb,
    "cma-es": VectorCma,
    "deap": VectorGenetic,
}
VECTOR_WHAT: dict[str, str] = {
    "gradient": "steps down the gradient, with noise; restarts",
    "hill-climb": "steps tried at random and taken unless they are worse; restarts",
    "cma-es": "samples of a normal distribution that adapts (DEAP)",
    "deap": "a genetic algorithm over real numbers: tournaments, blend crossover, mutation (DEAP)",
}
