"""Engines: who computes the chunks.

An engine gets a job and calls `work.run_chunk` for each chunk, wherever it likes.

Results are files in the job's folder; nothing else that an engine hands back counts. To add one: a
function of a job, and its name in `ENGINES`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evosim.errors import unknown
from evosim.sweeps.job_array import Batch
from evosim.sweeps.worker import Tell

# by name: the module, and the function in it that takes a job; the module is imported when it is
# asked for
ENGINES = {
    "local": "evosim.sweeps.local_engine:compute",
    "dask": "evosim.sweeps.dask_engine:compute",
    "slurm": "evosim.sweeps.dask_engine:compute_on_slurm",
}
# what must be there for some of them: a function that raises `UserError`
NEEDS = {
    "dask": "evosim.sweeps.dask_engine:need_dask",
    "slurm": "evosim.sweeps.dask_engine:need_slurm",
}


@dataclass(frozen=True)
class Job:
    """What an engine is to do.

    Attributes:
        folder: of the sweep.
        chunks: those that are not done.
        workers: processes; None leaves it to the engine.
        threads: of the kernels, in each process; None leaves it to the engine.
        address: where a cluster's scheduler is found or shall listen, for engines that want one.
        tell: hears what happens, in the process that called the engine.
        other_sources: whether chunks may be computed by other sources than began the sweep.
        batch: what is asked of a batch system, for engines that use one.
        should_stop: whether an end was asked for; then finished runs are written and the engine
        returns soon.
    """

    folder: Path
    chunks: list[int]
    workers: int | None
    threads: int | None
    address: str | None
    tell: Tell
    should_stop: Callable[[], bool]
    other_sources: bool = False
    batch: Batch = field(default_factory=Batch)


def engine(name: str) -> Callable[[Job], None]:
    """The engine of a name.

    It returns when all chunks are done, or after a stop; it raises `UserError`.
    """
    if name not in ENGINES:
        raise unknown("--engine", name, ENGINES)
    found: Callable[[Job], None] = _found(ENGINES[name])
    return found


def need(name: str) -> None:
    """Refuse an engine whose packages or programs are not there, before anything is begun.

    Raises `UserError`.
    """
    if name in NEEDS:
        _found(NEEDS[name])()


def _found(where: str) -> Any:
    module, _, function = where.partition(":")
    return getattr(importlib.import_module(module), function)
