"""The hack step: what a named channel that exploits the search itself cost. Here, unfair meiosis.

By seed and world, from the populations at the swap: `hack` is the fair control's mean worth minus
the run's. It is split without remainder into `own_cost`, what drivers and modifiers take by
themselves (an input of the experiment), and `behaviour`, what they did through the behaviour of
those that carry them: riders on their haplotypes, and worse selection against anything else. `null`
is the same difference between the two fair controls, which differ by chance alone: its mean is 0 in
expectation, and it is shown as a check of that. The hack step is judged against 0 and not against
the null, which is a second sample of nothing. Seeds in which the run or its fair control died out
before the swap have no hack step: how many did is told beside it, and a driver that exterminates
its population is the worst hack of all. `presence` is the control without drivers minus the run.
`instantaneous` is what the same population would gain at once if every driving allele turned into
its wild type.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from evosim.analysis import summary
from evosim.analysis.population import WORLDS, Worth

SCHEMA = {"seed": pl.Int64, "world": pl.String, "quantity": pl.String, "value": pl.Float64}


def rows_of(seed: int, arms: dict[str, dict[str, Worth] | None]) -> list[dict[str, Any]]:
    """Rows of the table `hack` of one seed.

    An arm that died out before the swap measures nothing.
    """
    rows = []
    run, fair = arms.get("run"), arms.get("fair")
    for which in WORLDS:
        values: dict[str, float] = {}
        if run and fair:
            values |= _difference(run[which], fair[which], "hack", "own_cost", "behaviour")
        if fair and (again := arms.get("fair_again")):
            values |= _difference(
                fair[which], again[which], "null", "null_own_cost", "null_behaviour"
            )
        if run:
            values["instantaneous"] = run[which].wild - run[which].mean
            if absent := arms.get("absent"):
                values["presence"] = absent[which].mean - run[which].mean
        rows += [
            {"seed": seed, "world": which, "quantity": name, "value": value}
            for name, value in values.items()
        ]
    return rows


def _difference(
    worse: Worth, better: Worth, whole: str, own: str, behaviour: str
) -> dict[str, float]:
    own_cost = (worse.free - worse.mean) - (better.free - better.mean)
    return {whole: better.mean - worse.mean, own: own_cost, behaviour: better.free - worse.free}


def summary_of(table: pl.DataFrame, spread: summary.Spread) -> dict[str, dict[str, Any]]:
    """By world and quantity: mean, interval over seeds, and how many seeds there are."""
    out: dict[str, dict[str, Any]] = {}
    for (which, quantity), rows in table.group_by("world", "quantity", maintain_order=True):
        out.setdefault(str(which), {})[str(quantity)] = summary.with_interval(
            rows["value"].to_list(), spread
        )
    return out


CLAIMS = {
    "hack": "unfair meiosis lowers fitness in A",
    "behaviour": "it does so through behaviour, beside its own cost",
}


def verdicts(found: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What the hack step comes to in A, as claims that a script can read: each seed-by-seed
    interval is judged against 0.

    Parameters
    ----------
    found
        Means and intervals by world and quantity, as `summary_of` gives them.

    Returns
    -------
    One row for the hack step and one for its part through behaviour; none where no hack step was
    measured. A claim `comes out` if the whole interval is above 0, it `does not come out` if the
    whole interval is at or below 0, and it is `undecided` otherwise, also where there is no
    interval. `null`, `null_low` and `null_high` are the same quantity between two fair controls.
    They decide nothing.
    """
    here = found.get("ancestral", {})
    out: list[dict[str, Any]] = []
    for quantity, claim in CLAIMS.items():
        if quantity in here:
            low, high = here[quantity].get("interval", (None, None))
            null = here.get("null" if quantity == "hack" else f"null_{quantity}", {})
            null_low, null_high = null.get("interval", (None, None))
            verdict = (
                "undecided"
                if low is None
                else (
                    "comes out"
                    if low > 0.0
                    else "does not come out"
                    if high <= 0.0
                    else "undecided"
                )
            )
            out.append(
                {
                    "claim": claim,
                    "measured": here[quantity]["mean"],
                    "low": low,
                    "high": high,
                    "above": 0.0,
                    "verdict": verdict,
                    "null": null.get("mean"),
                    "null_low": null_low,
                    "null_high": null_high,
                }
            )
    return out


def died(arms: Mapping[str, Mapping[str, pl.DataFrame]]) -> dict[str, int]:
    """By arm, how many of its runs died out before the swap: of those nothing above is known."""
    out = {}
    for arm, tables in arms.items():
        populations = tables["populations"]
        lived = populations.filter(pl.col("moment") == "swap")["seed"].n_unique()
        out[arm] = populations["seed"].n_unique() - lived
    return out


def frequencies(
    sites: list[tuple[str, str]], arms: dict[str, pl.DataFrame], generation: int
) -> list[dict[str, Any]]:
    """Mean frequency over seeds of each driver and modifier (locus, allele) among the newborns of a
    generation, by arm.
    """
    out = []
    for locus, allele in sites:
        row: dict[str, Any] = {"locus": locus, "allele": allele}
        for arm, alleles in arms.items():
            here = alleles.filter(
                (pl.col("locus") == locus)
                & (pl.col("allele") == allele)
                & (pl.col("generation") == generation)
            )
            row[arm] = here["frequency"].mean()
        out.append(row)
    return out
