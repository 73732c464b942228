"""One run with its controls and its account, in memory, without a folder.

The tables and the account are, bit by bit, those of `evosim run` with the same parameters and seed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from evosim.analysis import summary
from evosim.analysis.account import Accountant, Known
from evosim.config.resolve import Problem, build
from evosim.fitness.landscape import Landscape
from evosim.reference.selection import MEASURES
from evosim.runtime.progress import Tell
from evosim.simulation.control_runs import simulate_one
from evosim.simulation.controls import controls_of
from evosim.simulation.state import Keeper

WORLDS = ("ancestral", "modern")


@dataclass(frozen=True, eq=False)
class Replicate:
    """One run.

    Attributes:
        status: `complete`, or `extinct` in some generation.
        generations: how many there were.
        tables: what was simulated, and the account, by the names of `docs/schema.md`.
        numbers: the account boiled down, by the paths of `summary.json` but for what is the same
        for one seed: `exact`, 1 where
            the grid was enumerated; steps and rungs of the ladders, behaviour by kind and by act,
            desires, ties of the ancestral best, recovery, hack. What was not measured is left out.
    """

    status: str
    generations: int
    tables: dict[str, pl.DataFrame]
    numbers: dict[str, float]


def replicate(
    setting: Problem,
    landscape: Landscape,
    progress: Tell | None = None,
    keeper: Callable[[str], Keeper | None] = lambda control: None,
    known: Known | None = None,
) -> Replicate:
    """Run a setting whose experiment has one replicate.

    The landscape, and what is `known`, may be shared with other runs of worlds and genome.

    `keeper` gives what keeps the run itself (asked with an empty name) or one of its controls, so
    that they can be stopped in their middle (`Stop`) and gone on with.
    """
    experiment = setting.experiment
    landscape.afresh()
    run = simulate_one("", setting, landscape, experiment.seed, progress, keeper(""))
    controls = {
        name: (
            simulate_one(
                name, build(control), landscape, experiment.seed, progress, keeper(name)
            ).tables
        )
        for name, control in controls_of(experiment).items()
    }
    for measure in () if landscape.exact else MEASURES:
        landscape.best(measure, experiment.seed, experiment.analysis.restarts)
    tables = {**run.tables, "landscape": landscape.frame()}
    accountant = Accountant(setting, tables, controls, exact=landscape.exact, known=known)
    account = accountant.tables_alone()
    return Replicate(run.status, run.generations, tables | account, _numbers(accountant, account))


def _numbers(accountant: Accountant, account: dict[str, pl.DataFrame]) -> dict[str, float]:
    """The account's tables as one flat dictionary."""
    out: dict[str, float | None] = {"exact": float(accountant.peaks.exact)}
    for row in account["ladder"].iter_rows(named=True):
        out[f"ladder.{row['world']}.{row['part']}s.{row['name']}"] = row["value"]
    for world in WORLDS:
        if ledger := summary.ledger(account["behaviour"], "population", world):
            out |= {
                f"behaviour.{world}.kinds.{kind}": value for kind, value in ledger["kinds"].items()
            }
            # An act that loses nothing has no rows; that is 0, and not unmeasured.
            out |= {
                f"behaviour.{world}.acts.{act}": ledger["acts"].get(act, 0.0)
                for act in accountant.pair.ancestral.acts
            }
    for row in account["desires"].drop("seed", "acts").iter_rows(named=True):
        feature = row.pop("feature")
        out |= {f"desires.{feature}.{name}": value for name, value in row.items()}
    out |= {f"shift.{name}": value for name, value in accountant.shift().items()}
    exact = account["ties"].row(0, named=True)
    out |= {
        f"ties.{name}": exact[name]
        for name in ("classes", "behaviours", "modern_min", "modern_max", "breeding_true")
    }
    out |= {
        f"recovery.{name}": value
        for name, value in account["recovery"].drop("seed").row(0, named=True).items()
    }
    for row in account["hack"].iter_rows(named=True):
        out[f"hack.{row['world']}.{row['quantity']}"] = row["value"]
    return {name: float(value) for name, value in out.items() if value is not None}
