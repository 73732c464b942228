"""Begin or resume a sweep; collect its tables when all chunks are done."""

from __future__ import annotations

import hashlib
import platform
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from evosim.errors import Interrupted, UserError
from evosim.rng import STREAM_VERSION
from evosim.runs.provenance import PACKAGES, commit
from evosim.runs.source_hash import sources_digest
from evosim.runtime.atomic_files import TEMPORARY, check_room, write_atomically
from evosim.runtime.checksums import Damaged
from evosim.runtime.output_folders import OF_THE_DISK, check_place
from evosim.sweeps.chunk_files import parquet_bytes
from evosim.sweeps.collect import Collected
from evosim.sweeps.collect import collect as collect_runs
from evosim.sweeps.design import base_tree
from evosim.sweeps.engines import Job, engine
from evosim.sweeps.estimate import room_for
from evosim.sweeps.events import OnEvent, ignore
from evosim.sweeps.job_array import Batch, Shard
from evosim.sweeps.manifest import BEGUN, SweepManifest
from evosim.sweeps.plan import (
    SCHEMA_VERSION,
    Plan,
    base_experiment,
    choices_of,
    digest_of,
    make_plan,
)
from evosim.sweeps.progress import Planning
from evosim.sweeps.schema import Written
from evosim.sweeps.status import SweepStatus, status_of
from evosim.sweeps.store import Store
from evosim.version import __version__

# from the number of runs and chunks to compute to a context in which events are received
Progress = Callable[[int, int], AbstractContextManager[OnEvent]]
FOLDERS = ("parts", "logs")


@dataclass(frozen=True)
class RunOptions:
    """How a sweep is computed. No option changes a result.

    Attributes
    ----------
    engine : str
        Name of the engine; see `engines.ENGINES`.
    workers, threads : int or None
        Processes, and threads of the kernels in each; None leaves it to the engine.
    address : str or None
        Of a scheduler, for engines that need one.
    shard : Shard or None
        The part of the chunks to compute; None for all.
    retry_failed : bool
        Whether to compute failed runs again.
    other_sources : bool
        Whether code other than that which began the sweep may compute it.
    batch : Batch
        Options of Slurm jobs.
    """

    engine: str = "local"
    workers: int | None = None
    threads: int | None = None
    address: str | None = None
    shard: Shard | None = None
    retry_failed: bool = False
    other_sources: bool = False
    batch: Batch = field(default_factory=Batch)


def resume(
    store: Store,
    options: RunOptions | None = None,
    *,
    stop_requested: Callable[[], object] = lambda: False,
    progress: Progress = lambda runs, chunks: nullcontext(ignore),
    collect: Callable[[Store], Collected] | None = collect_runs,
) -> SweepStatus:
    """Compute the chunks of a sweep that are not done.

    Parameters
    ----------
    store : Store
        The sweep.
    options : RunOptions or None
        How it is computed.
    stop_requested : Callable
        Whether to stop.
    progress : Progress
        Receives the number of runs and chunks to compute, and gives a receiver of events.
    collect : Callable, optional
        Collects the tables when the whole sweep is done; None leaves that out.

    Returns
    -------
    How far the sweep is.

    Raises
    ------
    UserError
        If the sweep cannot be computed. `Full`, if the disk has too little space.
    Interrupted
        If a stop was requested.
    """
    options = options or RunOptions()
    compute = engine(options.engine)
    chunks = list(range(store.chunks))
    if options.shard:
        chunks = options.shard.chunks(chunks)
    if options.retry_failed:
        reopen(store, chunks)
    done = set(store.done())
    chunks = [chunk for chunk in chunks if chunk not in done]
    collects = collect is not None and options.shard is None
    if chunks:
        check_room(store.folder, room_for(store, chunks, collect=collects))
        with progress(sum(map(store.size, chunks)), len(chunks)) as on_event:
            compute(
                Job(
                    store.folder,
                    chunks,
                    options.workers,
                    options.threads,
                    options.address,
                    on_event,
                    lambda: bool(stop_requested()),
                    options.other_sources,
                    options.batch,
                )
            )
    if stop_requested():
        raise Interrupted(
            f"interrupted; finished runs are stored in {store.folder}. Run the same command to"
            " continue."
        )
    status = status_of(store)
    if collects and collect and status.chunks_done == status.chunks and status.digest is None:
        collect(store)
    return status


def reopen(store: Store, chunks: list[int]) -> None:
    """Remove the failed runs of some chunks, so that they are computed again.

    Raises
    ------
    UserError
        If a chunk is damaged.
    """
    for chunk in chunks:
        try:
            if not store.is_done(chunk) or store.outcomes(chunk).failed:
                store.reopen(chunk)
        except Damaged as error:
            raise UserError(
                f"chunk {chunk} of {store.folder} is damaged: {error}. Remove it with 'evosim sweep"
                f" check {store.folder} --repair' and run the sweep again."
            ) from None


def sweep_folder(written: Written, out: Path | None) -> Path:
    """The folder of a sweep: `out`, or `results/sweeps/NAME-DIGEST`."""
    if out is not None:
        return out
    digest = digest_of(written.sweep, base_tree(written))
    return Path("results") / "sweeps" / f"{written.sweep.name}-{digest[:8]}"


def begin(
    written: Written,
    out: Path | None,
    *,
    other_sources: bool = False,
    progress: Planning | None = None,
) -> Store:
    """The store of a sweep: an existing one, or a new one with its plan.

    Parameters
    ----------
    written : Written
        The sweep file and its experiment.
    out : Path or None
        The folder; None for `results/sweeps/NAME-DIGEST`.
    other_sources : bool
        Whether code other than that which began the sweep may continue it.
    progress : Planning or None
        Receives the number of cells that are resolved, and of all.

    Raises
    ------
    UserError
        If the sweep is invalid or the folder holds something else. Then nothing is written.
    """
    folder = sweep_folder(written, out)
    check_place(folder)
    if (folder / BEGUN).exists():
        store = Store(folder)
        check_same(store, written)
        store.check_sources(other_sources=other_sources)
        return store
    if folder.exists() and (
        not folder.is_dir() or any(not _is_ours(path.name) for path in folder.iterdir())
    ):
        raise UserError(
            f"{folder} holds something other than a sweep. Give an empty or new folder with --out."
        )
    plan = make_plan(written, progress)
    try:
        for name in FOLDERS:
            (folder / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"the output folder {folder} cannot be written: {error.strerror}. Give another --out."
        ) from None
    digest = digest_of(plan.sweep, plan.tree)
    planned = parquet_bytes(plan.frame, {"sweep": digest})
    write_atomically(folder / "sweep.toml", written.text)
    write_atomically(folder / "plan.parquet", planned)
    _manifest(plan, hashlib.sha256(planned).hexdigest()).write(folder)
    return Store(folder)


def check_same(store: Store, written: Written) -> None:
    """Refuse the folder of another sweep. Raises `UserError`."""
    digest = digest_of(written.sweep, base_tree(written))
    if digest != store.digest:
        raise UserError(
            f"{store.folder} holds another sweep ({store.manifest.name}, digest"
            f" {store.digest[:8]}; this file has digest {digest[:8]}). Give another --out."
        )


def _is_ours(name: str) -> bool:
    """Whether a file may be in a folder of a sweep whose beginning was interrupted."""
    return name in (*FOLDERS, *OF_THE_DISK, "sweep.toml", "plan.parquet") or (
        name.startswith(".") and name.endswith(TEMPORARY)
    )


def _manifest(plan: Plan, planned: str) -> SweepManifest:
    """The manifest of a new sweep; `planned` is the SHA-256 of the file of its plan."""
    sweep = plan.sweep
    return SweepManifest(
        schema_version=SCHEMA_VERSION,
        name=sweep.name,
        title=sweep.title,
        digest=digest_of(sweep, plan.tree),
        sources=sources_digest(*choices_of(plan.tree, plan.frame, plan.kinds)),
        runs=plan.frame.height,
        cells=plan.cells,
        replicates=sweep.replicates,
        chunks=plan.chunks,
        keep=plan.keep,
        parameters=plan.kinds,
        plan=planned,
        tree=plan.tree,
        experiment=base_experiment(plan.tree),
        evosim=__version__,
        commit=commit(),
        stream_version=STREAM_VERSION,
        command=(Path(sys.argv[0]).name, *sys.argv[1:]),
        python=platform.python_version(),
        platform=platform.platform(),
        packages={name: metadata.version(name) for name in PACKAGES},
        begun=datetime.now(UTC).isoformat(timespec="seconds"),
    )
