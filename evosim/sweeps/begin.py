"""Begin: find or make the folder of a sweep. A folder of another sweep, or made by other sources, is refused."""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from evosim.errors import UserError
from evosim.files import TEMPORARY, write_atomically
from evosim.places import OF_THE_DISK, check_place
from evosim.record import PACKAGES, commit, sources_digest
from evosim.streams import STREAM_VERSION
from evosim.sweeps.design import base_tree
from evosim.sweeps.params import Written
from evosim.sweeps.plan import SCHEMA_VERSION, Plan, base_experiment, choices_of, digest_of, make_plan
from evosim.sweeps.store import Store, checksum, encoded
from evosim.sweeps.telling import Planning
from evosim.version import __version__

FOLDERS = ("parts", "logs")


def sweep_folder(written: Written, out: Path | None) -> Path:
    """Where a sweep goes: `out`, or `results/sweeps/<name>-<digest>`."""
    if out is not None:
        return out
    digest = digest_of(written.sweep, base_tree(written))
    return Path("results") / "sweeps" / f"{written.sweep.name}-{digest[:8]}"


def begin(written: Written, out: Path | None, *, other_sources: bool = False, progress: Planning | None = None) -> Store:
    """The store of a sweep: the one that is there, or a new one with its plan. Raises `UserError`, and then writes nothing."""
    folder = sweep_folder(written, out)
    check_place(folder)
    if (folder / "sweep.json").exists():
        store = Store(folder)
        check_same(store, written)
        store.check_sources(other_sources=other_sources)
        return store
    if folder.exists() and (not folder.is_dir() or any(not _is_ours(path.name) for path in folder.iterdir())):
        raise UserError(f"{folder} must be empty or hold a sweep, but holds something else. Give another --out.")
    plan = make_plan(written, progress)
    try:
        for name in FOLDERS:
            (folder / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"the output folder must be writable, but {folder} is not: {error.strerror}. Give another --out.") from None
    planned = encoded(plan.frame, {"sweep": digest_of(plan.sweep, plan.tree)})
    write_atomically(folder / "sweep.toml", written.text)
    write_atomically(folder / "plan.parquet", planned)
    facts = _facts(plan, hashlib.sha256(planned).hexdigest())
    write_atomically(folder / "sweep.json", (json.dumps(facts | {"checksum": checksum(facts)}, indent=1, allow_nan=False) + "\n").encode())
    return Store(folder)


def check_same(store: Store, written: Written) -> None:
    """Refuse a folder of another sweep."""
    digest = digest_of(written.sweep, base_tree(written))
    if digest != store.digest:
        raise UserError(
            f"{store.folder} must hold this sweep to go on with it, but holds another one ({store.facts['name']}, digest "
            f"{store.digest[:8]}, not {digest[:8]}). Give another --out."
        )


def _is_ours(name: str) -> bool:
    """Whether a file may be in a folder whose beginning was interrupted."""
    return name in (*FOLDERS, *OF_THE_DISK, "sweep.toml", "plan.parquet") or (name.startswith(".") and name.endswith(TEMPORARY))


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
