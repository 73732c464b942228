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

BLOCK = 1 << 16  # classes that are decoded and scored at the same time


@dataclass(frozen=True, eq=False)
class ClassFitness:
    """Fitness and intent of classes in both worlds, net of upkeep.

    Attributes
    ----------
    ancestral, modern : ndarray
        `[n]` fitness: expected offspring.
    ancestral_intent, modern_intent : ndarray
        `[n]` lifetime intent, in the unit of payoff.
    ancestral_policy, modern_policy : ndarray
        `[n]` names of behaviours (hashes); empty if they were not requested.
    cases : ndarray
        `[n, C]` fitness of those born in each case of the ancestral world. It has no columns if
        selection does not depend on cases.
    """

    ancestral: Floats
    ancestral_intent: Floats
    modern: Floats
    modern_intent: Floats
    ancestral_policy: Ints
    modern_policy: Ints
    cases: Floats


def evaluate_classes(
    genome: Genome, scorers: tuple[Scorer, Scorer], classes: Ints, *, named: bool = True
) -> ClassFitness:
    """Evaluate classes in both worlds.

    Parameters
    ----------
    genome : Genome
        The genome with its grid.
    scorers : tuple of Scorer
        The scorers of the ancestral and of the modern world.
    classes : ndarray
        `[n]` class ids.
    named : bool
        Whether names of behaviours are needed.

    Raises
    ------
    UserError
        If planning costs a share of a negative payoff.
    """
    rules = genome.decode(classes)
    a, m = (scorer.score(rules, named=named) for scorer in scorers)
    for scorer, scores in zip(scorers, (a, m), strict=True):
        check_upkeep(scorer.tables.world.name, scores)
    return ClassFitness(
        a.fitness, a.net_intent, m.fitness, m.net_intent, a.policy, m.policy, a.fitness_by_case
    )


def check_upkeep(world: str, scores: Scores) -> None:
    """Raise `UserError` if planning costs a share of a negative payoff: this would be a gain."""
    if (
        len(scores.fitness_retained)
        and scores.fitness_retained.min() < 1.0
        and (least := min(scores.payoff.min(), scores.intent.min())) < 0.0
    ):
        raise UserError(
            "planning costs a share of lifetime payoff and intent, but these are as low as"
            f" {least:g} in {world}. Set genome.planning_cost = 0, or raise the payoffs (offset, in"
            " worlds that have one)."
        )
