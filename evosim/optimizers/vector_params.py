"""Parameters of base optimizers over real vectors, apart from their implementations
(`evosim.optimizers.real_vectors`).

There a generation of an experiment's phase is one evaluation of the loss; a gradient counts as one,
and what it would cost by differences is told beside it.
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
    """Parameters of `gradient`: x <- x - rate (g / |g| + noise xi), xi standard normal over the
    square root of the dimensions.

    Attributes:
        rate: length of a step.
        normalised: whether only the gradient's direction counts (else its length as well).
        noise: length of the noise beside the step's.
        restarts: how many times it begins again, after equal numbers of steps; the best point found
        counts. spread: starts after the first are drawn evenly within this of 0, in side
        directions.
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
    """Parameters of `hill-climb` over real vectors: a step tried at random, taken unless it is
    worse.

    Attributes:
        step: length of a step: coordinates are normal with this over the square root of the
        dimensions. patience: evaluations without a lower loss before it begins again (0: never).
        spread: starts after the first are drawn evenly within this of 0, in side directions.
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
    """Parameters of `cma-es` over real vectors (Hansen and Ostermeier 2001, as DEAP has it).

    Attributes:
        population: samples a generation.
        step: length of a step at first; the strategy adapts it.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012

    population: int = 12
    step: float = 0.2

    def __post_init__(self) -> None:
        _check("population", self.population, 4, 100_000)
        _check("step", self.step, 1e-9)


@dataclass(frozen=True)
class VectorGenetic:
    """Parameters of `deap` over real vectors: `deap.algorithms.eaSimple` with tournaments, blend
    crossover and normal mutation.

    Attributes:
        population: individuals.
        step: length of a mutation if all coordinates mutate, and spread of the first population.
        cxpb: probability of mating.
        mutpb: probability of mutating.
        indpb: probability that a coordinate of a mutant mutates.
        alpha: of blend crossover: children lie up to this share of their parents' distance outside
        of it. tournament: individuals in a tournament.
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
