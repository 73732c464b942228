"""The cost of a channel that exploits the search itself. Here: unfair meiosis.

Quantities by seed and world, from the populations at the swap:

* `hack`: mean fitness of the fair control minus that of the run. It is `own_cost` plus `behaviour`.
* `own_cost`: the fitness that drivers and modifiers take directly, an input of the experiment.
* `behaviour`: the loss by changes in the behaviour of carriers. Their causes are hitch-hiking and
  weaker selection against anything else.
* `null`: the same difference between two fair controls. Its expectation is 0, so it is a check. The
  hack step is compared with 0 and not with the null, which is a second sample of nothing.
* `presence`: the control without drivers minus the run.
* `instantaneous`: the gain of the same population if every driving allele became its wild type.

A seed whose run or fair control died out before the swap has no hack step. The number of such seeds
is reported. A driver that exterminates its population is the most harmful one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import polars as pl

from evosim.analysis import means_over_seeds
from evosim.analysis.population import WORLDS, PopulationFitness
from evosim.analysis.summary import AlleleFrequency, DriveVerdict
from evosim.analysis.values import ByWorld, Estimate, MeasuredByWorld

SCHEMA = {"seed": pl.Int64, "world": pl.String, "quantity": pl.String, "value": pl.Float64}


class DriveRow(NamedTuple):
    """A row of the table `hack`."""

    seed: int
    world: str
    quantity: str
    value: float


def drive_rows(seed: int, arms: Mapping[str, ByWorld[PopulationFitness] | None]) -> list[DriveRow]:
    """Rows of the table `hack` of one seed.

    Parameters
    ----------
    seed : int
        Of the replicate.
    arms : Mapping
        Fitness at the swap of the `run` and of the controls `fair`, `fair_again`, `absent`. None
        for a population that died out before.

    Returns
    -------
    list of DriveRow
        Only quantities whose populations are all there.
    """
    rows = []
    for world in WORLDS:
        present = {arm: fitness.of(world) for arm, fitness in arms.items() if fitness}
        values = _quantities(present)
        rows += [DriveRow(seed, world, name, value) for name, value in values.items()]
    return rows


def _quantities(arms: Mapping[str, PopulationFitness]) -> dict[str, float]:
    """Quantities in one world."""
    values: dict[str, float] = {}
    run, fair = arms.get("run"), arms.get("fair")
    again, absent = arms.get("fair_again"), arms.get("absent")
    if run and fair:
        values |= _difference(run, fair, ("hack", "own_cost", "behaviour"))
    if fair and again:
        values |= _difference(fair, again, ("null", "null_own_cost", "null_behaviour"))
    if run:
        values["instantaneous"] = run.wild - run.mean
    if run and absent:
        values["presence"] = absent.mean - run.mean
    return values


def _difference(
    worse: PopulationFitness, better: PopulationFitness, names: tuple[str, str, str]
) -> dict[str, float]:
    """Difference in mean fitness, and its parts by own cost and by behaviour."""
    own_cost = (worse.free - worse.mean) - (better.free - better.mean)
    return dict(
        zip(names, (better.mean - worse.mean, own_cost, better.free - worse.free), strict=True)
    )


def estimates(
    table: pl.DataFrame, settings: means_over_seeds.IntervalSettings
) -> MeasuredByWorld[Estimate]:
    """Means of the table `hack` by world and quantity, with intervals over seeds."""
    out: dict[str, dict[str, Estimate]] = {"ancestral": {}, "modern": {}}
    for (world, quantity), rows in table.group_by("world", "quantity", maintain_order=True):
        out[str(world)][str(quantity)] = means_over_seeds.estimate(
            rows["value"].to_list(), settings
        )
    return MeasuredByWorld(out["ancestral"], out["modern"])


CLAIMS = {
    "hack": "unfair meiosis lowers fitness in A",
    "behaviour": "it lowers fitness through behaviour, in addition to its own cost",
}


def verdicts(quantities: MeasuredByWorld[Estimate]) -> tuple[DriveVerdict, ...]:
    """Compare the hack step in the ancestral world with 0.

    Parameters
    ----------
    quantities : MeasuredByWorld
        Means and intervals, from `estimates`.

    Returns
    -------
    tuple of DriveVerdict
        One for the hack step and one for its part through behaviour. Empty if no hack step was
        measured. A claim `comes out` if the whole interval is above 0. It `does not come out` if
        the whole interval is at or below 0. Otherwise it is `undecided`, also without an interval.
        `null` is the same quantity between two fair controls. It decides nothing.
    """
    measured = quantities.ancestral
    return tuple(
        _verdict(
            claim,
            measured[quantity],
            measured.get("null" if quantity == "hack" else f"null_{quantity}"),
        )
        for quantity, claim in CLAIMS.items()
        if quantity in measured
    )


def _verdict(claim: str, estimate: Estimate, null: Estimate | None) -> DriveVerdict:
    low, high = estimate.interval or (None, None)
    if low is not None and low > 0.0:
        verdict = "comes out"
    elif high is not None and high <= 0.0:
        verdict = "does not come out"
    else:
        verdict = "undecided"
    return DriveVerdict(claim=claim, measured=estimate, above=0.0, verdict=verdict, null=null)


def died(arms: Mapping[str, Mapping[str, pl.DataFrame]]) -> dict[str, int]:
    """By arm, how many of its runs died out before the swap: of those nothing above is known."""
    out = {}
    for arm, tables in arms.items():
        populations = tables["populations"]
        lived = populations.filter(pl.col("moment") == "swap")["seed"].n_unique()
        out[arm] = populations["seed"].n_unique() - lived
    return out


def frequencies(
    sites: Sequence[tuple[str, str]], arms: Mapping[str, pl.DataFrame], generation: int
) -> tuple[AlleleFrequency, ...]:
    """Mean frequency over seeds of each driver and modifier among newborns of a generation.

    Parameters
    ----------
    sites : sequence of tuple
        Locus and allele of each driver and modifier.
    arms : Mapping[str, pl.DataFrame]
        The table `alleles` of the run and of each control.
    generation : int
        Newborns of this generation are counted.

    Returns
    -------
    tuple of AlleleFrequency
        One per site; None in an arm that has no such rows.
    """
    out = []
    for locus, allele in sites:
        rows_of_site = (
            (pl.col("locus") == locus)
            & (pl.col("allele") == allele)
            & (pl.col("generation") == generation)
        )
        means = {
            arm: alleles.filter(rows_of_site)["frequency"].mean() for arm, alleles in arms.items()
        }
        out.append(AlleleFrequency(locus, allele, means))  # type: ignore[arg-type]
    return tuple(out)
