"""The ladder: the loss at each stage of the design.

Rungs, best first:

* R0: the optimum over all policies;
* R1h: the best genotype for intent, if a heterozygote is better than every genome that breeds true;
* R1: the best genome for intent;
* R2: the best genome for payoff;
* R3: the best genome for payoff in the *ancestral* world. A perfect outer optimizer would find it;
* R4: the population that evolved with the hack channel closed. Meiosis is fair; drivers and their
  cost stay. Without a hack channel R4 is not measured, which differs from 0;
* R5: the population that evolved.

R1 to R3 are genomes that breed true: a homozygote expresses them, so that a population can consist
of them. A haploid grid has the same R1 to R3 as the diploid grid with the same alleles.

R0-R3 belong to worlds and grid: no run changes them. Each is scored in the stated world, by intent
in the modern and by payoff in the ancestral ladder.

Steps: R0 to R1 representation, to R2 specification, to R3 shift, to R4 search, to R5 hack. Without
R4, search leads to R5. With R1h, representation leads to it, and `dominance` from it to R1.

If selection saw only part of the ancestral world, the step `sampling` gives the effect. With one
fixed sample (or the worst cases of all), R3s is the best genome for what selection saw. It stands
between R3 and R4. A sample drawn again in each generation has no best genome. R3s is then the
population that evolved on all of A. It stands below the search step and above the sampling step.
Search is unfound (R3 minus the best individual present) plus load (best present minus the mean).
The best individual is chosen by ancestral fitness, and below R3s by what selection saw. In the
modern world the steps below R3 are signed transfers. Imperfect search may be luckier there than the
perfect one.

If several genomes tie for R2 or R3, the rung is the worst of them. The source text says "if there
is any system which ...". The ladder also reports the best of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import polars as pl

from evosim.analysis.behaviour import Gaps
from evosim.analysis.class_values import ClassEvaluator
from evosim.reference.dynamic_programming import Span
from evosim.reference.selection import margin

GRID_RUNGS = ("best_for_intent", "best_for_payoff", "best_ancestral")
RUNG_CODES = {
    "optimum": "R0",
    "best_heterozygote": "R1h",
    "best_for_intent": "R1",
    "best_for_payoff": "R2",
    "best_ancestral": "R3",
    "best_on_sample": "R3s",
    "all_cases": "R3s",
    "control": "R4",
    "population": "R5",
}
RUNGS = tuple(RUNG_CODES)
# In the order of the rungs. `unfound` and `load` are the parts of `search`.
STEPS = ("representation", "dominance", "specification", "shift", "sampling", "search", "hack")


@dataclass(frozen=True)
class TiedBest:
    """The classes that breed true and tie for best by one measure.

    A tie set may be most of the grid, for example where no genome can reproduce. So only its ends
    are stored. Of equal classes the lowest number is stored.

    Attributes
    ----------
    classes : int
        Number of classes that tie.
    worst, best : int
        Those of them with the lowest and the highest modern intent.
    """

    classes: int
    worst: int
    best: int


@dataclass(frozen=True)
class BestClasses:
    """The best genomes of a landscape that breed true, which are the rungs R1 to R3.

    Attributes
    ----------
    exact : bool
        Whether the grid was enumerated; otherwise these are the best found.
    ancestral, ancestral_intent, modern, modern_intent : TiedBest
        Best for payoff and for intent in A and in M.
    heterozygotes : tuple of int, or None
        The best classes of all for payoff in A and for intent in M. None if none of them is better
        than those that breed true.
    """

    exact: bool
    ancestral: TiedBest
    ancestral_intent: TiedBest
    modern: TiedBest
    modern_intent: TiedBest
    heterozygotes: tuple[int, int] | None = None

    @classmethod
    def from_landscape(
        cls, landscape: pl.DataFrame, spans: Mapping[str, Span], *, exact: bool
    ) -> BestClasses:
        """The best classes of a recorded landscape; `spans` by measure."""

        true = breeding_true(landscape)

        def better_of_all(column: str) -> int | None:
            """The best class, if it is better than all that breed true."""
            ordered = landscape.sort(column, "class", descending=[True, False])
            best = float(true[column].max())  # type: ignore[arg-type]
            better = ordered[column][0] > best + margin(best, 0.0, spans[column])
            return int(ordered["class"][0]) if better else None

        def tied_best(column: str) -> TiedBest:
            tied = near_best(true, 0.0, spans[column], column)
            ends = [
                tied.sort("modern_intent", "class", descending=[down, False])["class"][0]
                for down in (False, True)
            ]
            return TiedBest(tied.height, *ends)

        ancestral, modern_intent = tied_best("ancestral"), tied_best("modern_intent")
        in_a, in_m = better_of_all("ancestral"), better_of_all("modern_intent")
        heterozygotes = (
            ancestral.worst if in_a is None else in_a,
            modern_intent.worst if in_m is None else in_m,
        )
        return cls(
            exact,
            ancestral,
            tied_best("ancestral_intent"),
            tied_best("modern"),
            modern_intent,
            None if in_a is None and in_m is None else heterozygotes,
        )

    def members(self) -> set[int]:
        """All classes that are named here."""
        ties = (self.ancestral, self.ancestral_intent, self.modern, self.modern_intent)
        ends = {class_id for tied in ties for class_id in (tied.worst, tied.best)}
        return ends | set(self.heterozygotes or ())

    def of_rungs(self) -> dict[str, int]:
        """The class that stands for each rung: of a tie set, the worst in the modern world."""
        return {
            "best_for_intent": self.modern_intent.worst,
            "best_for_payoff": self.modern.worst,
            "best_ancestral": self.ancestral.worst,
        }


@dataclass(frozen=True)
class FixedRungs:
    """The rungs that depend on worlds and grid only, as fitness in one world.

    Attributes
    ----------
    rungs : dict of float
        R0 to R3, and R1h if there is one. If several genomes tie for a rung, the worst of them.
    best_of : dict of float
        R1 to R3. If several genomes tie for a rung, the best of them.
    by_intent_in_a, best_by_intent_in_a : float or None
        The other path from R1 to R3: modern intent of the genome that is best for ancestral intent.
        Of genomes that tie, these are the worst and the best. None where intent is payoff.
    """

    rungs: dict[str, float]
    best_of: dict[str, float]
    by_intent_in_a: float | None = None
    best_by_intent_in_a: float | None = None


def fixed_ancestral_rungs(
    gaps: Gaps, best_classes: BestClasses, evaluator: ClassEvaluator
) -> FixedRungs:
    """R0 to R3 in the ancestral world, by payoff; R1 = R2 = R3 by construction."""
    best = evaluator.amounts(best_classes.ancestral.worst, "ancestral").fitness
    rungs = dict.fromkeys(GRID_RUNGS, best)
    top = {"optimum": gaps.spans["ancestral"].best}
    if best_classes.heterozygotes:
        of_all = evaluator.amounts(best_classes.heterozygotes[0], "ancestral").fitness
        top["best_heterozygote"] = max(of_all, best)
    return FixedRungs({**top, **rungs}, rungs)


def fixed_modern_rungs(
    gaps: Gaps, best_classes: BestClasses, evaluator: ClassEvaluator, *, intent_differs: bool
) -> FixedRungs:
    """R0 to R3 in the modern world, by intent. `intent_differs`: from payoff."""

    def intent(class_id: int) -> float:
        return evaluator.amounts(class_id, "modern").net_intent

    tied = {
        "best_for_intent": best_classes.modern_intent,
        "best_for_payoff": best_classes.modern,
        "best_ancestral": best_classes.ancestral,
    }
    other = best_classes.ancestral_intent if intent_differs else None
    top = {"optimum": gaps.spans["modern_intent"].best}
    if best_classes.heterozygotes:
        best = intent(best_classes.modern_intent.worst)
        top["best_heterozygote"] = max(intent(best_classes.heterozygotes[1]), best)
    return FixedRungs(
        rungs={**top, **{name: intent(ends.worst) for name, ends in tied.items()}},
        best_of={name: intent(ends.best) for name, ends in tied.items()},
        by_intent_in_a=intent(other.worst) if other else None,
        best_by_intent_in_a=intent(other.best) if other else None,
    )


@dataclass(frozen=True)
class Reached:
    """Fitness of a population in one world: its mean, and its best individual.

    The best individual is the best by what selection used.
    """

    mean: float
    best_present: float


@dataclass(frozen=True)
class SampledSelection:
    """Selection on less than all of the ancestral world, as one ladder needs it.

    Attributes
    ----------
    varies : bool
        Whether another sample is drawn in each generation.
    best : float or None
        Fitness of the best genome for the sample, if it is the same in all generations.
    all_cases : Reached or None
        Fitness of the control that was selected on all start cases, if the sample varies.
    """

    varies: bool
    best: float | None = None
    all_cases: Reached | None = None


class Ladder(NamedTuple):
    """Rungs and steps in one world. Rungs that were not measured are absent, steps are None."""

    rungs: dict[str, float]
    steps: dict[str, float | None]


def rungs_and_steps(
    fixed: FixedRungs,
    population: Reached | None,
    control: Reached | None,
    *,
    has_control: bool,
    sampled: SampledSelection | None = None,
) -> Ladder:
    """Rungs and steps of one ladder.

    Parameters
    ----------
    fixed : FixedRungs
        Of worlds and grid.
    population, control : Reached or None
        Of the run, and of its control with fair meiosis; None if it died out before the swap.
    has_control : bool
        Whether the experiment has a control. Then the step `search` is the control's, and the step
        `hack` leads from it to the population.
    sampled : SampledSelection, optional
        If selection used less than all of the ancestral world.

    Returns
    -------
    Ladder
        Quantities of a population that died out is not measured.
    """
    rungs = dict(fixed.rungs)
    top = rungs["best_ancestral"]
    best_genotype = rungs.get("best_heterozygote", rungs["best_for_intent"])
    steps: dict[str, float | None] = {"representation": rungs["optimum"] - best_genotype}
    if "best_heterozygote" in rungs:
        steps["dominance"] = best_genotype - rungs["best_for_intent"]
    steps |= {
        "specification": rungs["best_for_intent"] - rungs["best_for_payoff"],
        "shift": rungs["best_for_payoff"] - rungs["best_ancestral"],
        "search": None,
        "unfound": None,
        "load": None,
        "hack": None,
    }
    searched = control if has_control else population
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
    return Ladder(rungs, steps)


LADDER_SCHEMA = {
    "seed": pl.Int64,
    "world": pl.String,
    "part": pl.String,
    "name": pl.String,
    "value": pl.Float64,
}


def ladder_rows(seed: int, world: str, ladder: Ladder) -> list[tuple[object, ...]]:
    """Rows of the table `ladder`: rungs, then steps, of one seed and world."""
    rungs = [(seed, world, "rung", name, value) for name, value in ladder.rungs.items()]
    return [*rungs, *((seed, world, "step", name, x) for name, x in ladder.steps.items())]


def steps_down(rungs: Iterable[str]) -> list[tuple[str, str]]:
    """The rungs below the first that a ladder has, in order, each with the step that leads down to
    it.
    """
    there = [rung for rung in RUNGS if rung in set(rungs)]
    names = {
        "best_heterozygote": "representation",
        "best_for_intent": "dominance" if "best_heterozygote" in there else "representation",
        "best_for_payoff": "specification",
        "best_ancestral": "shift",
        "best_on_sample": "sampling",
        "all_cases": "search",
    }
    out = [(rung, names[rung]) for rung in there if rung in names]
    left = ("sampling" if "all_cases" in there else "search", "hack")
    return out + list(
        zip((rung for rung in ("control", "population") if rung in there), left, strict=False)
    )


def breeding_true(landscape: pl.DataFrame) -> pl.DataFrame:
    """The classes of a landscape that breed true: a homozygote expresses them."""
    return landscape.filter(pl.col("breeds_true"))


def best_fitness(landscape: pl.DataFrame) -> dict[str, float]:
    """Payoff of the best genome that breeds true, by world."""
    true = breeding_true(landscape)
    return {
        world: float(true[world].max())  # type: ignore[arg-type]
        for world in ("ancestral", "modern")
    }


def near_best(
    landscape: pl.DataFrame, tolerance: float, span: Span, column: str = "ancestral"
) -> pl.DataFrame:
    """The classes near the best by a column.

    Parameters
    ----------
    landscape : pl.DataFrame
        One row a class.
    tolerance : float
        Share of the distance between the worst policy and the best class; 0 means equal to
        rounding.
    span : Span
        Worst and best policy by the measure in the column.
    column : str
        The column that classes are compared by.
    """
    best = float(landscape[column].max())  # type: ignore[arg-type]
    return landscape.filter(pl.col(column) >= best - margin(best, tolerance, span))


def tie_sets(
    landscape: pl.DataFrame, evaluator: ClassEvaluator, tolerances: list[float]
) -> pl.DataFrame:
    """Genomes near the ancestral best, by behaviour, and their fitness in the modern world.

    One row per tolerance (see `near_best`): classes that breed true, distinct behaviours in A,
    least and largest fitness in M.
    """
    rows = []
    true = breeding_true(landscape)
    for tolerance in tolerances:
        close = near_best(true, tolerance, evaluator.spans["ancestral"]).sort(
            "modern_intent", "class"
        )
        # Equal policies act alike; distinct ones may still do so where they are.
        distinct = close.unique("ancestral_policy", maintain_order=True)
        behaviours = {
            evaluator.evaluate(int(c), "ancestral").behaviour_key() for c in distinct["class"]
        }
        rows.append(
            {
                "tolerance": tolerance,
                "classes": close.height,
                "behaviours": len(behaviours),
                "modern_min": close["modern_intent"][0],
                "modern_max": close["modern_intent"][-1],
                "class_modern_min": close["class"][0],
                "class_modern_max": close["class"][-1],
            }
        )
    return pl.DataFrame(rows)
