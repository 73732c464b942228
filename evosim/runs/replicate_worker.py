"""A worker process of `evosim.runs.parallel_replicates`: it simulates one replicate after another.

The module imports the compiler, so a worker loads it before it gets a task.
"""

from __future__ import annotations

import time
from dataclasses import fields, replace
from pathlib import Path

import numpy as np

import evosim.simulation.loop  # noqa: F401 (loaded now, and not with the first task)
from evosim.config.resolve import Problem, build
from evosim.config.schema import Experiment
from evosim.errors import Stop
from evosim.fitness.class_fitness import ClassFitness
from evosim.fitness.landscape import Landscape
from evosim.runs.checkpoints import ReplicateCheckpoint, replicate_blocks, replicate_file
from evosim.runs.parallel_replicates import (
    REPORT_EVERY,
    ReplicateProgress,
    ReplicateResult,
    ReplicateTask,
)
from evosim.runs.session import SessionOptions
from evosim.runtime.blocks import Blocks
from evosim.runtime.interrupts import checkpoint_requests
from evosim.runtime.worker_pool import TaskContext
from evosim.simulation.control_runs import simulate_one
from evosim.simulation.controls import seed_of


class _Session(ReplicateCheckpoint):
    """A replicate in a worker: its checkpoint, and blocks where the run keeps them."""

    def __init__(self, task: ReplicateTask, options: SessionOptions) -> None:
        self._folder = task.checkpoint
        seed = seed_of(task.control, task.seed)
        super().__init__(replicate_file(task.checkpoint, task.control, seed), options)

    def blocks(self, experiment: Experiment, seed: int, control: str) -> Blocks | None:
        """Return a place for the tables by generation of a long replicate."""
        return replicate_blocks(self._folder, experiment, control, seed)


def simulate_task(task: ReplicateTask, context: TaskContext) -> ReplicateResult | None:
    """Simulate one replicate in a worker.

    Parameters
    ----------
    task : ReplicateTask
        The replicate.
    context : TaskContext
        Stop requests, and messages to the driver.

    Returns
    -------
    ReplicateResult or None
        None if the replicate was stopped. Its state is then in its file.
    """
    options = SessionOptions(
        stop_requested=context.stop_requested,
        checkpoint_requested=checkpoint_requests.take,
        interval=task.interval,
        log=context.send,
        progress=_Reporter(context),
    )
    session = _Session(task, options)
    problem, landscape = _prepared(task.experiment, task.landscape)
    try:
        run = simulate_one(task.control, problem, landscape, task.seed, session)
    except Stop:
        return None
    if run.blocks is None:
        return ReplicateResult(run, None)
    run.blocks.settle()
    facts = (run.blocks.written, run.blocks.seals[-1], run.blocks.names)
    return ReplicateResult(replace(run, blocks=None), facts)


class _Reporter:
    """Sends the progress of a replicate, some times a second."""

    def __init__(self, context: TaskContext) -> None:
        self._context, self._at, self._sent = context, 0.0, -1

    def genomes(self, done: int, total: int) -> None:
        """Nothing: the driver evaluates the grid."""

    def skip(self, generations: int) -> None:
        """Nothing: the driver knows what was done before."""

    def __call__(
        self, run: str, generation: int, total: int, a: float, m: float, generations: int = 1
    ) -> None:
        """Report a generation if the last report is old enough."""
        now = time.monotonic()
        if now - self._at < REPORT_EVERY and generation + 1 < total:
            return
        since = generation - self._sent
        self._at, self._sent = now, generation
        self._context.send(ReplicateProgress(run, generation, total, a, m, since))


_problems: dict[str, Problem] = {}
_landscapes: dict[Path, Landscape] = {}


def _prepared(experiment: Experiment, folder: Path) -> tuple[Problem, Landscape]:
    """Return the problem of an experiment, and the landscape that all replicates share."""
    digest = experiment.digest()
    if digest not in _problems:
        _problems[digest] = build(experiment)
    if folder not in _landscapes:
        known = None
        if folder != Path():
            arrays = (
                np.load(folder / f"{item.name}.npy", mmap_mode="r") for item in fields(ClassFitness)
            )
            known = ClassFitness(*arrays)
        # The driver has the best of a grid that is enumerated in blocks; a worker needs none.
        _landscapes[folder] = Landscape(_problems[digest], max_enumerated=0, known=known)
    return _problems[digest], _landscapes[folder]
