"""The parliament of genes: an unlinked suppressor by its cost, compared with theory.

Run: python scripts/studies/suppressor.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import polars as pl

from evosim.claims.experiments import build_packaged
from evosim.claims.measurements import Measurement, mean_over_seeds
from evosim.claims.populations import accountant_of_runs, evolve
from evosim.claims.study import Study, stored_experiment, stored_provenance
from evosim.claims.verdicts import StudyVerdict, above, below, near
from evosim.figures.quantile_bands import banded
from evosim.figures.theme import HEIGHT, WIDTH, themed
from evosim.fitness.landscape import Landscape
from evosim.theory import drive, modifiers, two_locus

COSTS = (0.0, 0.02, 0.1, 0.3, 0.5)
BURN = 200
LONG = 4000  # generations until the recursion stands still
CONCEDED = 0.01  # to a population that is not infinite

MADE = build_packaged("suppressor").experiment
SEEDS, N, GENERATIONS = MADE.seeds, MADE.optimizer["population"], MADE.generations
DRIVER, MODIFIER = MADE.genome["drivers"][0], MADE.genome["modifiers"][0]
K, K_MODIFIED, SHOWN = DRIVER["ratio"], MODIFIER["ratio"], MODIFIER["cost"]
INTRODUCED, COPIES = (MADE.optimizer["introductions"][1][key] for key in ("generation", "copies"))
# Where the driver is when the suppressor comes in
ALONE = drive.equilibrium(K, DRIVER["dominance"], DRIVER["cost"])


def theory(cost: float, generations: int) -> tuple[np.ndarray, np.ndarray]:
    """Haplotype frequencies `[T + 1, 4]` and mean fitness `[T]` of an infinite population.

    Both start with the introduction of the suppressor.
    """
    one, two = drive.fitnesses(DRIVER["dominance"], DRIVER["cost"])
    w = np.outer([1.0, one, two], [1.0, 1.0 - cost, 1.0 - cost])
    start = two_locus.haplotypes(ALONE.frequency, COPIES / (2 * N))
    return two_locus.iterate(start, 0.5, [K, K_MODIFIED, K_MODIFIED], w, generations)


def expected(cost: float, generations: int) -> dict[str, float]:
    """Driver, suppressor and fitness after some generations, by theory."""
    path, weights = theory(cost, generations)
    return {
        "driver": two_locus.driver_frequency(path[-1]),
        "suppressor": two_locus.modifier_frequency(path[-1]),
        "fitness": float(weights[-1]),
    }


def rows() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Driver, suppressor and fitness late in the run by cost, and the paths of the default."""
    out, paths = [], pl.DataFrame()
    for cost in COSTS:
        problem = build_packaged(
            "suppressor", f"genome.modifiers.0.cost={cost}", "search_ledger=false"
        )
        landscape = Landscape(problem)
        accountant = accountant_of_runs(problem, landscape, evolve(problem, landscape, SEEDS))
        alleles = accountant.tables["alleles"].filter(
            pl.col("allele").is_in(["driver", "suppressor"])
        )
        best = accountant.fixed_rungs.ancestral.rungs["best_ancestral"]
        fitness = accountant.tables["generations"].select(
            "seed", "generation", (pl.col("ancestral_mean") / best).alias("frequency")
        )
        long = pl.concat(
            [
                alleles.select("seed", "generation", "allele", "frequency"),
                fitness.select(
                    "seed", "generation", pl.lit("fitness").alias("allele"), "frequency"
                ),
            ]
        )
        there, then = expected(cost, LONG), expected(cost, GENERATIONS - INTRODUCED)
        row: dict[str, Any] = {"cost": cost}
        late = (
            long.filter(pl.col("generation") >= BURN)
            .group_by("seed", "allele", maintain_order=True)
            .agg(pl.col("frequency").mean())
        )
        for name in there:
            row |= {f"theory_{name}": there[name], f"theory_{name}_at_{GENERATIONS}": then[name]}
            row |= mean_over_seeds(late.filter(pl.col("allele") == name)["frequency"]).columns(name)
        out.append(row)
        print(row, flush=True)
        if cost == SHOWN:
            paths = banded(long, "frequency", "allele", "generation").join(
                recursion(), on=["allele", "generation"], how="left", maintain_order="left"
            )
    return pl.DataFrame(out), paths


def recursion() -> pl.DataFrame:
    """Driver, suppressor and fitness by generation after the introduction, by theory."""
    path, weights = theory(SHOWN, GENERATIONS - INTRODUCED)
    values = {
        "driver": path[:-1, 2:].sum(axis=1),
        "suppressor": path[:-1, 1::2].sum(axis=1),
        "fitness": weights,
    }
    at = np.arange(INTRODUCED, GENERATIONS)
    return pl.concat(
        [
            pl.DataFrame({"allele": name, "generation": at, "theory": column})
            for name, column in values.items()
        ]
    )


def draw(folder: Path) -> dict[str, Any]:
    """Driver, suppressor and fitness by generation, with the recursion."""
    lines = pl.read_csv(folder / "paths.csv")
    known, seeds = stored_experiment(folder), stored_provenance(folder)["seeds"]
    n, k, cost = (
        known["optimizer"]["population"],
        known["genome"]["drivers"][0]["ratio"],
        known["genome"]["modifiers"][0]["cost"],
    )
    comes = known["optimizer"]["introductions"][1]
    names = ["driver", "suppressor", "fitness"]
    colour = alt.Color(
        "allele:N",
        title=None,
        sort=names,
        scale=alt.Scale(domain=names, range=["#D55E00", "#009E73", "#0072B2"]),
        legend=alt.Legend(symbolType="stroke", symbolOpacity=1),
    )
    x = alt.X("generation:Q", title="generation", axis=alt.Axis(grid=False))
    y = alt.Y(
        "mean:Q", title="frequency among newborns; share of fitness", scale=alt.Scale(domain=[0, 1])
    )
    band = (
        alt.Chart(lines).mark_area(opacity=0.2).encode(x, alt.Y("low:Q"), alt.Y2("high:Q"), colour)
    )
    line = alt.Chart(lines).mark_line(strokeWidth=2).encode(x, y, colour)
    dotted = (
        alt.Chart(lines.drop_nulls("theory"))
        .mark_line(strokeWidth=1.5, strokeDash=[3, 3], color="#000000")
        .encode(x, alt.Y("theory:Q"), alt.Detail("allele:N"))
    )
    chart = (band + line + dotted).properties(width=WIDTH + 160, height=HEIGHT + 40)
    notes = [
        (
            f"suppressor; {seeds} seeds of N = {n}; bands hold 95% of them; k = {k}, recessive"
            f" lethal; the suppressor costs {cost}"
        ),
        (
            f"dotted: theory of an infinite population from generation {comes['generation']}, when"
            f" {comes['copies']} copies of the suppressor come in"
        ),
    ]
    return {"suppressor": themed(chart, "The parliament of genes", notes)}


def main() -> None:
    """Make tables, figure and verdicts."""
    study = Study("suppressor", build_packaged("suppressor"), draw)
    table, paths = rows()
    row = table.filter(pl.col("cost") == SHOWN).to_dicts()[0]
    claims = []
    for name in ("driver", "suppressor", "fitness"):
        there = row[f"theory_{name}"]
        claims.append(
            StudyVerdict.of(
                f"{name} settles where the recursion does (cost {SHOWN}; N = {N} conceded"
                f" {CONCEDED})",
                f"{there:.4f} +- {CONCEDED}",
                Measurement.from_columns(row, name),
                near(there, CONCEDED),
            )
        )
    most = modifiers.tolerable_cost(K, K_MODIFIED, 0.5, DRIVER["dominance"], DRIVER["cost"])
    dearest = table.filter(pl.col("cost") == max(COSTS)).to_dicts()[0]
    claims.append(
        StudyVerdict.of(
            f"a suppressor that costs {max(COSTS)} does not invade (the most it may cost is"
            f" {most:.4f})",
            "0",
            Measurement.from_columns(dearest, "suppressor"),
            below(0.002),
        )
    )
    without = ALONE.mean_fitness
    claims.append(
        StudyVerdict.of(
            f"fitness is restored in part: above {without:.2f} without it",
            f"> {without:.2f}",
            Measurement.from_columns(row, "fitness"),
            above(without),
        )
    )
    study.store(
        {"suppressor": table, "paths": paths, "verdicts": pl.DataFrame(claims)},
        seeds=len(SEEDS),
        tolerable_cost=most,
        fitness_without=without,
    )


if __name__ == "__main__":
    main()
