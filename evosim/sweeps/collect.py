"""Collect: the chunks of a sweep as one table each, beside a manifest with every checksum.

All of it can be made again.

Chunks are read one at a time and tables are written as a stream, so that memory does not grow with
the number of runs.
"""

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
ROWS = 2**16  # of a table in memory at once


@dataclass(frozen=True)
class Collected:
    """What was collected.

    Attributes:
        runs, failed: in the table.
        missing: runs that are not done.
        digest: of the content.
        mixed: whether different sources made it.
    """

    runs: int
    failed: int
    missing: int
    digest: str
    mixed: bool


def collect(store: Store, progress: Callable[[int, int], None] | None = None) -> Collected:
    """Write `runs.parquet`, the kept tables and `manifest.json`.

    Raises `UserError` if any chunk is damaged; missing ones are told.
    """
    if not may_write(store.folder):
        raise UserError(
            f"{store.folder} must be writable to collect its runs, but is read-only for this user. "
            f"Write the table elsewhere: 'evosim export {store.folder} runs --out runs'."
        )
    return gather(store, progress)


def gather(store: Store, progress: Callable[[int, int], None] | None = None) -> Collected:
    """Put the runs that are done together.

    Where the folder cannot be written, nothing is: `Store.collected` then reads the chunks
    themselves.

    Parameters
    ----------
    store : Store
        A sweep.
    progress : Callable[[int, int], None], optional
        Hears how many chunks of how many were read.

    Returns
    -------
    Collected
        What was put together.

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
                f"chunk {chunk} of {store.folder} must be whole, but is not: {error}. Mend the"
                f" sweep with 'evosim sweep check {store.folder} --repair'."
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
        wanted = _ordered(schema, store) if name == RUNS else schema
        table = _scan([store.table(chunk, name) for chunk in done], wanted)
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
    """SHA-256 over the content of a table: of each column apart (nulls, values, lengths of text),
    and over those by name.

    Neither chunks, nor the order of columns, nor how files are written matters; the order of rows
    does.
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
    """The content's digest by the manifest, if that is of the very chunks and tables that are there
    now.
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
    """A schema that also holds another frame's columns."""
    if all(schema.get(name) == dtype for name, dtype in frame.schema.items()):
        return
    both = pl.concat([pl.DataFrame(schema=schema), frame.clear()], how="diagonal_relaxed")
    schema.clear()
    schema.update(both.schema)


def _ordered(schema: Schema, store: Store) -> Schema:
    """The columns of the runs: what was planned and how it ended, then the account's numbers by
    name, whichever chunk has them.
    """
    first = ["run", "cell", "seed", *store.kinds, "status", "generations", "error"]
    return {
        name: schema[name] for name in (*first, *sorted(set(schema) - set(first))) if name in schema
    }


def _write_table(store: Store, name: str, table: pl.LazyFrame) -> None:
    """Many files as one, as a stream, under a temporary name that is renamed at the end."""
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
        raise _failed(target, temporary, error) from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _failed(target: Path, temporary: Path, error: Exception) -> UserError:
    """What is said when a table could not be written.

    What the system had said is hidden in words, or lost, and then asked again.
    """
    number = getattr(error, "errno", None)
    if number is None and (found := re.search(r"\(os error (\d+)\)", str(error))):
        number = int(found[1])
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
        f"{target} must be made of chunks, but cannot be: {' '.join(str(error).split())}. Look at"
        " the chunks with 'evosim sweep check'."
    )


def _scan(paths: list[Path], schema: Schema) -> pl.LazyFrame:
    """The rows of many files in their order, with the columns of a schema.

    What a file lacks is null there.
    """
    if not paths:
        return pl.LazyFrame(schema=schema)
    return pl.scan_parquet(paths, glob=False, schema=schema, missing_columns="insert")
