"""Collect the chunks of a sweep into one table each, and write a manifest with checksums."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
import polars.selectors as cs

from evosim.errors import UserError
from evosim.runtime.atomic_files import TEMPORARY, may_write, sync_folder, unwritable
from evosim.runtime.checksums import Damaged, read_json, sum_of
from evosim.sweeps.chunk_files import sources_of
from evosim.sweeps.manifest import COLLECTED, CollectedManifest, PartFile, checksum
from evosim.sweeps.store import RUNS, Store

Schema = dict[str, pl.DataType]
ROWS = 2**16  # of a table, in memory at the same time


@dataclass(frozen=True)
class Collected:
    """The result of `collect`.

    Attributes
    ----------
    runs, failed : int
        Runs in the table, and failed runs among them.
    missing : int
        Runs that are not done.
    digest : str
        Digest of the content; see `content_digest`.
    mixed : bool
        Whether different code computed the runs.
    """

    runs: int
    failed: int
    missing: int
    digest: str
    mixed: bool


def collect(store: Store, progress: Callable[[int, int], None] | None = None) -> Collected:
    """Write `runs.parquet`, the kept tables and `manifest.json`.

    Parameters
    ----------
    store : Store
        The sweep. Chunks may be missing.
    progress : Callable, optional
        Receives the number of chunks that are read, and of all.

    Raises
    ------
    UserError
        If a chunk is damaged, or if this user may not write into the folder.
    """
    if not may_write(store.folder):
        raise UserError(
            f"{store.folder} is read-only for this user. Write the table elsewhere: 'evosim export"
            f" {store.folder} runs --out runs'."
        )
    return gather(store, progress)


def gather(store: Store, progress: Callable[[int, int], None] | None = None) -> Collected:
    """Collect the runs that are done.

    If this user may not write into the folder, nothing is written. `Store.collected` then reads
    the chunks themselves.

    Parameters
    ----------
    store : Store
        The sweep.
    progress : Callable, optional
        Receives the number of chunks that are read, and of all.

    Raises
    ------
    UserError
        If a chunk is damaged.
    """
    done = store.done()
    parts: dict[str, PartFile] = {}
    schemas: dict[str, Schema] = {name: {} for name in (RUNS, *store.keep)}
    failed = runs = 0
    sources: set[str | None] = set()
    for i, chunk in enumerate(done):
        try:
            frames = store.read(chunk)
            sums = store.sums(chunk)
        except Damaged as error:
            raise UserError(
                f"chunk {chunk} of {store.folder} is damaged: {error}. Remove it with 'evosim"
                f" sweep check {store.folder} --repair', and run the sweep again."
            ) from None
        sources.add(sources_of(store.table(chunk, RUNS)))
        for name, frame in frames.items():
            path = store.table(chunk, name)
            relative = path.relative_to(store.folder).as_posix()
            parts[relative] = PartFile(frame.height, path.stat().st_size, sums[name])
            _widen(schemas[name], frame)
        failed += int((frames[RUNS]["status"] == "failed").sum())
        runs += frames[RUNS].height
        if progress:
            progress(i + 1, len(done))
    write = may_write(store.folder)
    for name, schema in schemas.items():
        columns = _ordered(schema, store) if name == RUNS else schema
        table = _scan([store.table(chunk, name) for chunk in done], columns)
        if write:
            _write_table(store, name, table)
            store.unwritten.pop(name, None)
        else:
            store.unwritten[name] = table
    digest = content_digest(store.collected(RUNS), runs)
    collected = Collected(runs, failed, store.runs - runs, digest, len(sources) > 1)
    manifest = CollectedManifest(
        store.digest,
        tuple(sorted(map(str, sources))),
        runs,
        failed,
        store.runs - runs,
        collected.digest,
    )
    if not write:
        store.unwritten_manifest = manifest
        return collected
    tables = {name: _sum_of(store.folder / f"{name}.parquet") for name in schemas}
    replace(manifest, tables=tables, parts=parts).write(store.folder)
    return collected


def manifest_of(store: Store) -> CollectedManifest:
    """The manifest of a sweep whose runs were collected."""
    if store.unwritten_manifest:
        return store.unwritten_manifest
    facts = read_json(store.folder / COLLECTED)
    facts.pop("checksum")
    return CollectedManifest.from_dict(facts)


def content_digest(table: pl.LazyFrame, rows: int) -> str:
    """SHA-256 over the content of a table.

    The digest covers each column alone (nulls, values, lengths of text), and the columns by name.
    It depends on the order of rows, but not on chunks, the order of columns, or the file format.

    Parameters
    ----------
    table : polars.LazyFrame
        The table.
    rows : int
        Its number of rows.
    """
    schema = table.collect_schema()
    hashes = {name: [hashlib.sha256() for _ in range(3)] for name in schema}
    for first in range(0, rows, ROWS):
        frame = table.slice(first, ROWS).collect()
        absent = frame.select(pl.all().is_null())
        full = frame.select(
            cs.numeric().fill_null(0), cs.boolean().fill_null(False), cs.string().fill_null("")
        )
        for name, (nulls, values, lengths) in hashes.items():
            nulls.update(absent[name].to_numpy().tobytes())
            if schema[name] == pl.String:
                values.update(full[name].str.join().item().encode())
                lengths.update(full[name].str.len_bytes().cast(pl.Int64).to_numpy().tobytes())
            else:
                values.update(full[name].to_numpy().tobytes())
    whole = hashlib.sha256()
    for name in sorted(schema):
        parts = "".join(part.hexdigest() for part in hashes[name])
        whole.update(json.dumps([name, str(schema[name]), parts]).encode())
    return whole.hexdigest()


def known_digest(store: Store, done: list[int]) -> str | None:
    """The digest in the manifest, if it is up to date.

    Parameters
    ----------
    store : Store
        The sweep.
    done : list of int
        The chunks that are done.

    Returns
    -------
    The digest; None if the manifest is damaged, or of other chunks or tables.
    """
    try:
        facts = read_json(store.folder / COLLECTED)
        if facts.pop("checksum") != checksum(facts):
            return None
        manifest = CollectedManifest.from_dict(facts)
        if any(
            _sum_of(store.folder / f"{name}.parquet") != manifest.tables[name]
            for name in (RUNS, *store.keep)
        ):
            return None
        paths = [store.table(chunk, RUNS) for chunk in done]
        known = {
            name: part.sha256
            for name, part in manifest.parts.items()
            if name.endswith(f".{RUNS}.parquet")
        }
        now = {
            path.relative_to(store.folder).as_posix(): store.sums(chunk)[RUNS]
            for path, chunk in zip(paths, done, strict=True)
        }
        return manifest.digest if now == known and manifest.sweep == store.digest else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, Damaged):
        return None


def _sum_of(path: Path) -> str:
    with path.open("rb") as file:
        return sum_of(file)


def _widen(schema: Schema, frame: pl.DataFrame) -> None:
    """Add the columns of a frame to a schema; differing types become a common one."""
    if all(schema.get(name) == dtype for name, dtype in frame.schema.items()):
        return
    both = pl.concat([pl.DataFrame(schema=schema), frame.clear()], how="diagonal_relaxed")
    schema.clear()
    schema.update(both.schema)


def _ordered(schema: Schema, store: Store) -> Schema:
    """The columns of the runs: the plan, how runs ended, then numbers of the account by name."""
    first = ["run", "cell", "seed", *store.kinds, "status", "generations", "error"]
    return {
        name: schema[name] for name in (*first, *sorted(set(schema) - set(first))) if name in schema
    }


def _write_table(store: Store, name: str, table: pl.LazyFrame) -> None:
    """Write a table as a stream, under a temporary name that is renamed at the end."""
    target = store.folder / f"{name}.parquet"
    temporary = target.with_name(
        f".{target.name}.{platform.node()}.{os.getpid()}.{time.time_ns()}{TEMPORARY}"
    )
    metadata = {"evosim.sweep": store.digest, "evosim.sources": store.sources, "evosim.table": name}
    try:
        table.sink_parquet(temporary, compression="zstd", metadata=metadata)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, target)
        sync_folder(store.folder)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise _write_error(target, temporary, error) from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _write_error(target: Path, temporary: Path, error: Exception) -> UserError:
    """The error of the system, if a table could not be written.

    Polars hides the error number in its message, or loses it. Then a write tries again.
    """
    number = getattr(error, "errno", None)
    if number is None and (match := re.search(r"\(os error (\d+)\)", str(error))):
        number = int(match[1])
    if number is None:
        try:
            with temporary.open("ab") as file:
                file.write(bytes(2**20))
                os.fsync(file.fileno())
        except OSError as again:
            number = again.errno
    if number is not None:
        return unwritable(target, OSError(number, os.strerror(number)))
    return UserError(
        f"{target} cannot be written: {' '.join(str(error).split())}. Verify the chunks: 'evosim"
        f" sweep check {target.parent}'."
    )


def _scan(paths: list[Path], schema: Schema) -> pl.LazyFrame:
    """The rows of files in their order, with the columns of a schema; missing columns are null."""
    if not paths:
        return pl.LazyFrame(schema=schema)
    return pl.scan_parquet(paths, glob=False, schema=schema, missing_columns="insert")
