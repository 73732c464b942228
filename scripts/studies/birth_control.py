"""The default experiment over seeds 0-19, and over two sets of seeds that no tuning used.

Seeds 100-119 were analysed once with a modern phase of 150 generations, in which 11 of 20 had
recovered. The modern phase was then made as long as the ancestral one. Seeds 200-219 were not used
before that.

Run: python scripts/studies/birth_control.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from evosim.analysis.account import Accountant
from evosim.analysis.population import PopulationSnapshot
from evosim.claims.experiments import build_packaged
from evosim.claims.measurements import mean_over_seeds
from evosim.claims.populations import accountant_of_runs, evolve
from evosim.claims.study import Study, stored_experiment, stored_provenance
from evosim.figures.fitness import fitness_of_bands
from evosim.figures.quantile_bands import banded
from evosim.figures.theme import themed
from evosim.fitness.landscape import Landscape
from evosim.runtime.dataclass_json import to_json


def _found(accountant: Accountant) -> pl.DataFrame:
    """For each seed at the swap: gap to the best genome in A, its parts, and ease.

    The parts are the fitness not found and the mutation load. Ease is also measured at the end.
    """
    best, swap = (
        accountant.fixed_rungs.ancestral.rungs["best_ancestral"],
        accountant.experiment.swap - 1,
    )
    rows = []
    for (seed,), table in (
        accountant.tables["populations"]
        .filter(pl.col("generation") == swap)
        .group_by("seed", maintain_order=True)
    ):
        fitness = PopulationSnapshot.from_table(table).fitness(accountant.cache.evaluator).ancestral
        rows.append(
            {
                "seed": seed,
                "gap_A": best - fitness.mean,
                "not_found_A": best - fitness.best_present,
                "load_A": fitness.best_present - fitness.mean,
            }
        )
    ease = accountant.tables["loci"].filter(pl.col("locus") == "ease")
    then, last = (
        ease.filter(pl.col("generation") == g).select("seed", pl.col("mean").alias(name))
        for g, name in (
            (swap, "ease_at_swap"),
            (accountant.experiment.generations - 1, "ease_at_end"),
        )
    )
    return (
        pl.DataFrame(rows)
        .join(then, on="seed", maintain_order="left")
        .join(last, on="seed", maintain_order="left")
    )


def per_seed(first: int) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, Any]]:
    """One row per seed, bands of fitness by generation, and facts about all seeds."""
    problem = build_packaged("coarse-savanna", f"seed={first}", "replicates=20")
    landscape = Landscape(problem)
    runs = evolve(problem, landscape, problem.experiment.seeds)
    accountant = accountant_of_runs(problem, landscape, runs)
    account = accountant.account()
    ladder_by_world = account.summary.ladder
    best_a = ladder_by_world.ancestral.rung("best_for_payoff")
    best_m = ladder_by_world.modern.rung("best_for_payoff")
    ledger = account.tables["behaviour"].filter(
        (pl.col("subject") == "population") & (pl.col("world") == "modern")
    )
    lost = ledger.group_by("seed", maintain_order=True).agg(
        pl.col("value").sum().alias("lost"),
        pl.col("value").filter(pl.col("act") == "mate_protected").sum().alias("protected"),
        pl.col("value").filter(pl.col("kind") == "novel").sum().alias("novel"),
        pl.col("value")
        .filter(pl.col("kind").is_in(["stale", "missed", "amplified"]))
        .sum()
        .alias("other_shift"),
        pl.col("value").filter(pl.col("kind") == "inherited").sum().alias("inherited"),
        pl.col("value").filter(pl.col("kind") == "upkeep").sum().alias("upkeep"),
    )
    waste = (
        account.tables["behaviour"]
        .filter((pl.col("subject") == "population") & (pl.col("world") == "ancestral"))
        .group_by("seed", maintain_order=True)
        .agg(pl.col("value").filter(pl.col("act") == "self_stimulate").sum().alias("solo_ledger_A"))
    )
    solo = (
        account.tables["desires"]
        .filter(pl.col("feature") == "solo")
        .select("seed", solo_gain_A="gain_ancestral")
    )
    table = (
        account.tables["recovery"]
        .select(
            "seed",
            (pl.col("ancestral_at_swap") / best_a).alias("A_share_of_best"),
            (pl.col("modern_at_swap") / best_m).alias("M_share_at_swap"),
            (pl.col("modern_at_end") / best_m).alias("M_share_at_end"),
        )
        .join(lost, on="seed")
        .with_columns((pl.col("protected") / pl.col("lost")).alias("share_lost_by_protected"))
        .join(waste, on="seed")
        .join(solo, on="seed", how="left")
        .join(_found(accountant), on="seed")
        .sort("seed")
    )
    paths = (
        accountant.tables["generations"]
        .drop("world")
        .unpivot(
            ["ancestral_mean", "modern_mean"],
            index=["seed", "generation"],
            variable_name="world",
            value_name="fitness",
        )
    )
    bands = banded(
        paths.with_columns(pl.col("world").str.replace("_mean", "")),
        "fitness",
        "world",
        "generation",
    )
    facts = {
        "rungs": {world: to_json(ladder.rungs) for world, ladder in ladder_by_world.items()},
        "ties": to_json(account.summary.ties),
        "extinct": sum(run.status == "extinct" for run in runs),
    }
    return table, bands, facts


def draw(folder: Path) -> dict[str, Any]:
    """Means and bands over seeds by generation; dotted: the best genome of each world."""
    known = stored_experiment(folder)
    facts = stored_provenance(folder)[f"{known['seed']}-{known['seed'] + known['replicates'] - 1}"]
    best = {world: facts["rungs"][world]["best_for_intent"] for world in ("ancestral", "modern")}
    chart = fitness_of_bands(
        pl.read_csv(folder / "fitness.csv"), best, known["phases"][0]["generations"]
    )
    note = (
        f"{known['name']}; {known['replicates']} seeds from {known['seed']}; bands hold 95% of them"
    )
    return {"fitness": themed(chart, "Fitness of newborns in both worlds", [note])}


def main() -> None:
    """Make the tables of each set of seeds."""
    study = Study("birth-control", build_packaged("coarse-savanna", "replicates=20"), draw)
    tables, rows = {}, []
    facts: dict[str, Any] = {}
    for first in (0, 100, 200):
        table, bands, summary = per_seed(first)
        tables[f"seeds-{first}-{first + 19}"] = table
        row: dict[str, Any] = {"seeds": f"{first}-{first + 19}"}
        for column in table.columns[1:]:
            row |= mean_over_seeds(table[column].drop_nulls()).columns(column)
        rows.append(row)
        if first == 0:
            tables["fitness"] = bands
        facts[row["seeds"]] = summary | {
            "seeds_losing_half": int((table["M_share_at_swap"] < 0.5).sum()),
            "seeds_recovering_half": int((table["M_share_at_end"] > 0.5).sum()),
        }
    study.store(tables | {"summary": pl.DataFrame(rows)}, **facts)


if __name__ == "__main__":
    main()
