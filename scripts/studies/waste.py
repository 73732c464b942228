"""Waste by amount of optimization: does more search remove it, and does it change the shift loss?

Populations of four sizes and three mutation rates, with 20 seeds, are analysed after 50 to 800
generations. Measured in A are the waste of self-stimulation and the gap to the best genome.
Measured in M are novel and stale losses. A second table has the self-stimulation of the enumerated
best genome by horizon cap.

Run: python scripts/studies/waste.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import altair as alt
import polars as pl

from evosim.analysis.account import Accountant
from evosim.analysis.class_account import class_account
from evosim.analysis.population import PopulationSnapshot
from evosim.claims.experiments import build_packaged
from evosim.claims.measurements import mean_over_seeds
from evosim.claims.populations import accountant_of_runs, evolve
from evosim.claims.study import Study, stored_provenance
from evosim.figures.theme import LOCUS_COLOURS, themed
from evosim.fitness.landscape import Landscape

LABELS = 36  # pixels for the numbers at an axis, so that panels are aligned
MEASURES = (
    ("solo", "self-stimulation's waste in A"),
    ("gap", "gap to the best genome in A"),
    ("novel_and_stale", "novel + stale in M"),
)
SIZES, SCALES, SEEDS = (100, 300, 1000, 3000), (0.5, 1.0, 2.0), range(20)
GENERATIONS = (50, 100, 200, 400, 800)
SOLO = "self_stimulate"


def observed(accountant: Accountant, population: pl.DataFrame, best: float) -> dict[str, float]:
    """Waste of one population in A and its loss to the shift in M."""
    census = PopulationSnapshot.from_table(population)
    ledger = accountant.seeds.population_ledger(census)
    act = accountant.pair.ancestral.acts.index(SOLO)
    fitness = census.fitness(accountant.cache.evaluator).ancestral
    return {
        "solo": float(ledger.waste[:, act].sum()),
        "solo_times": float(ledger.times_ancestral[act]),
        "gap": best - fitness.mean,
        "unfound": best - fitness.best_present,
        "load": fitness.best_present - fitness.mean,
        "novel": float(ledger.modern["novel"].sum()),
        "novel_and_stale": float(ledger.modern["novel"].sum() + ledger.modern["stale"].sum()),
        "inherited": float(ledger.modern["inherited"].sum()),
    }


def populations() -> pl.DataFrame:
    """One row for each size, mutation rate and generation; means over seeds with intervals."""
    rows = []
    landscape: Landscape | None = None
    for scale in SCALES:
        for size in SIZES:
            problem = build_packaged(
                "coarse-savanna",
                f"optimizer.population={size}",
                f"genome.mutation_scale={scale}",
                f"phases=[{{world='ancestral',generations={max(GENERATIONS)}}},{{world='modern',generations=1}}]",
                f"snapshots={[g - 1 for g in GENERATIONS]}",
            )
            # Size and mutation do not change the fitness of any class
            landscape = landscape or Landscape(problem)
            runs = evolve(problem, landscape, SEEDS)
            accountant = accountant_of_runs(problem, landscape, runs)
            best = accountant.fixed_rungs.ancestral.rungs["best_ancestral"]
            snapshots = accountant.tables["populations"].filter(pl.col("moment") == "snapshot")
            for g in GENERATIONS:
                seen = [
                    observed(
                        accountant,
                        snapshots.filter((pl.col("generation") == g - 1) & (pl.col("seed") == s)),
                        best,
                    )
                    for s in SEEDS
                ]
                row: dict[str, Any] = {
                    "mutation": 0.002 * scale,
                    "population": size,
                    "generations": g,
                }
                for name in seen[0]:
                    row |= mean_over_seeds(x[name] for x in seen).columns(name)
                rows.append(row)
            print(f"mutation {0.002 * scale}, population {size}", flush=True)
    return pl.DataFrame(rows)


def best_by_cap() -> pl.DataFrame:
    """Self-stimulation of the enumerated best genome by horizon cap.

    Planning has its default cost, or none.
    """
    rows = []
    for cost in (0.06, 0.0):
        for cap in range(1, 9):
            problem = build_packaged(
                "coarse-savanna",
                f"genome.horizon.alleles={list(range(1, cap + 1))}",
                f"genome.planning_cost={cost}",
                "phases=[{world='ancestral',generations=1}]",
            )
            landscape = Landscape(problem)
            accountant = accountant_of_runs(problem, landscape, evolve(problem, landscape, [0]))
            number = accountant.best_classes.ancestral.worst
            ledger, act = (
                accountant.cache.ledger(number),
                accountant.pair.ancestral.acts.index(SOLO),
            )
            single = class_account(accountant.cache, number, "")
            rows.append(
                {
                    "planning_cost": cost,
                    "cap": cap,
                    "horizon": single.loci["horizon"],
                    "solo_weight": single.loci["solo"],
                    "fitness_in_A": single.ancestral.fitness,
                    "share_in_M": (
                        single.modern.fitness
                        / accountant.fixed_rungs.modern.rungs["best_for_payoff"]
                        if accountant.fixed_rungs.modern.rungs["best_for_payoff"] > 0
                        else None
                    ),
                    "solo_ledger": float(ledger.waste[:, act].sum()),
                    "solo_times": float(ledger.times_ancestral[act]),
                }
            )
    return pl.DataFrame(rows)


MEASURES = (
    ("solo", "self-stimulation's waste in A"),
    ("gap", "gap to the best genome in A"),
    ("novel_and_stale", "novel + stale in M"),
)


def draw(folder: Path) -> dict[str, Any]:
    """A row for each measure, a column for each mutation rate, a line for each population size."""
    table, seeds = pl.read_csv(folder / "waste.csv"), stored_provenance(folder)["seeds"]
    sizes = [str(n) for n in table["population"].unique().sort()]
    frame = table.with_columns(pl.col("population").cast(pl.String))
    rows = []
    for name, title in MEASURES:
        top = float(frame[f"{name}_high"].max())  # type: ignore[arg-type]
        panels = []
        for column, rate in enumerate(table["mutation"].unique().sort()):
            base = alt.Chart(frame.filter((pl.col("mutation") - rate).abs() < 1e-9)).encode(
                alt.X(
                    "generations:Q",
                    scale=alt.Scale(type="log", base=2),
                    title="generations",
                    axis=alt.Axis(
                        values=table["generations"].unique().sort().to_list(), grid=False
                    ),
                ),
                alt.Color(
                    "population:N",
                    sort=sizes,
                    title="population",
                    legend=alt.Legend(symbolType="stroke", symbolOpacity=1, symbolSize=300),
                    scale=alt.Scale(domain=sizes, range=[LOCUS_COLOURS[i] for i in (6, 5, 2, 0)]),
                ),
            )
            y = alt.Y(
                f"{name}:Q",
                title=title if column == 0 else None,
                scale=alt.Scale(domain=[0, top]),
                axis=alt.Axis(minExtent=LABELS),
            )
            bars = base.mark_rule(opacity=0.4).encode(
                alt.Y(f"{name}_low:Q"), alt.Y2(f"{name}_high:Q")
            )
            panel = (bars + base.mark_line(point=alt.OverlayMarkDef(size=20)).encode(y)).properties(
                width=200, height=150
            )
            panels.append(panel.properties(title=f"mutation {rate:g}") if name == "solo" else panel)
        rows.append(alt.hconcat(*panels, spacing=18))
    chart = themed(
        alt.vconcat(*rows, spacing=14),
        "More generations remove waste, and leave the shift's loss where it is",
        [
            f"expected offspring in a life; {seeds} seeds each; bars: 95% bootstrap intervals of"
            " the mean"
        ],
    )
    return {"waste": chart}


def main() -> None:
    """Make tables and figure."""
    study = Study("waste", build_packaged("coarse-savanna"), draw)
    study.store({"waste": populations(), "best_by_cap": best_by_cap()}, seeds=len(SEEDS))


if __name__ == "__main__":
    main()
