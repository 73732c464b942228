"""Runs of an experiment and of its controls (`evosim.simulation.controls`), each under the seed
that it stands for.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from evosim.config.resolve import Problem, build
from evosim.config.schema import Experiment
from evosim.runtime.progress import Tell
from evosim.simulation.controls import CONTROLS

if TYPE_CHECKING:
    from evosim.fitness.landscape import Landscape
    from evosim.simulation.loop import Run
    from evosim.simulation.state import Keeper


def simulate_one(
    name: str,
    made: Problem,
    landscape: Landscape,
    seed: int,
    progress: Tell | None = None,
    keeper: Keeper | None = None,
) -> Run:
    """One replicate: of a control (a setting of `controls_of`) or, without a name, of the run
    itself. It stands for `seed`.

    A control's genome expresses what the run's does, so that one landscape serves all.
    """
    from evosim.simulation.loop import simulate  # brings the compiler with it

    own = CONTROLS[name].seed(seed) if name else seed
    run = replace(simulate(made, landscape, own, progress, control=name, keeper=keeper), seed=seed)
    return replace(run, tables=under_their_seeds([run]))


def simulate_control(
    name: str, experiment: Experiment, landscape: Landscape, progress: Tell | None = None
) -> list[Run]:
    """The replicates of one control (an experiment of `controls_of`), under the seeds of the run
    that they belong to.
    """
    made = build(experiment)
    return [simulate_one(name, made, landscape, seed, progress) for seed in experiment.seeds]


def under_their_seeds(runs: list[Run]) -> dict[str, pl.DataFrame]:
    """The tables of replicates, put together, each under the seed it stands for."""
    return {
        name: pl.concat(
            [
                run.tables[name].with_columns(pl.lit(run.seed, dtype=pl.Int64).alias("seed"))
                for run in runs
            ]
        )
        for name in (runs[0].tables if runs else ())
    }
