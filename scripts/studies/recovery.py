"""Modern fitness after 300 modern generations, with drivers and in the fair control.

Run: python scripts/studies/recovery.py

The experiment is the packaged `coarse-drive`: a driver with its costs and a wasteful desire on its
haplotype. One row per seed.
"""

from __future__ import annotations

import polars as pl

from evosim.claims.experiments import build_packaged
from evosim.claims.measurements import mean_over_seeds
from evosim.claims.populations import accountant_with_controls
from evosim.claims.study import Study
from evosim.fitness.landscape import Landscape

COLUMNS = {
    "at_swap": "modern_at_swap",
    "at_end": "modern_at_end",
    "at_end_fair": "modern_at_end_fair",
}
RECOVERED = 0.5  # of the best


def main() -> None:
    """Make the tables."""
    problem = build_packaged("coarse-drive", "search_ledger=false")
    study = Study("recovery", problem)
    account = accountant_with_controls(problem, Landscape(problem)).account()
    best = account.summary.ladder.modern.rung("best_for_payoff")
    seeds = account.tables["recovery"].select(
        "seed", **{name: pl.col(column) / best for name, column in COLUMNS.items()}
    )
    hack = account.summary.ladder.ancestral.steps["hack"]
    rows = [
        {
            "when": name,
            "recovered": int((seeds[name] > RECOVERED).sum()),
            "seeds": seeds[name].count(),
        }
        | mean_over_seeds(seeds[name]).columns("share")
        for name in COLUMNS
    ]
    study.store({"seeds": seeds, "recovery": pl.DataFrame(rows)}, best_in_M=best, hack_in_A=hack)


if __name__ == "__main__":
    main()
