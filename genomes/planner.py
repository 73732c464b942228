"""Planner: a genome whose loci are the parts of an inner optimizer.

Loci. There is one objective weight per feature of the world. The other loci are the planning
horizon, the belief and the temperature of the choice. The belief is the transition table that the
planner takes for true. A locus with a single allele is fixed. Only the ratios of weights matter, so
the default experiment fixes one.

Planning cost. Each step of horizon costs the share `planning_cost` of fitness: brain tissue takes
energy from offspring. The cost is a parameter and not a locus, because a locus would evolve to 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from evosim.genomes.errors import InvalidGenome
from evosim.genomes.figure import LocusFigure, LocusPanel
from evosim.genomes.germline import GermLine, build_grid
from evosim.genomes.grid import Grid
from evosim.genomes.loci import Ints, Locus, LocusParams, make_locus
from evosim.genomes.rules import Floats, PlannerRules
from evosim.genomes.shape import WorldShape

OWN_LOCI = ("horizon", "belief", "temperature", "gate")
FIGURE = LocusFigure(
    "Desires and foresight through time",
    "weights with a single allele are fixed and not shown",
    (
        LocusPanel("weights", "mean objective weight", "desire for"),
        LocusPanel("horizon", "mean planning horizon (steps)", width=0.7),
    ),
)


@dataclass(frozen=True)
class Planner(GermLine):
    """Parameters of the planner genome, in addition to those of the germ line.

    Attributes
    ----------
    weights : mapping of str to LocusParams
        A locus for each feature that can be desired. Other features have weight 0.
    horizon : LocusParams
        Steps that the planner looks ahead. Heterozygotes are rounded up to a whole step.
    belief : LocusParams
        Names of beliefs in order of dominance.
    temperature : LocusParams
        Softmax temperature in units of felt reward; 0 chooses the best act.
    ploidy : int
        1 haploid, 2 diploid.
    mutation_scale : float
        Factor of the mutation rate of every expressed locus.
    discount : float
        Felt discount per step, in (0, 1].
    planning_cost : float
        Share of fitness lost per step of horizon, in [0, 1].
    ties : str
        `split` (uniform over tied acts), `first` or `last` in the world's order of acts.
    tie_tolerance : float
        Share of the largest felt reward within which acts tie.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012

    weights: Mapping[str, LocusParams] = field(default_factory=dict)
    horizon: LocusParams = field(default=LocusParams((1.0,)))
    belief: LocusParams = field(default=LocusParams(("true",)))
    temperature: LocusParams = field(default=LocusParams((0.0,)))
    ploidy: int = 2
    mutation_scale: float = 1.0
    discount: float = 0.95
    planning_cost: float = 0.0
    ties: Literal["split", "first", "last"] = "split"
    tie_tolerance: float = 1e-5


@dataclass(frozen=True, eq=False)
class PlannerGenome:
    """The planner genome for one world; its parameters are in `Planner`."""

    params: Planner
    shape: WorldShape
    grid: Grid
    name: str = "planner"

    def decode(self, classes: Ints) -> PlannerRules:
        """The planners `[n]` of the classes `[n]`."""
        values = self.grid.values(np.asarray(classes, dtype=np.int64))
        column = {locus.name: values[:, i] for i, locus in enumerate(self.grid.loci)}
        horizon_locus = next(locus for locus in self.grid.loci if locus.name == "horizon")
        return PlannerRules(
            weights=weights_of(column, self.shape.features, len(values)),
            horizon=column["horizon"].astype(np.int64),
            belief=column["belief"].astype(np.int64),
            temperature=column["temperature"],
            beliefs=tuple(str(name) for name in self.params.belief.alleles),
            discount=self.params.discount,
            tie_tolerance=self.params.tie_tolerance,
            ties=self.params.ties,
            planning_cost=self.params.planning_cost,
            levels=int(horizon_locus.values.max()),
        )


def weights_of(column: Mapping[str, Floats], loci: Sequence[str], n: int) -> Floats:
    """`[n, K]` objective weights: one column per name, 0 where there is no such locus."""
    zeros = np.zeros(n)
    return np.stack([column.get(name, zeros) for name in loci], axis=1)


def build(params: Planner, shape: WorldShape) -> PlannerGenome:
    """Build the planner genome for a world. Raises `InvalidGenome`."""
    return PlannerGenome(
        params, shape, build_grid(planner_loci(params, shape), params, params.ploidy)
    )


def check_features(params: Planner, shape: WorldShape, name: str) -> None:
    """Check that there are features, and that none has the name of another locus.

    Parameters
    ----------
    params : Planner
        Parameters of the genome.
    shape : WorldShape
        Names of the world.
    name : str
        Name of the genome in the catalogue.

    Raises
    ------
    InvalidGenome
        If there are no features, or if two loci have the same name.
    """
    if not shape.features:
        raise InvalidGenome(
            "genome.name must be 'reflex' here, because this world has no features for a planner"
            f" to want, but is '{name}'. Set genome.name = \"reflex\"."
        )
    for feature in shape.features:
        if feature in OWN_LOCI:
            raise InvalidGenome(
                f"a feature must not be called '{feature}', the name of another locus. Rename it."
            )
        if feature in params.markers:
            raise InvalidGenome(
                f"a marker must have a name of its own, but '{feature}' is a feature of the world."
                " Rename it."
            )


def planner_loci(params: Planner, shape: WorldShape, name: str = "planner") -> list[Locus]:
    """The loci that a planner expresses, without markers. Raises `InvalidGenome`."""
    check_features(params, shape, name)
    for feature in params.weights:
        if feature not in shape.features:
            raise InvalidGenome(
                f"genome.weights must name features of the world ({', '.join(shape.features)}), but"
                f" has '{feature}'. Use one of them."
            )
    check_numbers(params, shape)
    written = [
        (f, f"genome.weights.{f}", params.weights[f]) for f in shape.features if f in params.weights
    ]
    written += [
        (f, f"genome.{f}", getattr(params, f)) for f in ("horizon", "belief", "temperature")
    ]
    return [
        make_locus(
            name,
            replace(locus, mutation=locus.mutation * params.mutation_scale),
            where=where,
            ploidy=params.ploidy,
            whole=name == "horizon",
        )
        for name, where, locus in written
    ]


def check_numbers(params: Planner, shape: WorldShape, *, where: str = "genome.weights") -> None:
    """Check alleles and parameters of a planner.

    Parameters
    ----------
    params : Planner
        Parameters of the genome.
    shape : WorldShape
        Names of the world.
    where : str
        Name of the weights in messages.

    Raises
    ------
    InvalidGenome
        If a value is out of its range.
    """
    for feature, locus in params.weights.items():
        if any(isinstance(value, str) for value in locus.alleles):
            raise InvalidGenome(
                f"{where}.{feature}.alleles must be numbers, but are {list(locus.alleles)}. Write"
                " them without quotes."
            )
    horizons = params.horizon.alleles
    if not horizons or not all(
        isinstance(h, float | int) and 1 <= h <= shape.lifespan and h == int(h) for h in horizons
    ):
        raise InvalidGenome(
            f"genome.horizon.alleles must be whole steps from 1 to the lifespan ({shape.lifespan}),"
            f" but are {list(horizons)}. Use whole numbers in that range."
        )
    for belief in params.belief.alleles:
        if belief not in shape.beliefs:
            raise InvalidGenome(
                f"genome.belief.alleles must be among {', '.join(shape.beliefs)}, but has"
                f" {belief!r}. Use one of them."
            )
    for temperature in params.temperature.alleles:
        if isinstance(temperature, str) or temperature < 0:
            raise InvalidGenome(
                f"genome.temperature.alleles must be at least 0, but has {temperature}. Use 0"
                " or more."
            )
    if not 0.0 < params.discount <= 1.0:
        raise InvalidGenome(
            f"genome.discount must lie in (0, 1], but is {params.discount}. Set it inside that"
            " range."
        )
    if params.mutation_scale < 0:
        raise InvalidGenome(
            f"genome.mutation_scale must be at least 0, but is {params.mutation_scale}. Set 0"
            " or more."
        )
    if params.tie_tolerance < 0:
        raise InvalidGenome(
            f"genome.tie_tolerance must be at least 0, but is {params.tie_tolerance}. Set 0"
            " or more."
        )
    worst = params.planning_cost * max(float(h) for h in horizons)
    if not (params.planning_cost >= 0 and worst <= 1.0):
        raise InvalidGenome(
            f"genome.planning_cost times the longest horizon must lie in [0, 1], but is {worst:g}."
            " Lower the cost or the horizon."
        )
