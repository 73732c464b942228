"""Effects of the temperature of choice: waste, loss to the shift, recovery, and a fitness cliff.

Softmax planners have fixed temperatures, in units of felt reward, or temperature is a locus of the
grid. The cliff is the fitness of one genetic background by its weight of self-stimulation.

Run: python scripts/studies/temperature.py
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import polars as pl

from evosim.analysis.class_account import class_account
from evosim.claims.experiments import build_packaged
from evosim.claims.measurements import mean_over_seeds
from evosim.claims.populations import accountant_of_runs, evolve
from evosim.claims.study import Study
from evosim.figures.theme import HEIGHT, LOCUS_COLOURS, WIDTH, themed
from evosim.fitness.landscape import Landscape
from evosim.fitness.scorer import Scorer
from evosim.genomes import PlannerRules

TEMPERATURES, SEEDS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2), range(20)
LOCUS = "0, 0.02, 0.05, 0.1"


def populations() -> pl.DataFrame:
    """One row for each fixed temperature, and one where it evolves."""
    rows = []
    for alleles in [*(str(t) for t in TEMPERATURES), LOCUS]:
        problem = build_packaged("coarse-savanna", f"genome.temperature.alleles=[{alleles}]")
        landscape = Landscape(problem)
        runs = evolve(problem, landscape, SEEDS)
        accountant = accountant_of_runs(problem, landscape, runs)
        account = accountant.account()
        modern = account.summary.ladder.modern
        best_a = account.summary.ladder.ancestral.rung("best_ancestral")
        solo = account.tables["behaviour"].filter(
            (pl.col("subject") == "population")
            & (pl.col("world") == "ancestral")
            & (pl.col("act") == "self_stimulate")
        )
        by_seed = dict(
            solo.group_by("seed", maintain_order=True).agg(pl.col("value").sum()).iter_rows()
        )
        gain = account.tables["desires"].filter(pl.col("feature") == "solo")["gain_ancestral"]
        best = class_account(accountant.cache, accountant.best_classes.ancestral.worst, "")
        ledger = best.behaviour.ancestral
        assert ledger
        recovery = account.tables["recovery"]
        row: dict[str, Any] = {
            "temperature": alleles,
            "classes": landscape.genome.grid.size,
            "best_in_A": best_a,
            "temperature_of_best": best.loci["temperature"],
            "R3_over_R2": modern.rung("best_ancestral") / modern.rung("best_for_payoff"),
            "solo_of_best": ledger.acts.get("self_stimulate", 0.0),
        }
        row |= mean_over_seeds(recovery["ancestral_at_swap"] / best_a).columns("A_over_best")
        row |= mean_over_seeds(recovery["modern_at_swap"] / modern.rung("best_for_payoff")).columns(
            "M_at_swap_over_R2"
        )
        row |= mean_over_seeds(recovery["modern_at_end"] / modern.rung("best_for_payoff")).columns(
            "M_at_end_over_R2"
        )
        row |= mean_over_seeds(by_seed.get(s, 0.0) for s in SEEDS).columns("solo_ledger")
        row |= mean_over_seeds(gain).columns("solo_gain_if_off")
        ends = pl.concat([r.tables["loci"] for r in runs]).filter(
            (pl.col("locus") == "temperature")
            & (pl.col("generation") == problem.experiment.swap - 1)
        )
        row |= mean_over_seeds(ends["mean"]).columns("mean_temperature_at_swap")
        rows.append(row)
        print(alleles, flush=True)
    return pl.DataFrame(rows)


def cliff() -> pl.DataFrame:
    """Fitness in A of the best deterministic genome's background by its solo weight."""
    problem = build_packaged("coarse-savanna")
    landscape = Landscape(problem)
    number = landscape.best("ancestral", 0, 1)[:1]
    rules = landscape.genome.decode(number)
    assert isinstance(rules, PlannerRules)
    weights = np.linspace(-0.5, 2.0, 101)
    column = problem.pair.ancestral.features.index("solo")
    rows = []
    for temperature in TEMPERATURES:
        table = np.repeat(rules.weights, len(weights), axis=0)
        table[:, column] = weights
        n = len(weights)
        many = replace(
            rules,
            weights=table,
            horizon=np.repeat(rules.horizon, n),
            belief=np.repeat(rules.belief, n),
            temperature=np.full(n, temperature),
        )
        fitness = Scorer(problem.pair.ancestral, problem.pair).score(many).fitness
        rows += [
            {"temperature": temperature, "solo_weight": w, "fitness_in_A": f}
            for w, f in zip(weights.tolist(), fitness.tolist(), strict=True)
        ]
    return pl.DataFrame(rows)


def draw(folder: Path) -> dict[str, Any]:
    """Fitness in A by solo weight, a line for each temperature."""
    table = pl.read_csv(folder / "cliff.csv")
    names = [str(t) for t in table["temperature"].unique().sort()]
    chart = (
        alt.Chart(table.with_columns(pl.col("temperature").cast(pl.String)))
        .mark_line()
        .encode(
            alt.X("solo_weight:Q", title="objective weight of solo pleasure"),
            alt.Y("fitness_in_A:Q", title="fitness in A (expected offspring)"),
            alt.Color(
                "temperature:N",
                sort=names,
                scale=alt.Scale(domain=names, range=LOCUS_COLOURS[:6]),
                title="temperature",
            ),
        )
        .properties(width=WIDTH + 120, height=HEIGHT + 20)
    )
    chart = themed(
        chart,
        "Self-stimulation is a cliff for planners without noise",
        ["the best ancestral genome with another solo weight; nothing else changed"],
    )
    return {"cliff": chart}


def main() -> None:
    """Make tables and figure."""
    study = Study("temperature", build_packaged("coarse-savanna"), draw)
    study.store({"temperature": populations(), "cliff": cliff()}, seeds=len(SEEDS))


if __name__ == "__main__":
    main()
