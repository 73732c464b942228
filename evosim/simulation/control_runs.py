"""Run an experiment and its controls (`evosim.simulation.controls`) in memory.

A control run has the seed of the replicate that it belongs to in its tables.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from evosim.config.resolve import Problem, build
from evosim.config.schema import Experiment
from evosim.simulation.controls import seed_of
from evosim.simulation.session import Session
from evosim.simulation.state import Run, Tables

if TYPE_CHECKING:
    from evosim.fitness.landscape import Landscape


def simulate_one(
    control: str, problem: Problem, landscape: Landscape, seed: int, session: Session | None = None
) -> Run:
    """Simulate one replicate of an experiment or of one of its controls.

    Parameters
    ----------
    control : str
        Name of the control; empty for the experiment itself.
    problem : Problem
        The experiment, or the control of `controls_of`, with its worlds and genome.
    landscape : Landscape
        Evaluates classes. The genomes of a control express what those of the run do, so one
        landscape serves all.
    seed : int
        Seed of the replicate.
    session : Session, optional
        As in `evosim.simulation.loop.simulate`.

    Returns
    -------
    Run
        The replicate, with `seed` in its tables.
    """
    from evosim.simulation.loop import simulate  # imports the compiler

    run = simulate(problem, landscape, seed_of(control, seed), session, control=control)
    run = replace(run, seed=seed)
    return replace(run, tables=concatenate([run]))


def simulate_control(
    control: str, experiment: Experiment, landscape: Landscape, session: Session | None = None
) -> list[Run]:
    """Simulate all replicates of one control.

    Parameters
    ----------
    control : str
        Its name.
    experiment : Experiment
        The control, of `controls_of`.
    landscape, session
        As in `simulate_one`.
    """
    problem = build(experiment)
    return [simulate_one(control, problem, landscape, seed, session) for seed in experiment.seeds]


def concatenate(runs: list[Run]) -> Tables:
    """Concatenate the tables of replicates, each with the seed that it stands for."""
    return {
        name: pl.concat(
            [
                run.tables[name].with_columns(pl.lit(run.seed, dtype=pl.Int64).alias("seed"))
                for run in runs
            ]
        )
        for name in (runs[0].tables if runs else ())
    }
