"""The loop of one run: ask, evaluate, record, tell.

The optimizer gets the fitness in the world of the current phase and nothing else. The fitness in
the other world is for the record, so another modern world cannot change an ancestral generation.
Checkpoints and requests to stop are the task of the session.
"""

from __future__ import annotations

import itertools
from typing import Literal

import polars as pl

from evosim.config.parts import part_params
from evosim.config.resolve import Problem
from evosim.errors import UserError
from evosim.fitness.landscape import Landscape
from evosim.optimizers import OPTIMIZERS, Extinction, InvalidOptimizer, InvalidState, Optimizer
from evosim.optimizers.params import OPTIMIZER_PARAMS
from evosim.simulation.generation import Evaluation
from evosim.simulation.record import RunRecord
from evosim.simulation.session import Session, Snapshot
from evosim.simulation.state import Position, Run, RunState


def simulate(
    problem: Problem,
    landscape: Landscape,
    seed: int,
    session: Session | None = None,
    *,
    control: str = "",
) -> Run:
    """Simulate one replicate of an experiment.

    A run ends early, with status `extinct`, if all fitness in a generation is 0. A session can stop
    it after any generation and continue it later. The tables are then the same, byte for byte.

    Parameters
    ----------
    problem : Problem
        The experiment with its worlds and genome.
    landscape : Landscape
        Evaluates classes; replicates can share it.
    seed : int
        Seed of all random numbers.
    session : Session, optional
        Reports progress, stores states, and decides whether to stop.
    control : str
        Name of the control that the problem belongs to; empty for the run itself.

    Raises
    ------
    UserError
        If the optimizer cannot work with the experiment, or a stored state is not of this run.
    Stop
        If the session stops the run.
    """
    session, optimizer = session or Session(), _make_optimizer(problem, seed)
    evaluation = Evaluation(problem, landscape, optimizer, seed)
    phases = problem.experiment.phases
    phase_starts = {0, *itertools.accumulate(phase.generations for phase in phases)}
    status: Literal["complete", "extinct"] = "complete"
    total, g = len(evaluation.worlds), 0
    label = f"{control.replace('_', ' ')} control" if control else f"seed {seed}"
    with landscape.recording_observed() as observed:
        blocks = session.blocks(problem.experiment, seed, control)
        record = RunRecord(problem, landscape, optimizer, evaluation, seed, observed, blocks)
        try:
            optimizer.use_fitness_function(evaluation.outside_the_run)
            if state := session.begin(problem.experiment, seed, control):
                _restore(state, optimizer, record)
                evaluation.load(optimizer.ask())
                g = state.position.generation + 1
                optimizer.tell(*evaluation.reported(g - 1))
            while g < total:
                if g in phase_starts:
                    optimizer.begin_phase()
                evaluation.load(optimizer.ask())
                record.add(g)
                position = Position(label, seed, control, total, g)
                session.after_generation(_snapshot(position, optimizer, record))
                g += 1
                optimizer.tell(*evaluation.reported(g - 1))
        except Extinction:
            status = "extinct"
        except InvalidOptimizer as error:
            raise UserError(str(error)) from None
        finally:
            optimizer.close()
        return Run(seed, status, g, record.finish(g - 1), record.observed(), blocks)


def _make_optimizer(problem: Problem, seed: int) -> Optimizer:
    """Build the optimizer of an experiment. Raises `UserError`."""
    chosen = problem.experiment.optimizer
    params = part_params(chosen, OPTIMIZER_PARAMS[chosen["name"]], "optimizer")
    try:
        return OPTIMIZERS[chosen["name"]](params, problem.genome.grid, seed)
    except InvalidOptimizer as error:
        raise UserError(str(error)) from None


def _snapshot(position: Position, optimizer: Optimizer, record: RunRecord) -> Snapshot:
    """Take the state of a run after a generation is recorded."""
    optimizer_state, record_state = optimizer.state(), record.snapshotter()
    return Snapshot(
        position, record.recorder.means, lambda: RunState(position, optimizer_state, record_state())
    )


def _restore(state: RunState, optimizer: Optimizer, record: RunRecord) -> None:
    """Continue from a state. Raises `UserError` if it cannot be one of this run."""
    try:
        optimizer.restore(state.optimizer)
        record.restore(state.record)
    except InvalidOptimizer:
        raise
    except (LookupError, TypeError, ValueError, pl.exceptions.PolarsError) as error:
        reason = f"{error}" if isinstance(error, InvalidState) else "its record is not one"
        raise UserError(
            f"the checkpoint of the {state.position.label} is not a state of this run: {reason}."
            " Start again: add --force."
        ) from None
