"""Compute parts of claims in worker processes, and store each part once."""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from evosim.claims.claim import Part
from evosim.config.schema import Experiment
from evosim.errors import Stop, UserError
from evosim.runs.source_hash import sources_digest
from evosim.runtime.atomic_files import make_folder, write_atomically
from evosim.runtime.checksums import Damaged, read_table
from evosim.runtime.worker_pool import (
    PoolCallbacks,
    PoolOptions,
    TaskContext,
    WorkerDied,
    WorkerPool,
)


@dataclass(frozen=True)
class Task:
    """A part of one claim, and the file that stores its table."""

    claim: str
    part: Part
    file: Path


def tasks_of(claim: str, parts: list[Part], folder: Path) -> list[Task]:
    """The parts of a claim with their files. The file name depends on sources and arguments."""
    names = [part.name for part in parts]
    assert len(set(names)) == len(names), f"{claim}: two parts of one name"
    return [
        Task(claim, part, folder / claim / f"{part.name}-{_digest(part)}.parquet") for part in parts
    ]


def _digest(part: Part) -> str:
    arguments = [x.digest() if isinstance(x, Experiment) else repr(x) for x in part.arguments]
    experiments = [x for x in part.arguments if isinstance(x, Experiment)]
    words = "\n".join(
        [
            sources_digest(*experiments, module=part.make.__module__),
            part.make.__module__,
            part.make.__qualname__,
            *arguments,
        ]
    )
    return hashlib.blake2b(words.encode(), digest_size=8).hexdigest()


def compute_parts(
    tasks: list[Task],
    workers: int,
    *,
    should_stop: Callable[[], Stop | None] = lambda: None,
    on_part: Callable[[Task, float], object] = lambda task, seconds: None,
    log: Callable[[str], object] = lambda text: None,
) -> None:
    """Compute the parts that are not stored yet; expensive parts start first.

    Parameters
    ----------
    tasks : list of Task
        Parts with their files.
    workers : int
        Number of processes.
    should_stop : callable
        Returns the reason to stop, or None. It is called several times a second.
    on_part : callable
        Called with each stored part and the seconds it took.
    log : callable
        Called with a message about each suspended worker.

    Raises
    ------
    Stop
        If `should_stop` returns a reason. Parts that are stored stay.
    UserError
        If a worker was killed. Errors of parts are raised too.
    """
    left = sorted(
        (task for task in tasks if not task.file.is_file()), key=lambda task: -task.part.cost
    )
    if not left:
        return
    for folder in dict.fromkeys(task.file.parent for task in left):
        folder.parent.mkdir(parents=True, exist_ok=True)
        make_folder(folder)
    # Parts do not ask whether to stop, so a stop kills the workers. Files are written atomically.
    pool = WorkerPool[Task](f"{__name__}:make_part", PoolOptions(workers, graceful=False))
    callbacks = PoolCallbacks[Task](stop_requested=should_stop, on_done=on_part, warn=log)
    try:
        pool.run(left, callbacks)
    except WorkerDied as died:
        if stop := should_stop():
            raise stop from None
        raise UserError(
            f"A worker process was killed before its part was done ({died.cause}). Check the free"
            " memory, then rerun the same command, with --workers 1 if memory ran out."
        ) from None
    if stop := should_stop():
        raise stop


def make_part(task: Task, context: TaskContext) -> float:
    """Compute and store a part in a worker process, with one thread; return its seconds."""
    import numba

    numba.set_num_threads(1)
    return _make(task.part, task.file)


def _make(part: Part, file: Path) -> float:
    """Compute and store a part, and return the seconds it took."""
    start = time.perf_counter()
    table = part.make(*part.arguments)
    buffer = io.BytesIO()
    table.write_parquet(buffer, compression="zstd")
    write_atomically(_sum_file(file), hashlib.sha256(buffer.getbuffer()).hexdigest().encode())
    write_atomically(file, buffer.getbuffer())
    return time.perf_counter() - start


def load_tables(tasks: list[Task]) -> dict[str, pl.DataFrame]:
    """Load the tables of a claim's parts, by name. Raises `UserError` if one is damaged."""
    return {task.part.name: _table_of(task) for task in tasks}


def _table_of(task: Task) -> pl.DataFrame:
    known = _sum_file(task.file)  # older parts have no checksum
    try:
        return read_table(task.file, known.read_text(encoding="ascii") if known.is_file() else None)
    except (OSError, ValueError, Damaged) as error:
        raise UserError(
            f"The stored part {task.file} is damaged: {error}. Remove the folder"
            f" {task.file.parent} and rerun the same command."
        ) from None


def _sum_file(file: Path) -> Path:
    return file.with_suffix(".sha256")
