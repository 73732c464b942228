"""The catalogue of what a run can be drawn as. A figure maps recorded frames to one chart; `FIGURES` names them all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl

from evosim.analysis import expected_drive
from evosim.analysis.intervals import level
from evosim.analysis.search import TERMS
from evosim.figures import asked
from evosim.figures.behaviour import behaviour
from evosim.figures.behaviour import says as behaviour_says
from evosim.figures.drive import drive
from evosim.figures.drive import says as drive_says
from evosim.figures.fitness import fitness
from evosim.figures.fitness import says as fitness_says
from evosim.figures.ladders import ladders
from evosim.figures.ladders import says as ladders_says
from evosim.figures.loci import (
    MOST_NAMED,
    any_loci,
    any_says,
    gated_loci,
    planner_loci,
    planner_says,
    reflex_loci,
    reflex_says,
)
from evosim.figures.search import says as search_says
from evosim.figures.search import search
from evosim.figures.source import BANDS, Source
from evosim.figures.theme import themed


def _fitness(s: Source) -> Any:
    best = {world: float(s.run.tables["landscape"][world].max()) for world in ("ancestral", "modern")}  # type: ignore[arg-type]
    shown = (s.adopted("generations"), best, s.run.experiment.swap)
    return themed(fitness(*shown, s.unit), "Fitness of newborns in both worlds", [s.many(BANDS)], s.words(fitness_says(*shown, s.unit)))


def _ladders(s: Source) -> Any:
    note = "representation: what no genome can do; shift: a perfect ancestral optimizer loses it too; search: the rest"
    if "fair" in s.run.controls:
        note = note.replace("search: the rest", "search: imperfect even if meiosis is fair; hack: unfair meiosis")
    if any("sampling" in ladder["steps"] for ladder in s.summary["ladder"].values()):
        note = note.replace("search: ", "sampling: selection saw less than all of A; search: ")
    confidence = s.run.experiment.analysis.confidence
    lines = [s.many(f"whiskers: {level(confidence)} bootstrap interval of the mean"), note]
    said = ladders_says(s.summary["ladder"], s.unit)
    return themed(ladders(s.summary["ladder"], s.unit, confidence), "The ladder: which stage lost it", lines, s.words(said))


def _behaviour(s: Source) -> Any:
    note = f"population in the last ancestral generation, generation {s.run.experiment.swap - 1}"
    ledger = s.analysis["behaviour"]
    return themed(behaviour(ledger, s.unit), "The behaviour ledger: which acts lost it", [s.many("means"), note], s.words(behaviour_says(ledger, s.unit)))


def _loci(s: Source) -> Any:
    swap = s.run.experiment.swap
    if s.run.experiment.genome["name"] == "reflex":
        subtitle = [s.many("means"), "share of alleles in each observation class"]
        alleles = s.adopted("alleles")
        return themed(reflex_loci(alleles, swap), "Reflexes through time", subtitle, reflex_says(alleles))
    if s.run.experiment.genome["name"] not in ("planner", "gated"):
        return _any_loci(s)
    subtitle = [s.many(BANDS), "weights with a single allele are fixed and not shown"]
    genome = s.run.experiment.genome
    weights = [w for w, locus in genome["weights"].items() if len(locus["alleles"]) > 1]
    if genome["name"] == "gated":
        second = [w for w, locus in genome["second"].items() if len(locus["alleles"]) > 1]
        gates = s.adopted("alleles").filter(pl.col("locus") == "gate")
        if not weights and not second and gates["allele"].n_unique() == 1:
            return None
        chart = gated_loci(s.adopted("loci"), gates, weights, second, swap)
        said = planner_says(s.adopted("loci"), [*weights, *(f"second.{name}" for name in second)], swap)
        return themed(chart, "Desires, hidden desires and the gate through time", subtitle, said)
    if not weights and len(genome["horizon"]["alleles"]) == 1:
        return None  # nothing varies
    loci = s.adopted("loci")
    return themed(planner_loci(loci, weights, swap), "Desires and foresight through time", subtitle, planner_says(loci, [*weights, "horizon"], swap))


def _any_loci(s: Source) -> Any:
    """Loci of any genome, by its grid alone: means of those with numbers, shares of the alleles of those with names."""
    numbers, names = s.loci
    if not numbers and not names:
        return None  # nothing varies
    loci, alleles = s.adopted("loci"), s.adopted("alleles")
    shown, more = names[:MOST_NAMED], names[MOST_NAMED:]
    subtitle = [s.many(BANDS), "loci with a single allele are fixed and not shown"]
    if more:
        subtitle.append(f"not shown: {', '.join(more)}")
    said = any_says(loci, numbers, alleles, names, s.run.experiment.swap)
    return themed(any_loci(loci, numbers, alleles, shown, s.run.experiment.swap), "Loci through time", subtitle, said)


def _search(s: Source) -> Any:
    if "search" not in s.run.tables or (ledger := s.by_generation("search")).is_empty():
        return None
    shown = (ledger, TERMS, ["fitness in A", "fitness in M"])
    lines = [s.many(BANDS), "cumulative terms of the Price equation; black: their sum"]
    return themed(search(*shown, s.run.experiment.swap, s.unit), "The search ledger: who moved fitness", lines, s.words(search_says(*shown, s.unit)))


def _drive(s: Source) -> Any:
    if "fair" not in s.run.controls:
        return None
    arms = {"run": s.run.tables, **{name: s.run.controls[name] for name in ("fair", "absent")}}
    alleles, generations = ({arm: s.by_generation(name, tables) for arm, tables in arms.items()} for name in ("alleles", "generations"))
    sites = [(row["locus"], row["allele"]) for row in s.summary["hack"]["frequencies"]]
    genome = s.conducts.genome
    expected = expected_drive.path(s.run.experiment, genome)
    rests = expected_drive.resting(s.run.experiment, genome, s.run.tables["populations"], s.run.tables["landscape"])
    chart = drive(
        alleles,
        generations,
        sites,
        s.run.experiment.swap,
        expected,
        rests,
    )
    said = drive_says(alleles["run"], generations, sites)
    subtitle = [s.many(BANDS)]
    if expected is not None:
        subtitle.append("circles: theory, the recursion of an infinite population; it applies because nothing that decides varies here")
    if rests is not None:
        whiskers = "; whisker: from the least to the largest of them" if rests.seeds > 1 else ""
        of = f"mean of the {rests.seeds} seeds that have both alleles{whiskers}" if rests.seeds > 1 else "one seed"
        subtitle.append(f"diamond: theory, where the driver would rest ({rests.frequency:.2f}; it is at {rests.recorded:.2f}) if carriers stayed worth")
        subtitle.append(f"what they are in generation {rests.generation}; {of}")
    return themed(chart, "Drivers, and what they cost", subtitle, s.words(said))


@dataclass(frozen=True)
class Figure:
    """One figure of the gallery.

    Attributes:
        what: it shows, in one line.
        draw: the chart of a run, themed and with a text alternative; None where a run has nothing of the kind.
        usual: drawn by `evosim run` too, and not only when asked for.
    """

    what: str
    draw: Callable[[Source], Any]
    usual: bool = False


FIGURES: dict[str, Figure] = {
    "fitness": Figure("mean fitness of newborns in both worlds through time, with bands over seeds", _fitness, usual=True),
    "ladders": Figure("which stage of the design lost how much, in both worlds", _ladders, usual=True),
    "behaviour": Figure("which acts lost it, of which kind, and at what age", _behaviour, usual=True),
    "loci": Figure("desires, foresight or reflexes through time", _loci, usual=True),
    "search": Figure("which force of evolution moved fitness: the Price equation, summed", _search, usual=True),
    "drive": Figure("drivers through time, and what the population is worth with, without, and with fair meiosis", _drive, usual=True),
    "landscape": Figure("fitness in A against worth in M of every genome, the near ties, and where populations stand", asked.landscape_of),
    "policies": Figure("what the commonest genome does in each state, A beside M, by remaining life", asked.policies_of),
    "life": Figure("a life of the commonest genome, act by act, in A and in M with the same random numbers", asked.life_of),
    "trajectories": Figure("all that is recorded of the population through time, in small panels with bands over seeds", asked.trajectories_of),
    "ties": Figure("what genomes that are nearly the best in A are worth in M", asked.ties_of),
    "causes": Figure("what of a planner's loss is objective, belief, horizon and so on: Shapley values", asked.causes_of),
    "desires": Figure("what the acts that serve a desire lose, beside what is gained when it is switched off", asked.desires_of),
    "variation": Figure("the difference of expected payoff in A and M against what total variation allows", asked.variation_of),
}
