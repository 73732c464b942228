"""Foresight against the delay of consequences: the birth-control loss by cap on the horizon and by
gestation.

The grid is enumerated once for each gestation with horizons up to 8; a cap is the part of it below
the cap. Planning costs 1% a step, so that foresight is worth having; evolved populations pay 0.5%.
Run: python scripts/horizon.py
"""

from __future__ import annotations

from typing import Any

import polars as pl
from study import Study, evolve, mean_and_interval, setting

from evosim.fitness.landscape import Landscape

GESTATIONS, CAPS, SEEDS = (2, 3, 4, 5), (2, 3, 4, 5, 6, 7, 8), range(6)


def enumerated() -> pl.DataFrame:
    """The best ancestral genome's share of the best modern genome's fitness, and its own
    self-stimulation.
    """
    rows = []
    for gestation in GESTATIONS:
        made = setting(
            "birth-control",
            f"world.ancestral.gestation={gestation}",
            "genome.horizon.alleles=[1,2,3,4,5,6,7,8]",
            "genome.planning_cost=0.01",
        )
        frame = Landscape(made).frame()
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
            made = setting(
                "birth-control",
                f"world.ancestral.gestation={gestation}",
                "genome.planning_cost=0.005",
                f"genome.horizon.alleles={list(range(1, cap + 1))}",
                "phases.1.generations=1",
            )
            landscape = Landscape(made)
            best = landscape.frame()["modern"].max()
            runs = evolve(made, landscape, SEEDS)
            at_swap = [
                r.tables["generations"].filter(pl.col("generation") == made.experiment.swap - 1)
                for r in runs
            ]
            horizon = [
                r.tables["loci"].filter(
                    (pl.col("locus") == "horizon")
                    & (pl.col("generation") == made.experiment.swap - 1)
                )
                for r in runs
            ]
            row: dict[str, Any] = {"gestation": gestation, "cap": cap}
            row |= mean_and_interval("share", (g["modern_mean"][0] / best for g in at_swap))
            row |= mean_and_interval("horizon", (h["mean"][0] for h in horizon))
            rows.append(row)
    return pl.DataFrame(rows)


def main() -> None:
    """Make tables."""
    study = Study("horizon", setting("birth-control"))
    best, populations = enumerated(), evolved()
    study.keep({"enumerated": best, "evolved": populations}, seeds=len(SEEDS))


if __name__ == "__main__":
    main()
