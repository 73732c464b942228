"""The ladder: which stage of the design lost it.

Rungs, best first: R0 the optimum over all policies; R1 the best genome for intent; R2 the best
genome for payoff; R3 the best genome for payoff in the *ancestral* world, which is what a perfect
outer optimizer would have found; R4 the population that evolved with the named hack channel closed
(fair meiosis; drivers and their cost kept); R5 the population that evolved. (R4 belongs to
experiments that have such a channel; without, it is not measured, which is not 0.) R0-R3 belong to
worlds and grid: no run changes them. Each is scored in the stated world, by intent in the modern
and by payoff in the ancestral ladder.

Steps: R0 to R1 representation, to R2 specification, to R3 shift, to R4 search, to R5 hack; without
R4, search leads to R5.

Where selection saw less than all of the ancestral world, a step `sampling` says what that did. One
fixed sample (or the worst cases of all): between R3 and R4 stands R3s, the best genome for what
selection saw. A sample drawn again in each generation has no best genome: R3s is then the
population that evolved on all of A, which stands below the search step, and sampling leads from it
on. Search is unfound (R3 minus the best individual present) plus load (best present minus the
mean). The individual is best by what the rung above is best by: ancestral fitness, below R3s what
selection saw. In the modern world the steps below R3 are signed transfers: imperfect search may be
luckier there than the perfect one.

Where several genomes tie for R2 or R3, the rung is the worst of them ("if there is any system which
..."); the best of them stands beside it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from evosim.analysis.behaviour import Gaps
from evosim.analysis.class_values import Conducts
from evosim.reference.dynamic_programming import Span
from evosim.reference.selection import margin

GRID_RUNGS = ("best_for_intent", "best_for_payoff", "best_ancestral")
RUNG_CODES = {
    "optimum": "R0",
    "best_for_intent": "R1",
    "best_for_payoff": "R2",
    "best_ancestral": "R3",
    "best_on_sample": "R3s",
    "all_cases": "R3s",
    "control": "R4",
    "population": "R5",
}
RUNGS = tuple(RUNG_CODES)


@dataclass(frozen=True)
class Peak:
    """The genomes that tie for best by one measure: how many, and those of them that are worst and
    best in M.

    A tie set may be most of the grid (all genomes are equally good where nobody can reproduce), so
    only its ends are kept; of equals the one with the lowest number.
    """

    classes: int
    worst: int
    best: int


@dataclass(frozen=True)
class Peaks:
    """The best genomes of a landscape: what rungs R1-R3 are made of.

    Attributes:
        exact: whether the grid was enumerated; otherwise these are the best found.
        ancestral, ancestral_intent, modern, modern_intent: best for payoff and for intent in A and
        in M.
    """

    exact: bool
    ancestral: Peak
    ancestral_intent: Peak
    modern: Peak
    modern_intent: Peak

    @classmethod
    def of(cls, landscape: pl.DataFrame, spans: dict[str, Span], *, exact: bool) -> Peaks:
        """The peaks of a recorded landscape; `spans` by measure."""

        def peak(column: str) -> Peak:
            tied = near(landscape, 0.0, spans[column], column)
            ends = [
                tied.sort("modern_intent", "class", descending=[down, False])["class"][0]
                for down in (False, True)
            ]
            return Peak(tied.height, *ends)

        return cls(
            exact,
            peak("ancestral"),
            peak("ancestral_intent"),
            peak("modern"),
            peak("modern_intent"),
        )

    def members(self) -> set[int]:
        """The classes that are named."""
        peaks = (self.ancestral, self.ancestral_intent, self.modern, self.modern_intent)
        return {number for peak in peaks for number in (peak.worst, peak.best)}


@dataclass(frozen=True)
class Design:
    """The rungs that belong to worlds and grid, in one world's measure.

    `best_of` holds, for rungs that several genomes share, the best of the tie set where the rung is
    its worst. `by_intent_in_a` is the other path from R1 to R3: the best genome for intent in A
    (only where intent is not payoff). Of those that tie it is the worst, and `best_by_intent_in_a`
    the best.
    """

    rungs: dict[str, float]
    best_of: dict[str, float]
    by_intent_in_a: float | None = None
    best_by_intent_in_a: float | None = None


def design_ancestral(gaps: Gaps, peaks: Peaks, conducts: Conducts) -> Design:
    """R0-R3 in the ancestral world, by payoff; R1 = R2 = R3 by construction."""
    best = conducts.worth(peaks.ancestral.worst, "ancestral").fitness
    rungs = dict.fromkeys(GRID_RUNGS, best)
    return Design({"optimum": gaps.spans["ancestral"].best, **rungs}, rungs)


def design_modern(gaps: Gaps, peaks: Peaks, conducts: Conducts, *, intent_differs: bool) -> Design:
    """R0-R3 in the modern world, by intent."""

    def worth(number: int) -> float:
        return conducts.worth(number, "modern").net_intent

    tied = {
        "best_for_intent": peaks.modern_intent,
        "best_for_payoff": peaks.modern,
        "best_ancestral": peaks.ancestral,
    }
    return Design(
        {
            "optimum": gaps.spans["modern_intent"].best,
            **{name: worth(peak.worst) for name, peak in tied.items()},
        },
        {name: worth(peak.best) for name, peak in tied.items()},
        *map(
            worth,
            (peaks.ancestral_intent.worst, peaks.ancestral_intent.best) if intent_differs else (),
        ),
    )


@dataclass(frozen=True)
class Reached:
    """What a population came to in one world: its mean, and the worth of the individual that is
    best for what selection saw.
    """

    mean: float
    best_present: float


@dataclass(frozen=True)
class Sampled:
    """How selection on less than all of the ancestral world stands in one ladder.

    Attributes:
        best: worth of the best genome for what selection saw, if that was the same in all
        generations. all_cases: what the control reached that selected on all of it, if it was not.
        varies: which of the two it is.
    """

    varies: bool
    best: float | None = None
    all_cases: Reached | None = None


def descend(
    design: Design,
    population: Reached | None,
    control: Reached | None,
    *,
    controlled: bool,
    sampled: Sampled | None = None,
) -> tuple[dict[str, float], dict[str, float | None]]:
    """Rungs and steps of one ladder.

    A population or control that died out is not measured, nor what hangs on it.

    In a `controlled` experiment the search step is the control's, and what the hack channel did
    stands below it.
    """
    rungs = dict(design.rungs)
    top = rungs["best_ancestral"]
    steps: dict[str, float | None] = {
        "representation": rungs["optimum"] - rungs["best_for_intent"],
        "specification": rungs["best_for_intent"] - rungs["best_for_payoff"],
        "shift": rungs["best_for_payoff"] - rungs["best_ancestral"],
        "search": None,
        "unfound": None,
        "load": None,
        "hack": None,
    }
    searched = control if controlled else population
    if sampled:
        steps["sampling"] = None
        if not sampled.varies and sampled.best is not None:
            rungs["best_on_sample"] = sampled.best
            steps["sampling"] = top - sampled.best
            top = sampled.best
        if sampled.varies:
            if sampled.all_cases and searched:
                steps["sampling"] = sampled.all_cases.mean - searched.mean
            searched = sampled.all_cases
            if searched:
                rungs["all_cases"] = searched.mean
    if searched:
        steps["search"] = top - searched.mean
        steps["unfound"] = top - searched.best_present
        steps["load"] = searched.best_present - searched.mean
    if control:
        rungs["control"] = control.mean
    if population:
        rungs["population"] = population.mean
    if control and population:
        steps["hack"] = control.mean - population.mean
    return rungs, steps


def steps_down(rungs: Iterable[str]) -> list[tuple[str, str]]:
    """The rungs below the first that a ladder has, in order, each with the step that leads down to
    it.
    """
    names = {
        "best_for_intent": "representation",
        "best_for_payoff": "specification",
        "best_ancestral": "shift",
        "best_on_sample": "sampling",
        "all_cases": "search",
    }
    there = [rung for rung in RUNGS if rung in set(rungs)]
    out = [(rung, names[rung]) for rung in there if rung in names]
    left = ("sampling" if "all_cases" in there else "search", "hack")
    return out + list(
        zip((rung for rung in ("control", "population") if rung in there), left, strict=False)
    )


def near(
    landscape: pl.DataFrame, tolerance: float, span: Span, column: str = "ancestral"
) -> pl.DataFrame:
    """The classes near the best by a column.

    Parameters
    ----------
    landscape
        One row a class.
    tolerance
        Share of the distance between the worst policy and the best class; 0 means equal to
        rounding.
    span
        Of the measure that the column holds.
    column
        What classes are compared by.
    """
    best = float(landscape[column].max())  # type: ignore[arg-type]
    return landscape.filter(pl.col(column) >= best - margin(best, tolerance, span))


def tie_sets(landscape: pl.DataFrame, conducts: Conducts, tolerances: list[float]) -> pl.DataFrame:
    """Genomes near the ancestral best, by behaviour: how many ways there are to be that good, and
    what they come to in M.

    One row for each tolerance (see `near`): classes, distinct behaviours in A, least and largest
    fitness in M.
    """
    rows = []
    for tolerance in tolerances:
        close = near(landscape, tolerance, conducts.spans["ancestral"]).sort(
            "modern_intent", "class"
        )
        # Equal policies act alike; distinct ones may still do so where they are.
        distinct = close.unique("ancestral_policy", maintain_order=True)
        behaviours = {conducts.of(int(c), "ancestral").key() for c in distinct["class"]}
        rows.append(
            {
                "tolerance": tolerance,
                "classes": close.height,
                "behaviours": len(behaviours),
                "modern_min": close["modern_intent"][0],
                "modern_max": close["modern_intent"][-1],
                "class_modern_min": close["class"][0],
                "class_modern_max": close["class"][-1],
                "breeding_true": int(close["breeds_true"].sum()),
            }
        )
    return pl.DataFrame(rows)
