"""Fitness and intent of genome classes in both worlds, net of upkeep."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evosim.errors import UserError
from evosim.fitness.scorer import Scorer, Scores
from evosim.genomes import Genome
from evosim.genomes.loci import Ints

Floats = NDArray[np.float64]

BLOCK = 1 << 16  # classes that are decoded and scored together


@dataclass(frozen=True, eq=False)
class Worth:
    """Worth of classes `[n]`, net of upkeep: fitness (payoff) and intent in both worlds, and names
    of behaviours.

    `cases [n, C]` is fitness of those born in each case of the ancestral world; no columns if
    selection looks at none.
    """

    ancestral: Floats
    ancestral_intent: Floats
    modern: Floats
    modern_intent: Floats
    ancestral_policy: Ints
    modern_policy: Ints
    cases: Floats


def worth_of(
    genome: Genome, scorers: tuple[Scorer, Scorer], classes: Ints, *, named: bool = True
) -> Worth:
    """Worth of classes by the scorers of the ancestral and the modern world; names of behaviours if
    they are wanted.
    """
    rules = genome.decode(classes)
    a, m = (scorer.score(rules, named=named) for scorer in scorers)
    for scorer, scores in zip(scorers, (a, m), strict=True):
        check_upkeep(scorer.tables.world.name, scores)
    return Worth(
        a.fitness, a.net_intent, m.fitness, m.net_intent, a.policy, m.policy, a.fitness_by_case
    )


def check_upkeep(world: str, scores: Scores) -> None:
    """Raise `UserError` where planning takes a share of less than nothing: it would be a gain."""
    if (
        len(scores.kept)
        and scores.kept.min() < 1.0
        and (least := min(scores.payoff.min(), scores.intent.min())) < 0.0
    ):
        raise UserError(
            "lifetime payoff and intent must not be below 0 where planning costs a share of them,"
            f" but are {least:g} in {world}. Set genome.planning_cost = 0, or raise what is paid"
            " (offset, where a world has one)."
        )
