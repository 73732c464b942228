"""The birth-control loss under other tie rules, other grids, and every parameter at +-20%.

For each variant of `coarse-savanna` the table has R3 / R2. This is the modern fitness of the
perfect ancestral optimizer over the best modern fitness. Both are of genomes that breed true. Below
1 there is a loss. The table also has the shares of evolved populations.

Run: python scripts/studies/robustness.py
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any

import altair as alt
import polars as pl

from evosim.analysis.ladder import breeding_true
from evosim.claims.experiments import build_packaged
from evosim.claims.measurements import mean_over_seeds
from evosim.claims.populations import evolve
from evosim.claims.study import Study, stored_provenance
from evosim.figures.theme import ANCESTRAL, MODERN, themed
from evosim.fitness.landscape import Landscape
from evosim.worlds.savanna import Savanna

SEEDS = range(6)
FINE = [
    *(
        f"genome.weights.{name}.alleles=[0,0.25,0.5,0.75,1]"
        for name in ("ease", "company", "pleasure")
    ),
    "genome.weights.young.alleles=[0,0.5,1,1.5,2]",
    "analysis.max_classes=400000",
]
COARSE = [f"genome.weights.{name}.alleles=[0,1]" for name in ("ease", "company", "pleasure")]


def variants() -> dict[str, list[str]]:
    """Settings of each variant, by name."""
    out: dict[str, list[str]] = {
        "default": [],
        "ties: first act": ["genome.ties=first"],
        "ties: last act": ["genome.ties=last"],
        "grid: 5 alleles a weight": FINE,
        "grid: 2 alleles a weight": COARSE,
        "grid: a desire for recruits on offer": ["genome.weights.recruit.alleles=[0,1,2]"],
        "haploid": ["genome.ploidy=1"],
        "M without contraception": ["world.modern.contraception=false"],
        "M with contraception alone": [
            "world.modern.forage_success=0.6",
            "world.modern.death=0.02",
            "world.modern.solo_intensity=0.4",
        ],
    }
    default, modern = Savanna(), build_packaged("coarse-savanna").experiment.world.modern
    known = {item.name: item for item in dataclasses.fields(Savanna)}
    for where, values in (("ancestral", dataclasses.asdict(default)), ("modern", modern)):
        for name, value in values.items():
            if isinstance(value, bool) or name == "low_energy":  # reflexes alone see low_energy
                continue
            for sign in (-1, 1):
                new = (
                    value + sign * max(1, round(0.2 * value))
                    if isinstance(value, int)
                    else value * (1 + 0.2 * sign)
                )
                if known[name].metadata["high"] is not None:
                    new = min(new, known[name].metadata["high"])
                if new != value and new >= known[name].metadata["low"]:
                    out[f"{where} {name} {value:g} to {new:g}"] = [f"world.{where}.{name}={new!r}"]
    for name, value in (("planning_cost", 0.06), ("discount", 0.95)):
        for factor in (0.8, 1.2):
            new = min(1.0, value * factor)
            out[f"genome {name} {value:g} to {new:g}"] = [f"genome.{name}={new!r}"]
    for factor in (0.5, 0.8, 1.2, 2.0):
        out[f"mutation times {factor:g}"] = [f"genome.mutation_scale={factor!r}"]
    return out


def row(name: str, settings: list[str]) -> dict[str, object]:
    """Headline numbers of one variant."""
    problem = build_packaged("coarse-savanna", *settings)
    landscape = Landscape(problem)
    frame = breeding_true(landscape.frame())
    best_a, best_m = frame["ancestral"].max(), frame["modern"].max()
    r3 = frame.filter(pl.col("ancestral") >= best_a * (1 - 1e-12))["modern"]  # type: ignore[operator]
    out: dict[str, object] = {
        "variant": name,
        "best_in_A": best_a,
        "R2": best_m,
        "R3_min_over_R2": r3.min() / best_m,  # type: ignore[operator]
        "R3_max_over_R2": r3.max() / best_m,  # type: ignore[operator]
    }
    runs = evolve(problem, landscape, SEEDS)
    swap = [
        r.tables["generations"].filter(pl.col("generation") == problem.experiment.swap - 1)
        for r in runs
    ]
    end = [r.tables["generations"].tail(1) for r in runs]
    out |= mean_over_seeds(g["ancestral_mean"][0] / best_a for g in swap if g.height).columns(
        "A_over_best"
    )
    out |= mean_over_seeds(g["modern_mean"][0] / best_m for g in swap if g.height).columns(
        "M_at_swap_over_R2"
    )
    out |= mean_over_seeds(g["modern_mean"][0] / best_m for g in end).columns("M_at_end_over_R2")
    out["extinct"] = sum(r.status == "extinct" for r in runs)
    return out


def draw(folder: Path) -> dict[str, Any]:
    """A line per variant: share of the best fitness in M.

    Marks are the best ancestral genome and evolved populations.
    """
    table, seeds = pl.read_csv(folder / "robustness.csv"), stored_provenance(folder)["seeds"]
    shares = pl.concat(
        [
            table.select(
                "variant", share=pl.col("R3_min_over_R2"), who=pl.lit("best ancestral genome")
            ),
            table.select(
                "variant", share=pl.col("M_at_swap_over_R2"), who=pl.lit("populations at the swap")
            ),
        ]
    )
    order = table.sort("R3_min_over_R2")["variant"].to_list()
    y = alt.Y("variant:N", sort=order, title=None, axis=alt.Axis(labelLimit=320, labelFontSize=9.5))
    x = alt.X("share:Q", title="share of the best fitness in M", scale=alt.Scale(domain=[0, 1]))
    shape = alt.Shape("who:N", title=None, scale=alt.Scale(range=["circle", "diamond"]))
    colour = alt.Color("who:N", title=None, scale=alt.Scale(range=[MODERN, ANCESTRAL]))
    points = (
        alt.Chart(shares).mark_point(filled=True, size=45, opacity=0.9).encode(x, y, colour, shape)
    )
    default = float(table.filter(pl.col("variant") == "default")["R3_min_over_R2"][0])
    rule = (
        alt.Chart(pl.DataFrame({"share": [default]}))
        .mark_rule(strokeDash=[3, 3], color="#777777")
        .encode(x)
    )
    chart = (rule + points).properties(width=420, height=alt.Step(12))
    chart = themed(
        chart,
        "The birth-control loss under every parameter at +-20%, three tie rules and other grids",
        [f"{table.height} variants, {seeds} seeds each; dashed: the default; 1 would be no loss"],
    )
    return {"robustness": chart}


def main() -> None:
    """Make table and figure."""
    study = Study("robustness", build_packaged("coarse-savanna"), draw)
    rows = []
    for name, settings in variants().items():
        rows.append(row(name, settings))
        print(f"{name}: R3/R2 {rows[-1]['R3_min_over_R2']:.3f}", file=sys.stderr, flush=True)
    table = pl.DataFrame(rows)
    losing = table.filter(pl.col("R3_max_over_R2") < 1.0).height
    study.store(
        {"robustness": table}, seeds=len(SEEDS), variants=table.height, variants_with_a_loss=losing
    )


if __name__ == "__main__":
    main()
