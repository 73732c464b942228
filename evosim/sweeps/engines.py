"""Engines: they compute the chunks of a sweep.

An engine receives a job and calls `worker.run_chunk` for each chunk, in any process. Results are
files in the job's folder; a return value does not count. To add an engine, write a function of a
job and add its name to `ENGINES`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evosim.errors import unknown
from evosim.sweeps.events import OnEvent
from evosim.sweeps.job_array import Batch

# module and function of each engine; the module is imported on use
ENGINES = {
    "local": "evosim.sweeps.local_engine:compute",
    "dask": "evosim.sweeps.dask_engine:compute",
    "slurm": "evosim.sweeps.dask_engine:compute_on_slurm",
}
# functions that raise `UserError` if packages or programs are missing
NEEDS = {
    "dask": "evosim.sweeps.dask_engine:need_dask",
    "slurm": "evosim.sweeps.dask_engine:need_slurm",
}


@dataclass(frozen=True)
class Job:
    """The work of an engine: chunks to compute, processes and callbacks.

    Attributes
    ----------
    folder : Path
        Of the sweep.
    chunks : list[int]
        Chunks that are not done.
    workers : int or None
        Processes; None leaves it to the engine.
    threads : int or None
        Threads of the kernels in each process; None leaves it to the engine.
    address : str or None
        Of a cluster's scheduler, for engines that need one.
    on_event : OnEvent
        Receives what happens, in the process that called the engine.
    stop_requested : Callable
        Whether to stop: finished runs are written, and the engine returns soon.
    other_sources : bool
        Whether code other than that which began the sweep may compute it.
    batch : Batch
        Options of jobs of a batch system, for engines that use one.
    """

    folder: Path
    chunks: list[int]
    workers: int | None
    threads: int | None
    address: str | None
    on_event: OnEvent
    stop_requested: Callable[[], bool]
    other_sources: bool = False
    batch: Batch = field(default_factory=Batch)


def engine(name: str) -> Callable[[Job], None]:
    """The engine of a name. It returns when all chunks are done, or after a stop.

    Raises
    ------
    UserError
        If there is no such engine.
    """
    if name not in ENGINES:
        raise unknown("--engine", name, ENGINES)
    compute: Callable[[Job], None] = _load(ENGINES[name])
    return compute


def need(name: str) -> None:
    """Refuse an engine whose packages or programs are missing. Raises `UserError`."""
    if name in NEEDS:
        _load(NEEDS[name])()


def _load(place: str) -> Any:
    module, _, function = place.partition(":")
    return getattr(importlib.import_module(module), function)
