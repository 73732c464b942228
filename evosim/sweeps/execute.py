"""Begin or resume a sweep, and collect its tables when all chunks are there."""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from evosim.errors import Interrupted, UserError
from evosim.rng import STREAM_VERSION
from evosim.runs.provenance import PACKAGES, commit
from evosim.runs.source_hash import sources_digest
from evosim.runtime.atomic_files import TEMPORARY, check_room, write_atomically
from evosim.runtime.checksums import Damaged
from evosim.runtime.output_folders import OF_THE_DISK, check_place
from evosim.sweeps.collect import Collected, collect
from evosim.sweeps.design import base_tree
from evosim.sweeps.engines import Job, engine
from evosim.sweeps.estimate import room_for
from evosim.sweeps.job_array import Batch, Shard
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
from evosim.sweeps.status import State, state_of
from evosim.sweeps.store import Store, checksum, encoded
from evosim.sweeps.worker import Tell, silent
from evosim.version import __version__

Showing = Callable[[int, int], AbstractContextManager[Tell]]


def go_on(
    store: Store,
    *,
    by: str = "local",
    workers: int | None = None,
    threads: int | None = None,
    address: str | None = None,
    part: Shard | None = None,
    retry_failed: bool = False,
    other_sources: bool = False,
    batch: Batch | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    showing: Showing = lambda runs, chunks: nullcontext(silent),
    collecting: Callable[[Store], Collected] | None = collect,
) -> State:
    """Compute the chunks of a sweep (of a `part` of it) that are not done, by an engine.

    Gives how far it is then.

    `showing` is told how many runs in how many chunks are to do, and gives what hears of them.
    `collecting` puts a whole sweep's tables together; None leaves that. Raises `UserError`, `Full`
    where it would not fit; `Interrupted` if an end was asked for.
    """
    compute = engine(by)
    every = list(range(store.chunks))
    mine = part.chunks(every) if part else every
    if retry_failed:
        reopen(store, mine)
    here = set(store.done())
    todo = [chunk for chunk in mine if chunk not in here]
    if todo:
        check_room(
            store.folder, room_for(store, todo, collecting=collecting is not None and not part)
        )
        with showing(sum(store.size(chunk) for chunk in todo), len(todo)) as tell:
            compute(
                Job(
                    store.folder,
                    todo,
                    workers,
                    threads,
                    address,
                    tell,
                    should_stop,
                    other_sources,
                    batch or Batch(),
                )
            )
    if should_stop():
        raise Interrupted(
            f"interrupted; what was done is in {store.folder}; the same command goes on"
        )
    state = state_of(store)
    if collecting and state.chunks_done == state.chunks and not part and state.digest is None:
        collecting(store)
    return state


def reopen(store: Store, chunks: list[int]) -> None:
    """Let the failed runs of some chunks be done again.

    Raises `UserError` where a chunk is damaged.
    """
    for chunk in chunks:
        try:
            if not store.is_done(chunk) or store.counted(chunk).failed:
                store.reopen(chunk)
        except Damaged as error:
            raise UserError(
                f"chunk {chunk} of {store.folder} must be whole, but is not: {error}. Mend it with"
                f" 'evosim sweep check {store.folder} --repair'."
            ) from None


FOLDERS = ("parts", "logs")


def sweep_folder(written: Written, out: Path | None) -> Path:
    """Where a sweep goes: `out`, or `results/sweeps/<name>-<digest>`."""
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
    """The store of a sweep: the one that is there, or a new one with its plan.

    Raises `UserError`, and then writes nothing.
    """
    folder = sweep_folder(written, out)
    check_place(folder)
    if (folder / "sweep.json").exists():
        store = Store(folder)
        check_same(store, written)
        store.check_sources(other_sources=other_sources)
        return store
    if folder.exists() and (
        not folder.is_dir() or any(not _is_ours(path.name) for path in folder.iterdir())
    ):
        raise UserError(
            f"{folder} must be empty or hold a sweep, but holds something else. Give another --out."
        )
    plan = make_plan(written, progress)
    try:
        for name in FOLDERS:
            (folder / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"the output folder must be writable, but {folder} is not: {error.strerror}. Give"
            " another --out."
        ) from None
    planned = encoded(plan.frame, {"sweep": digest_of(plan.sweep, plan.tree)})
    write_atomically(folder / "sweep.toml", written.text)
    write_atomically(folder / "plan.parquet", planned)
    facts = _facts(plan, hashlib.sha256(planned).hexdigest())
    write_atomically(
        folder / "sweep.json",
        (
            json.dumps(facts | {"checksum": checksum(facts)}, indent=1, allow_nan=False) + "\n"
        ).encode(),
    )
    return Store(folder)


def check_same(store: Store, written: Written) -> None:
    """Refuse a folder of another sweep."""
    digest = digest_of(written.sweep, base_tree(written))
    if digest != store.digest:
        raise UserError(
            f"{store.folder} must hold this sweep to go on with it, but holds another one"
            f" ({store.facts['name']}, digest {store.digest[:8]}, not {digest[:8]}). Give another"
            " --out."
        )


def _is_ours(name: str) -> bool:
    """Whether a file may be in a folder whose beginning was interrupted."""
    return name in (*FOLDERS, *OF_THE_DISK, "sweep.toml", "plan.parquet") or (
        name.startswith(".") and name.endswith(TEMPORARY)
    )


def _facts(plan: Plan, planned: str) -> dict[str, Any]:
    sweep = plan.sweep
    return {
        "schema_version": SCHEMA_VERSION,
        "name": sweep.name,
        "title": sweep.title,
        "digest": digest_of(sweep, plan.tree),
        "sources": sources_digest(*choices_of(plan.tree, plan.frame, plan.kinds)),
        "runs": plan.frame.height,
        "cells": plan.cells,
        "replicates": sweep.replicates,
        "chunks": plan.chunks,
        "keep": list(plan.keep),
        "parameters": plan.kinds,
        "plan": planned,
        "tree": plan.tree,
        "experiment": base_experiment(plan.tree),
        "evosim": __version__,
        "commit": commit(),
        "stream_version": STREAM_VERSION,
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: metadata.version(name) for name in PACKAGES},
        "begun": datetime.now(UTC).isoformat(timespec="seconds"),
    }
