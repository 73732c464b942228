"""Numbers of packaged experiments that pages quote, with 20 seeds.

Run: python scripts/studies/packaged.py

These are the fitness of populations in M, and ties of the ancestral optimum.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from evosim.claims.experiments import build_packaged
from evosim.claims.measurements import mean_over_seeds
from evosim.claims.populations import accountant_of_runs, evolve
from evosim.claims.study import Study
from evosim.fitness.landscape import Landscape

EXPERIMENTS, SEEDS = ("gated", "deception"), 20


def headline(name: str) -> dict[str, Any]:
    """One row: shares of the best fitness in M at the swap and at the end, and the shift step.

    Ties of the ancestral optimum and open gates at the swap are in the same row.
    """
    problem = build_packaged(name, f"replicates={SEEDS}", "search_ledger=false")
    landscape = Landscape(problem)
    accountant = accountant_of_runs(
        problem, landscape, evolve(problem, landscape, problem.experiment.seeds)
    )
    account = accountant.account()
    modern, shift = account.summary.ladder.modern, account.summary.shift
    tied = account.summary.ties[0]
    best, ends = modern.rung("best_for_payoff"), account.tables["recovery"]
    span = accountant.ranges.span("modern")
    then, last = (
        pl.Series([span.share_of(best, value) for value in ends[name]])
        for name in ("modern_at_swap", "modern_at_end")
    )
    row: dict[str, Any] = {"experiment": name, "seeds": then.len(), "best_in_M": best}
    row |= mean_over_seeds(then).columns("M_at_swap_share") | {
        "M_at_swap_least": then.min(),
        "M_at_swap_most": then.max(),
    }
    row |= mean_over_seeds(last).columns("M_at_end_share")
    row |= {
        "shift_step": best - modern.rung("best_ancestral"),
        "left_open": shift.left_open_by_the_data,
    }
    row |= {"tied_classes": tied.classes, "tied_behaviours": tied.behaviours}
    gates = accountant.tables["alleles"].filter(
        (pl.col("locus") == "gate")
        & (pl.col("allele") == "open")
        & (pl.col("generation") == problem.experiment.swap - 1)
    )
    by_seed = gates.group_by("seed", maintain_order=True).agg(pl.col("frequency").sum())[
        "frequency"
    ]
    return row | {
        "gates_open_least": by_seed.min(),
        "gates_open_mean": by_seed.mean(),
        "gates_open_most": by_seed.max(),
    }


def main() -> None:
    """Make the table."""
    study = Study("packaged", build_packaged(EXPERIMENTS[0], f"replicates={SEEDS}"))
    study.store(
        {"packaged": pl.DataFrame([headline(name) for name in EXPERIMENTS])},
        seeds=SEEDS,
        experiments=EXPERIMENTS,
    )


if __name__ == "__main__":
    main()
