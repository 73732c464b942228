"""Reflexes in savanna: the loss of a design without an inner optimizer at the same swap.

Run: python scripts/studies/reflexes.py
"""

from __future__ import annotations

from typing import Any

import polars as pl

from evosim.claims.experiments import build_packaged
from evosim.claims.measurements import mean_over_seeds
from evosim.claims.populations import accountant_of_runs, evolve
from evosim.claims.study import Study
from evosim.fitness.landscape import Landscape
from evosim.reference.selection import MEASURES

SEEDS = range(20)
VARIANTS: dict[str, list[str]] = {
    "the default swap": [],
    "the default swap, finer sight (low energy at most 1)": ["world.ancestral.low_energy=1"],
    "a leaner modern world (foraging succeeds 0.45)": ["world.modern.forage_success=0.45"],
    "a modern world in which nursing fails half the time": ["world.modern.nurse_success=0.5"],
}


def row(name: str, settings: list[str]) -> dict[str, Any]:
    """Fitness that reflexes keep, and their losses by kind and act."""
    problem = build_packaged("reflexes", "replicates=20", *settings)
    landscape = Landscape(problem)
    runs = evolve(problem, landscape, SEEDS)
    for measure in MEASURES:
        landscape.best(measure, 0, problem.experiment.analysis.restarts)
    account = accountant_of_runs(problem, landscape, runs).account()
    modern = account.summary.ladder.modern
    best_a = account.summary.ladder.ancestral.rung("best_ancestral")
    recovery = account.tables["recovery"]
    behaviour = account.summary.behaviour
    assert behaviour.ancestral
    assert behaviour.modern
    out: dict[str, Any] = {
        "variant": name,
        "classes": landscape.genome.grid.size,
        "best_found_in_A": best_a,
        "R2_best_found": modern.rung("best_for_payoff"),
        "R3_over_R2": modern.rung("best_ancestral") / modern.rung("best_for_payoff"),
    }
    out |= mean_over_seeds(recovery["ancestral_at_swap"] / best_a).columns("A_over_best")
    out |= mean_over_seeds(recovery["modern_at_swap"] / modern.rung("best_for_payoff")).columns(
        "M_at_swap_over_R2"
    )
    out |= mean_over_seeds(recovery["modern_at_end"] / modern.rung("best_for_payoff")).columns(
        "M_at_end_over_R2"
    )
    out |= {f"M_{kind}": value for kind, value in behaviour.modern.kinds.items()}
    out["protected_matings"] = account.summary.times_per_life.modern["mate_protected"]
    out["solo_times_A"] = account.summary.times_per_life.ancestral["self_stimulate"]
    out["solo_ledger_A"] = behaviour.ancestral.acts.get("self_stimulate", 0.0)
    return out


def main() -> None:
    """Make the table."""
    study = Study("reflexes", build_packaged("reflexes"))
    study.store(
        {"reflexes": pl.DataFrame([row(*item) for item in VARIANTS.items()])}, seeds=len(SEEDS)
    )


if __name__ == "__main__":
    main()
