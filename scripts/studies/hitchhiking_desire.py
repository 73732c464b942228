"""Share of a wasteful desire that a driver carries along, by their distance.

Run: python scripts/studies/hitchhiking_desire.py
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import polars as pl

from evosim.analysis.account import Accountant
from evosim.claims.experiments import build_packaged
from evosim.claims.measurements import Measurement, mean_over_seeds
from evosim.claims.populations import accountant_with_controls
from evosim.claims.study import Study, stored_experiment
from evosim.claims.verdicts import StudyVerdict, above, below
from evosim.figures.theme import HEIGHT, WIDTH, themed
from evosim.fitness.landscape import Landscape
from evosim.genomes.grid import haldane
from evosim.theory import hitchhiking, two_locus

DISTANCES = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
MADE = build_packaged("hitchhiking-desire").experiment
SEEDS, N, K = MADE.replicates, MADE.optimizer["population"], MADE.genome["drivers"][0]["ratio"]
INTRODUCED, COPIES = (MADE.optimizer["introductions"][0][key] for key in ("generation", "copies"))
SOON = 30  # generations after the introduction
MOMENTS = (INTRODUCED + SOON, MADE.generations - 1)


def rows() -> pl.DataFrame:
    """One row per distance: share of the wasteful allele, and the hack step.

    The share is measured soon after the driver fixed and at the end.
    """
    out = []
    landscape: Landscape | None = None
    for distance in DISTANCES:
        problem = build_packaged(
            "hitchhiking-desire",
            f"genome.markers.t.position={distance}",
            "search_ledger=false",
            f"snapshots=[{INTRODUCED - 1}]",
        )
        landscape = landscape or Landscape(
            problem
        )  # distances do not change the fitness of any class
        accountant = accountant_with_controls(problem, landscape)
        expected = predicted(distance, cost_of_the_desire(accountant, landscape))
        wasteful = (pl.col("locus") == "solo") & (pl.col("allele") == "1.0")
        row: dict[str, Any] = {
            "centimorgan": distance,
            "r": haldane(distance),
            "theory_neutral": _neutral(distance),
        }
        row |= {f"theory_at_{g}": expected[g - INTRODUCED] for g in MOMENTS}
        for arm, tables in (
            ("run", accountant.record.tables),
            ("fair", accountant.record.controls["fair"]),
        ):
            for g in MOMENTS:
                share = tables["alleles"].filter(wasteful & (pl.col("generation") == g))[
                    "frequency"
                ]
                row |= mean_over_seeds(share).columns(f"{arm}_share_at_{g}")
        for g in MOMENTS:
            driver = (
                accountant.tables["alleles"]
                .filter((pl.col("allele") == "driver") & (pl.col("generation") == g))
                .sort("seed")["frequency"]
            )
            rider = (
                accountant.tables["alleles"]
                .filter(wasteful & (pl.col("generation") == g))
                .sort("seed")["frequency"]
            )
            row |= mean_over_seeds(driver).columns(f"driver_at_{g}") | mean_over_seeds(
                driver - rider
            ).columns(f"apart_at_{g}")
        hack = accountant.account().tables["hack"].filter(pl.col("world") == "ancestral")
        for quantity in ("hack", "null"):
            row |= mean_over_seeds(hack.filter(pl.col("quantity") == quantity)["value"]).columns(
                quantity
            )
        out.append(row)
        print(row, flush=True)
    return pl.DataFrame(out)


def cost_of_the_desire(accountant: Accountant, landscape: Landscape) -> list[float]:
    """Mean fitness in A if all individuals had 0, 1 or 2 copies of the desire, relative to 0.

    The population is that before the driver comes.
    """
    grid = accountant.cache.evaluator.genome.grid
    at = [locus.name for locus in grid.loci].index("solo")
    rows = accountant.tables["populations"].filter(pl.col("moment") == "snapshot")
    out = []
    for value in (-1.0, 0.0, 1.0):  # of two alleles -1 and 1
        digits = grid.digits(rows["class"].to_numpy())
        digits[:, at] = grid.loci[at].values.tolist().index(value)
        fitness = landscape.fitness(grid.from_digits(digits)).ancestral
        out.append(float(fitness @ rows["count"].to_numpy() / rows["count"].sum()))
    return [w / out[0] for w in out]


def predicted(distance: float, w: list[float]) -> np.ndarray:
    """Share of the desire after the introduction of the driver, by the recursion of two loci.

    The population is infinite and does not change otherwise.
    """
    q = COPIES / (2 * N)
    start = np.array([1 - q, 0.0, 0.0, q])
    path, _ = two_locus.iterate(
        start, haldane(distance), [K] * 3, np.tile(w, (3, 1)), MADE.generations
    )
    return np.asarray(path[:, 1::2].sum(axis=1))


def _neutral(distance: float) -> float:
    """Final frequency of a rider without cost."""
    return hitchhiking.hitchhiked(COPIES / (2 * N), haldane(distance), K)


def draw(folder: Path) -> dict[str, Any]:
    """Share of the wasteful allele and the hack step by distance."""
    table, known = pl.read_csv(folder / "hitchhiking.csv"), stored_experiment(folder)
    n, k, comes = (
        known["optimizer"]["population"],
        known["genome"]["drivers"][0]["ratio"],
        known["optimizer"]["introductions"][0],
    )
    first, last = (
        int(name.removeprefix("theory_at_"))
        for name in table.columns
        if name.startswith("theory_at_")
    )
    soon = f"after {first - comes['generation']} generations"
    frame = table.with_columns(pl.max_horizontal("centimorgan", pl.lit(0.03)).alias("x"))
    x = alt.X(
        "x:Q",
        title="map distance (centimorgan; leftmost: none)",
        scale=alt.Scale(type="log", domain=[0.02, 120]),
        axis=alt.Axis(grid=False, values=[0.1, 1, 10, 100]),
    )
    words = {
        soon: (f"run_share_at_{first}", "#D55E00", [1, 0]),
        "at the end": (f"run_share_at_{last}", "#0072B2", [1, 0]),
    }
    theory = {
        f"theory {soon}": (f"theory_at_{first}", "#D55E00", [4, 3]),
        "theory, a rider without cost": ("theory_neutral", "#000000", [2, 3]),
    }
    names = [*words, *theory]
    colours, dashes = ([entry[i] for entry in (words | theory).values()] for i in (1, 2))
    legend = alt.Legend(symbolType="stroke", symbolOpacity=1, symbolSize=300)
    colour = alt.Color(
        "when:N",
        title=None,
        sort=names,
        scale=alt.Scale(domain=names, range=colours),
        legend=legend,
    )
    dash = alt.StrokeDash(
        "when:N", title=None, sort=names, scale=alt.Scale(domain=names, range=dashes), legend=legend
    )
    layers = []
    for word, (column, _, _) in (words | theory).items():
        base = alt.Chart(frame.with_columns(pl.lit(word).alias("when")))
        y = alt.Y(
            f"{column}:Q", title="share of the wasteful allele", scale=alt.Scale(domain=[0, 1])
        )
        layers.append(base.mark_line(strokeWidth=2).encode(x, y, colour, dash))
        if word in words:
            layers.append(base.mark_point(filled=True, size=45, opacity=1).encode(x, y, colour))
            layers.append(
                base.mark_rule(strokeWidth=2).encode(
                    x, alt.Y(f"{column}_low:Q"), alt.Y2(f"{column}_high:Q"), colour
                )
            )
    left = alt.layer(*layers).properties(width=WIDTH, height=HEIGHT + 20)
    base = alt.Chart(frame)
    zero = alt.Chart(pl.DataFrame({"y": [0.0]})).mark_rule(color="#999999").encode(alt.Y("y:Q"))
    y = alt.Y("hack:Q", title="hack step in A (expected offspring)")
    dots = base.mark_point(filled=True, size=45, opacity=1, color="#333333").encode(x, y)
    bars = base.mark_rule(strokeWidth=2, color="#333333").encode(
        x, alt.Y("hack_low:Q"), alt.Y2("hack_high:Q")
    )
    right = (
        zero + base.mark_line(strokeWidth=2, color="#333333").encode(x, y) + dots + bars
    ).properties(width=WIDTH, height=HEIGHT + 20)
    notes = [
        (
            f"hitchhiking-desire; {known['replicates']} seeds of N = {n}; driver k = {k} without"
            f" cost, {comes['copies']} copies in generation {comes['generation']} with solo = 1"
        ),
        (
            "whiskers: 95% bootstrap interval of the mean; theory: recursion of two loci, rider"
            " at its cost before the driver came"
        ),
    ]
    return {
        "hitchhiking": themed(
            alt.hconcat(left, right, spacing=36),
            "A costly desire rides along only if it cannot be left behind",
            notes,
        )
    }


def main() -> None:
    """Make table, figure and verdicts."""
    study = Study("hitchhiking-desire", build_packaged("hitchhiking-desire"), draw)
    table = rows()
    near, far = table.row(0, named=True), table.row(-1, named=True)
    share, end = f"run_share_at_{MOMENTS[0]}", f"run_share_at_{MOMENTS[1]}"
    apart = f"apart_at_{MOMENTS[1]}"
    shares = table[share].to_list()
    falls = all(a >= b - 0.02 for a, b in itertools.pairwise(shares))
    largest = largest_deviation(table)
    claims = [
        StudyVerdict.of(
            "completely linked, the desire goes where the driver goes (their frequencies at the end"
            " differ by)",
            "0 +- .01",
            Measurement.from_columns(near, apart),
            lambda low, high: abs(low) < 0.01 > abs(high),
        ),
        StudyVerdict.of(
            f"{SOON} generations on, its share is the recursion's (largest difference over"
            " distances above 0)",
            "<= .05",
            largest,
            largest.value <= 0.05,
        ),
        StudyVerdict.of(
            "a morgan away it is left behind",
            "< .05",
            Measurement.from_columns(far, end),
            below(0.05),
        ),
        StudyVerdict.of(
            "its share falls with distance (largest rise between neighbours)",
            "<= .02",
            Measurement(max(b - a for a, b in itertools.pairwise(shares))),
            falls,
        ),
        StudyVerdict.of(
            "completely linked, it lowers fitness: the hack step is above 0",
            "> 0",
            Measurement.from_columns(near, "hack"),
            above(0.0),
        ),
    ]
    study.store({"hitchhiking": table, "verdicts": pl.DataFrame(claims)}, seeds=SEEDS)


def largest_deviation(table: pl.DataFrame) -> Measurement:
    """Largest deviation of the mean share from the recursion, over distances above 0."""
    deviation = (
        table.filter(pl.col("centimorgan") > 0.0)
        .select(
            (pl.col(f"run_share_at_{MOMENTS[0]}") - pl.col(f"theory_at_{MOMENTS[0]}")).abs().max()
        )
        .item()
    )
    return Measurement(float(deviation))


if __name__ == "__main__":
    main()
