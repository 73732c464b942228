"""An example of a package: a world with a coin, of which heads are offspring, and two genomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from evosim import genomes, worlds
from evosim.genomes.germline import GermLine, build_grid
from evosim.genomes.loci import LocusParams, make_locus
from evosim.worlds.parameters import modern_params, number, probability


@dataclass(frozen=True)
class Coin:
    """Parameters of the coin."""

    fair: float = probability(0.5, "as likely as not", "probability of heads")
    throws: int = number(3, "throws", "few", low=1, high=100, structural=True)


def build(params: Coin, modern: Mapping[str, Any]) -> worlds.WorldPair:
    """Build the pair; `modern` holds the parameters that differ."""
    after = modern_params(params, modern)
    return worlds.WorldPair(
        name="coin",
        ancestral=_world(params, "coin (ancestral)"),
        modern=_world(after, "coin (modern)"),
        observe=np.array([0]),
        classes=("table",),
        default_act="rest",
        serves={"heads": ("throw",)},
    )


def _world(params: Coin, name: str) -> worlds.TabularMdp:
    payoff = np.array([[params.fair, 0.0]])
    moves = np.ones((1, 2, 1))
    return worlds.TabularMdp(
        name=name,
        states=("table",),
        acts=("throw", "rest"),
        features=("heads",),
        lifespan=params.throws,
        available=np.ones((1, 2), dtype=bool),
        transitions=moves,
        payoff=payoff,
        intent=payoff,
        features_felt=payoff[:, :, None],
        start=np.ones(1),
        beliefs={"ancestral": moves},
    )


COIN = worlds.Entry(Coin, build, "a coin is thrown")


@dataclass(frozen=True)
class Lazy(GermLine):
    """Parameters of a genome without variation."""


@dataclass(frozen=True, eq=False)
class LazyGenome:
    """One class: a planner without desires."""

    grid: genomes.Grid
    features: int
    name: str = "lazy"

    def decode(self, classes: Any) -> genomes.PlannerRules:
        """The planners `[n]` of the classes `[n]`."""
        n = len(np.asarray(classes))
        return genomes.PlannerRules(
            weights=np.zeros((n, self.features)),
            horizon=np.ones(n, dtype=np.int64),
            belief=np.zeros(n, dtype=np.int64),
            temperature=np.zeros(n),
            beliefs=("true",),
            discount=1.0,
            tie_tolerance=1e-5,
            ties="split",
            planning_cost=0.0,
            levels=1,
        )


def build_lazy(params: Lazy, shape: genomes.WorldShape) -> LazyGenome:
    """Build the genome for a world."""
    locus = make_locus("nothing", LocusParams((0.0,)), where="genome.nothing", ploidy=1)
    return LazyGenome(build_grid([locus], params, 1), len(shape.features))


LAZY = genomes.Entry(Lazy, build_lazy, "does whatever")


@dataclass(frozen=True)
class Fickle(GermLine):
    """Parameters with names of planner parameters, but with another meaning."""

    weights: LocusParams = field(
        default_factory=lambda: LocusParams((0.0, 0.5, 1.0), mutation=0.05)
    )
    moods: tuple[str, ...] = ("bold", "shy")


@dataclass(frozen=True, eq=False)
class FickleGenome:
    """Written-out policies: the bold throw with chance `weights`, the shy with half of it."""

    grid: genomes.Grid
    names: tuple[str, ...]
    name: str = "fickle"

    def decode(self, classes: Any) -> genomes.TableRules:
        """The policies `[n]` of the classes `[n]`."""
        values = self.grid.values(np.asarray(classes, dtype=np.int64))
        column = {locus.name: values[:, i] for i, locus in enumerate(self.grid.loci)}
        throw = column["weights"] * np.where(column["mood"] == 0, 1.0, 0.5)
        policies = np.zeros((len(throw), 1, 1, 2))
        policies[:, 0, 0, self.names.index("throw")] = throw
        policies[:, 0, 0, self.names.index("rest")] = 1.0 - throw
        return genomes.TableRules(policies, self.names, np.ones(len(throw)))


def build_fickle(params: Fickle, shape: genomes.WorldShape) -> FickleGenome:
    """Build the genome for a world."""
    loci = [
        make_locus(
            "mood", LocusParams(params.moods, mutation=0.05), where="genome.moods", ploidy=1
        ),
        make_locus("weights", params.weights, where="genome.weights", ploidy=1),
    ]
    return FickleGenome(build_grid(loci, params, 1), ("rest", "throw"))


FICKLE = genomes.Entry(Fickle, build_fickle, "throws now and then")
