"""One run with its controls and its analysis, in memory, without a folder.

Tables and analysis have the same bytes as those of `evosim run` with the same parameters and seed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from evosim.analysis import means_over_seeds
from evosim.analysis.account import Accountant
from evosim.analysis.losses import share_of_loss
from evosim.analysis.shared_cache import SharedCache
from evosim.config.resolve import Problem, build
from evosim.fitness.landscape import Landscape
from evosim.simulation.control_runs import simulate_one
from evosim.simulation.controls import controls_of
from evosim.simulation.session import Session

WORLDS = ("ancestral", "modern")


@dataclass(frozen=True, eq=False)
class Replicate:
    """One run.

    Attributes
    ----------
    status : str
        `complete`, or `extinct` if some generation had no parents.
    generations : int
        Number of generations.
    tables : dict
        Tables of the simulation and of the analysis, by the names of `docs/schema.md`.
    numbers : dict
        Numbers of the analysis, by their paths in `summary.json`. They are ladders, behaviour by
        kind and by act, desires, ties of the ancestral best, recovery, hack. `exact` is 1 if the
        grid was enumerated. Unmeasured numbers are absent.
    """

    status: str
    generations: int
    tables: dict[str, pl.DataFrame]
    numbers: dict[str, float]


def replicate(
    setting: Problem,
    landscape: Landscape,
    session: Callable[[str], Session | None] = lambda control: None,
    cache: SharedCache | None = None,
) -> Replicate:
    """Run an experiment with one replicate, and its controls, and analyse them.

    Parameters
    ----------
    setting : Problem
        The experiment with its worlds and genome.
    landscape : Landscape
        Evaluates classes. Runs with the same worlds and genome can share it.
    session : Callable
        Returns the session of the run (called with an empty name) and of each control.
    cache : SharedCache, optional
        Cache of the analysis of classes. Runs with the same worlds and genome can share it.

    Raises
    ------
    Stop
        If a session stops the run.
    """
    experiment = setting.experiment
    landscape.reset_record()
    run = simulate_one("", setting, landscape, experiment.seed, session(""))
    controls = {
        name: (simulate_one(name, build(control), landscape, experiment.seed, session(name)).tables)
        for name, control in controls_of(experiment).items()
    }
    landscape.observe_best(experiment.seed, experiment.analysis.restarts)
    tables = {**run.tables, "landscape": landscape.frame()}
    accountant = Accountant(setting, tables, controls, exact=landscape.exact, cache=cache)
    account = accountant.tables_of_sweep()
    return Replicate(run.status, run.generations, tables | account, _numbers(accountant, account))


def _numbers(accountant: Accountant, account: dict[str, pl.DataFrame]) -> dict[str, float]:
    """Return the tables of the analysis as one flat dictionary."""
    out: dict[str, float | None] = {"exact": float(accountant.best_classes.exact)}
    for row in account["ladder"].iter_rows(named=True):
        out[f"ladder.{row['world']}.{row['part']}s.{row['name']}"] = row["value"]
    for world in WORLDS:
        if ledger := means_over_seeds.ledger_summary(account["behaviour"], "population", world):
            out |= {
                f"behaviour.{world}.kinds.{kind}": value for kind, value in ledger.kinds.items()
            }
            # An act that loses nothing has no rows; that is 0, and not unmeasured.
            out |= {
                f"behaviour.{world}.acts.{act}": ledger.acts.get(act, 0.0)
                for act in accountant.pair.ancestral.acts
            }
    for row in account["desires"].drop("seed", "acts").iter_rows(named=True):
        feature = row.pop("feature")
        out |= {f"desires.{feature}.{name}": value for name, value in row.items()}
    for row in account["losses"].iter_rows(named=True):
        name, world, value = row["loss"], row["world"], row["value"]
        out[f"losses.{world}.{name}"] = value
        out[f"losses.{world}.{name}_share"] = share_of_loss(accountant.ranges, world, value)
    shift = accountant.shift()
    out |= {
        "shift.shared_by_all_ancestral_optima": shift.shared_by_all_ancestral_optima,
        "shift.left_open_by_the_data": shift.left_open_by_the_data,
        "shift.path_by_intent_in_ancestral": shift.path_by_intent_in_ancestral,
    }
    exact = account["ties"].row(0, named=True)
    out |= {
        f"ties.{name}": exact[name]
        for name in ("classes", "behaviours", "modern_min", "modern_max")
    }
    out |= {
        f"recovery.{name}": value
        for name, value in account["recovery"].drop("seed").row(0, named=True).items()
    }
    for row in account["hack"].iter_rows(named=True):
        out[f"hack.{row['world']}.{row['quantity']}"] = row["value"]
    return {name: float(value) for name, value in out.items() if value is not None}
