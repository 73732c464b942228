"""Planning horizon and delay of consequences: the birth-control loss by horizon cap and gestation.

The grid is enumerated once for each gestation with horizons up to 8. A cap selects the part of the
grid with shorter horizons. Planning costs 1% per step, so that foresight pays. Evolved populations
pay 0.5%.

Run: python scripts/studies/horizon.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import altair as alt
import polars as pl

from evosim.analysis.ladder import breeding_true
from evosim.claims.experiments import build_packaged
from evosim.claims.measurements import mean_over_seeds
from evosim.claims.populations import evolve
from evosim.claims.study import Study
from evosim.figures.theme import themed
from evosim.fitness.landscape import Landscape

GESTATIONS, CAPS, SEEDS = (2, 3, 4, 5), (2, 3, 4, 5, 6, 7, 8), range(6)


def enumerated() -> pl.DataFrame:
    """The best ancestral genome's share of the best modern fitness, and its horizon.

    Both are the best of the genomes that breed true.
    """
    rows = []
    for gestation in GESTATIONS:
        problem = build_packaged(
            "coarse-savanna",
            f"world.ancestral.gestation={gestation}",
            "genome.horizon.alleles=[1,2,3,4,5,6,7,8]",
            "genome.planning_cost=0.01",
        )
        frame = breeding_true(Landscape(problem).frame())
        for cap in CAPS:
            within = frame.filter(pl.col("locus:horizon") <= cap)
            best_a, best_m = within["ancestral"].max(), within["modern"].max()
            tied = within.filter(pl.col("ancestral") >= best_a * (1 - 1e-12))  # type: ignore[operator]
            rows.append(
                {
                    "gestation": gestation,
                    "cap": cap,
                    "best_in_A": best_a,
                    "best_in_M": best_m,
                    "horizon_of_best": tied["locus:horizon"].min(),
                    "share_min": tied["modern"].min() / best_m,  # type: ignore[operator]
                    "share_max": tied["modern"].max() / best_m,  # type: ignore[operator]
                }
            )
    return pl.DataFrame(rows)


def evolved() -> pl.DataFrame:
    """The same for populations, right after the swap."""
    rows = []
    for gestation in GESTATIONS:
        for cap in CAPS:
            problem = build_packaged(
                "coarse-savanna",
                f"world.ancestral.gestation={gestation}",
                "genome.planning_cost=0.005",
                f"genome.horizon.alleles={list(range(1, cap + 1))}",
                "phases.1.generations=1",
            )
            landscape = Landscape(problem)
            best = breeding_true(landscape.frame())["modern"].max()
            runs = evolve(problem, landscape, SEEDS)
            at_swap = [
                r.tables["generations"].filter(pl.col("generation") == problem.experiment.swap - 1)
                for r in runs
            ]
            horizon = [
                r.tables["loci"].filter(
                    (pl.col("locus") == "horizon")
                    & (pl.col("generation") == problem.experiment.swap - 1)
                )
                for r in runs
            ]
            row: dict[str, Any] = {"gestation": gestation, "cap": cap}
            row |= mean_over_seeds(g["modern_mean"][0] / best for g in at_swap).columns("share")
            row |= mean_over_seeds(h["mean"][0] for h in horizon).columns("horizon")
            rows.append(row)
    return pl.DataFrame(rows)


def draw(folder: Path) -> dict[str, Any]:
    """Share of the best modern fitness kept, by cap and gestation.

    A frame marks horizon = gestation + 2.
    """
    best, populations = (pl.read_csv(folder / f"{name}.csv") for name in ("enumerated", "evolved"))
    both = pl.concat(
        [
            best.select(
                "gestation",
                "cap",
                pl.col("share_min").alias("share"),
                who=pl.lit("best ancestral genome"),
            ),
            populations.select("gestation", "cap", "share", who=pl.lit("evolved populations")),
        ]
    )
    text = alt.condition("datum.share > 0.6", alt.value("white"), alt.value("black"))
    base = alt.Chart(both).encode(
        alt.X("cap:O", title="longest horizon on the grid (steps)", axis=alt.Axis(labelAngle=0)),
        alt.Y("gestation:O", title="gestation (ages)"),
    )
    cells = base.mark_rect(stroke="white").encode(
        alt.Color(
            "share:Q", title="share of best in M", scale=alt.Scale(scheme="blues", domain=[0, 1])
        )
    )
    seen = base.transform_filter("datum.cap == datum.gestation + 2").mark_rect(
        fill=None, stroke="#D55E00", strokeWidth=2.5
    )
    numbers = base.mark_text(fontSize=11).encode(alt.Text("share:Q", format=".2f"), color=text)
    chart = (
        alt.layer(cells, seen, numbers)
        .properties(width=330, height=170)
        .facet(column=alt.Column("who:N", title=None))
    )
    chart = themed(
        chart,
        "Planners that see far enough keep their fitness",
        [
            "fitness in M right after the swap; framed: horizon = gestation + 2, where mating and"
            " young come into one view"
        ],
    )
    return {"horizon": chart}


def main() -> None:
    """Make tables."""
    study = Study("horizon", build_packaged("coarse-savanna"), draw)
    best, populations = enumerated(), evolved()
    study.store({"enumerated": best, "evolved": populations}, seeds=len(SEEDS))


if __name__ == "__main__":
    main()
