"""The catalogue of what a run can be drawn as.

A figure maps recorded frames to one chart; `FIGURES` names them all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from evosim.figures import (
    causes,
    desires,
    landscape,
    policies,
    sample_life,
    ties,
    total_variation,
    trajectories,
)
from evosim.figures.behaviour import behaviour_figure
from evosim.figures.drive import drive_figure
from evosim.figures.fitness import fitness_figure
from evosim.figures.inputs import Source
from evosim.figures.ladder import ladders_figure
from evosim.figures.loci import loci_figure
from evosim.figures.price_equation import search_figure


@dataclass(frozen=True)
class Figure:
    """One figure of the gallery.

    Attributes:
        what: it shows, in one line.
        draw: the chart of a run, themed and with a text alternative; None where a run has nothing
        of the kind. usual: drawn by `evosim run` too, and not only when asked for.
    """

    what: str
    draw: Callable[[Source], Any]
    usual: bool = False


FIGURES: dict[str, Figure] = {
    "fitness": Figure(
        "mean fitness of newborns in both worlds through time, with bands over seeds",
        fitness_figure,
        usual=True,
    ),
    "ladders": Figure(
        "which stage of the design lost how much, in both worlds", ladders_figure, usual=True
    ),
    "behaviour": Figure(
        "which acts lost it, of which kind, and at what age", behaviour_figure, usual=True
    ),
    "loci": Figure("desires, foresight or reflexes through time", loci_figure, usual=True),
    "search": Figure(
        "which force of evolution moved fitness: the Price equation, summed",
        search_figure,
        usual=True,
    ),
    "drive": Figure(
        "drivers through time, and what the population is worth with, without, and with fair"
        " meiosis",
        drive_figure,
        usual=True,
    ),
    "landscape": Figure(
        "fitness in A against worth in M of every genome, the near ties, and where populations"
        " stand",
        landscape.landscape_of,
    ),
    "policies": Figure(
        "what the commonest genome does in each state, A beside M, by remaining life",
        policies.policies_of,
    ),
    "life": Figure(
        "a life of the commonest genome, act by act, in A and in M with the same random numbers",
        sample_life.life_of,
    ),
    "trajectories": Figure(
        "all that is recorded of the population through time, in small panels with bands over"
        " seeds",
        trajectories.trajectories_of,
    ),
    "ties": Figure("what genomes that are nearly the best in A are worth in M", ties.ties_of),
    "causes": Figure(
        "what of a planner's loss is objective, belief, horizon and so on: Shapley values",
        causes.causes_of,
    ),
    "desires": Figure(
        "what the acts that serve a desire lose, beside what is gained when it is switched off",
        desires.desires_of,
    ),
    "variation": Figure(
        "the difference of expected payoff in A and M against what total variation allows",
        total_variation.variation_of,
    ),
}
