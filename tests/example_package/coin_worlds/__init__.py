"""A world of one's own: a coin is thrown, and heads are offspring. And a genome of one's own, which does nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import genomes
import worlds
from genomes.germline import GermLine, assemble
from genomes.loci import LocusParams, make_locus
from worlds.parameters import number, probability, swapped


@dataclass(frozen=True)
class Coin:
    """Parameters of the coin."""

    fair: float = probability(0.5, "as likely as not", "probability of heads")
    throws: int = number(3, "throws", "few", low=1, high=100, structural=True)


def build(params: Coin, modern: Mapping[str, Any]) -> worlds.WorldPair:
    """The pair; `modern` holds what differs after the swap."""
    after = swapped(params, modern)
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
    """Nothing varies in it."""


@dataclass(frozen=True, eq=False)
class LazyGenome:
    """One class: a planner without desires."""

    grid: genomes.Grid
    features: int
    name: str = "lazy"

    def decode(self, classes: Any) -> genomes.PlannerRules:
        """The planners `[n]` that these classes are."""
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
    """The genome over a world's names."""
    locus = make_locus("nothing", LocusParams((0.0,)), where="genome.nothing", ploidy=1)
    return LazyGenome(assemble([locus], params, 1), len(shape.features))


LAZY = genomes.Entry(Lazy, build_lazy, "does whatever")
