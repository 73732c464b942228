"""Store: the folder of a sweep.

Every file is written whole under a temporary name, synced and renamed; none is ever added to.

```
sweep.toml, sweep.json, plan.parquet             what is to be done; written first, sweep.json last
parts/0000/chunk-0000000.TABLE.parquet           kept tables of a chunk's runs
parts/0000/chunk-0000000.sha256                  their checksums and that of the runs, as `sha256sum
-c` reads them parts/0000/chunk-0000000.runs.parquet            one row a run; written last: a chunk
is done if this is there and not empty parts/0000/chunk-0000000.commit                  all of these
tables, of the process that came first; goes when they are in place parts/0000/chunk-0000000.partial
the finished runs of a chunk that is not done parts/0000/chunk-0000000.run-12.checkpoint       where
a long run of it (or `-CONTROL` of it) goes on logs/HOST-PID-NS.jsonl                           what
each process did when; says nothing that results need
```

There are no locks. Of two processes on one chunk the first to write `.commit` wins, and both put
its tables in place: processors of different kinds may give other last digits. `docs/sweeps.md`
describes all files.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

import polars as pl

from evosim.config.file_kinds import SWEEP_FOLDER, refuse_other_kind
from evosim.errors import UserError, unknown
from evosim.runs.source_hash import sources_digest
from evosim.runtime.atomic_files import (
    make_folder,
    refuse_link,
    sync_folder,
    unwritable,
    write_atomically,
    write_once,
)
from evosim.runtime.checksums import Damaged, check_size
from evosim.sweeps.plan import SCHEMA_VERSION, choices_of
from evosim.sweeps.schema import KEEPABLE

RUNS = "runs"
PER_FOLDER = 256
COMPUTING = ("numpy", "numba", "scipy", "polars")
FAILED = "failed"
PREFIX = "evosim."
UNREADABLE = (
    OSError,
    ValueError,
    KeyError,
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
)
NAMED = re.compile(
    r"chunk-(\d{7,})\.(?:([a-z_]+)\.parquet|sha256|partial|commit|run-\d+(?:-[a-z_]+)?\.checkpoint)"
)
UNFINISHED = (".partial", ".checkpoint", ".commit")
COMMIT = "commit"
TRIES = 10  # to commit a chunk; a second one is needed where a process of another ended meanwhile
MOST_ROWS = 2**24  # of a run, in one of its tables

Frames = dict[str, pl.DataFrame]


@dataclass(frozen=True)
class Counted:
    """How the runs of a chunk that is done ended."""

    runs: int
    failed: int
    extinct: int


class Store:
    """The folder of a sweep that has been begun.

    Raises `UserError` where `sweep.json` or the plan is missing or damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.facts = _read_facts(folder)
        self.digest: str = self.facts["digest"]
        self.sources: str = self.facts["sources"]
        self.keep: tuple[str, ...] = tuple(self.facts["keep"])
        for name in self.keep:  # of files that are written and removed
            if name not in KEEPABLE:
                raise unknown(f"a table that {folder / 'sweep.json'} keeps", str(name), KEEPABLE)
        self.kinds: dict[str, str] = self.facts["parameters"]
        self.chunks: int = self.facts["chunks"]
        self.runs: int = self.facts["runs"]
        # Collected tables, and what their manifest says, where the folder cannot be written.
        self.unwritten: dict[str, pl.LazyFrame] = {}
        self.unwritten_manifest: dict[str, Any] = {}

    @cached_property
    def plan(self) -> pl.DataFrame:
        """One row a run, in order."""
        try:
            data = (self.folder / "plan.parquet").read_bytes()
            if hashlib.sha256(data).hexdigest() != self.facts["plan"]:
                raise ValueError
            return pl.read_parquet(io.BytesIO(data))
        except UNREADABLE:
            raise UserError(
                f"{self.folder / 'plan.parquet'} must be what was planned, but is missing or"
                " damaged. Do the sweep to another --out, or remove sweep.json and do it again to"
                " write both anew."
            ) from None

    @cached_property
    def made_by(self) -> str:
        """The digest of the sources that run now: evosim's, and of the packages that this sweep
        uses.
        """
        return sources_digest(*choices_of(self.facts["tree"], self.plan, self.kinds))

    def check_sources(self, *, other_sources: bool = False) -> None:
        """Refuse to mix runs of different code, or of packages that compute otherwise, unless that
        is wished. Raises `UserError`.
        """
        if self.made_by != self.sources and not other_sources:
            raise UserError(
                f"{self.folder} must have been begun by this code to go on with it, but was by"
                f" other sources ({self.sources}, not {self.made_by}; evosim"
                f" {self.facts['evosim']}). Give another --out, or --other-sources if the change"
                " can alter no result."
            )
        for name in COMPUTING:
            begun, mine = self.facts["packages"].get(name), metadata.version(name)
            if begun != mine and not other_sources:
                raise UserError(
                    f"{self.folder} must be gone on with by the {name} it was begun with, but that"
                    f" was {begun}, and this is {mine}. Install it, give another --out, or"
                    " --other-sources if the last digits do not matter."
                )

    @cached_property
    def starts(self) -> list[int]:
        """The first run of each chunk, and at the end the number of runs."""
        lengths = self.plan.group_by("chunk", maintain_order=True).len()["len"]
        return [0, *lengths.cum_sum().to_list()]

    def planned(self, chunk: int) -> pl.DataFrame:
        """The plan's rows of one chunk."""
        return self.plan[self.starts[chunk] : self.starts[chunk + 1]]

    def size(self, chunk: int) -> int:
        """The number of runs of a chunk."""
        return self.starts[chunk + 1] - self.starts[chunk]

    def path(self, chunk: int, ending: str) -> Path:
        """A file of a chunk: `runs.parquet`, `TABLE.parquet`, `sha256` or `partial`."""
        return self.folder / "parts" / f"{chunk // PER_FOLDER:04d}" / f"chunk-{chunk:07d}.{ending}"

    def table(self, chunk: int, name: str) -> Path:
        """A table of a chunk."""
        return self.path(chunk, f"{name}.parquet")

    def collected(self, name: str) -> pl.LazyFrame:
        """Scan a table of all runs that are done.

        Parameters
        ----------
        name : str
            `runs`, or a table that the sweep keeps.

        Returns
        -------
        pl.LazyFrame
            What `collect` wrote; where it could not, the rows of the chunks themselves.
        """
        if name in self.unwritten:
            return self.unwritten[name]
        return pl.scan_parquet(self.folder / f"{name}.parquet", glob=False)

    def done(self) -> list[int]:
        """The chunks that are done, by looking at the folder."""
        ending = f".{RUNS}.parquet"
        found = (
            chunk_of(entry.name)
            for entry in self.entries()
            if entry.name.endswith(ending) and entry.stat().st_size
        )
        return sorted(chunk for chunk in found if chunk is not None and chunk < self.chunks)

    def is_done(self, chunk: int) -> bool:
        """Whether one chunk is done."""
        with contextlib.suppress(OSError):
            return self.table(chunk, RUNS).stat().st_size > 0
        return False

    def entries(self) -> Iterable[os.DirEntry[str]]:
        """Every file below `parts`.

        Raises `UserError` if it cannot be listed, or a folder in it is a link.
        """
        refuse_link(self.folder / "parts")
        try:
            for part in sorted(os.scandir(self.folder / "parts"), key=lambda e: e.name):
                refuse_link(Path(part.path))
                if part.is_dir():
                    yield from sorted(os.scandir(part.path), key=lambda e: e.name)
        except OSError as error:
            raise UserError(
                f"{self.folder / 'parts'} must be readable, but is not: {error.strerror}. Mend it."
            ) from None

    def commit(self, chunk: int, frames: Frames) -> None:
        """Write a chunk's tables, its checksums, and last its runs; from then on it is done.

        Raises `UserError`.

        The first writer wins: its tables stand in one file before any of them is put in its place,
        and whoever comes to the same chunk meanwhile puts those in place. So a chunk is of one
        process, and what is done stays as it is.
        """
        self._make_room(chunk)
        pack = self.path(chunk, COMMIT)
        data = {name: self._encoded(chunk, name, frames[name]) for name in (*self.keep, RUNS)}
        for _ in range(TRIES):
            if self._is_whole(chunk):
                break
            if write_once(pack, _packed(data)):
                # Another one may have ended between the look and the writing
                if not self._is_whole(chunk):
                    self._put_in_place(chunk, data)
                break
            if self.complete(chunk):
                break
        else:
            raise UserError(
                f"{pack} must be a file that can be read or removed, but is not. Remove it, and go"
                " on with the same command."
            )
        clear([pack, self.path(chunk, "partial")])

    def complete(self, chunk: int) -> bool:
        """Put the tables in place that another process, which may be gone, has begun to commit.

        Tells whether it is done now.
        """
        pack = self.path(chunk, COMMIT)
        try:
            data = self._unpacked(pack)
            for name, found in data.items():
                self._decoded(chunk, name, found)
        except FileNotFoundError:
            return self._is_whole(chunk)
        except (*UNREADABLE, zipfile.BadZipFile, Damaged, EOFError, NotImplementedError):
            clear([pack])  # no process left this
            return False
        if not self._is_whole(chunk):
            self._put_in_place(chunk, data)
        clear([pack])
        return True

    def _put_in_place(self, chunk: int, data: dict[str, bytes]) -> None:
        """Write the files of a chunk from its tables.

        Equal tables give equal files, so that two may do it at once.
        """
        status = self._decoded(chunk, RUNS, data[RUNS])["status"]
        counted = (
            f"# runs {len(status)} failed {(status == FAILED).sum()} extinct"
            f" {(status == 'extinct').sum()}\n"
        )
        sums = [
            f"{hashlib.sha256(data[name]).hexdigest()}  {self.table(chunk, name).name}\n"
            for name in data
        ]
        for name in self.keep:
            write_atomically(self.table(chunk, name), data[name])
        write_atomically(self.path(chunk, "sha256"), (counted + "".join(sums)).encode())
        write_atomically(self.table(chunk, RUNS), data[RUNS])

    def _is_whole(self, chunk: int) -> bool:
        """Whether a chunk is done and is what was written."""
        try:
            return self.is_done(chunk) and bool(self._whole_files(chunk))
        except Damaged:
            return False

    def _unpacked(self, path: Path) -> dict[str, bytes]:
        """The tables in a pack, as bytes.

        Raises `OSError`, `Damaged` and what a damaged pack makes of its reader.
        """
        with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as pack:
            if any(
                member.compress_type != zipfile.ZIP_STORED
                or member.file_size != member.compress_size
                for member in pack.infolist()
            ):
                raise Damaged("its finished runs are not as they are written")
            return {name: pack.read(f"{name}.parquet") for name in (*self.keep, RUNS)}

    def read(self, chunk: int) -> Frames:
        """The tables of a chunk that is done, each checked against its checksum and the plan.

        Raises `Damaged`.
        """
        data = self._whole_files(chunk)
        frames = {name: self._decoded(chunk, name, found) for name, found in data.items()}
        mine = ["run", "cell", "seed", *self.kinds]
        if not set(mine) <= set(frames[RUNS].columns) or not frames[RUNS].select(mine).equals(
            self.planned(chunk).select(mine)
        ):
            raise Damaged("holds other runs than planned")
        return frames

    def sums(self, chunk: int) -> dict[str, str]:
        """The checksum of each table of a chunk that is done. Raises `Damaged`."""
        try:
            lines = self.path(chunk, "sha256").read_text(encoding="utf-8").splitlines()
            sums = {
                name: digest
                for digest, _, name in (
                    line.partition("  ") for line in lines if not line.startswith("#")
                )
            }
            return {table: sums[self.table(chunk, table).name] for table in (*self.keep, RUNS)}
        except UNREADABLE:
            raise Damaged("its checksums are missing or damaged") from None

    def counted(self, chunk: int) -> Counted:
        """How the runs of a chunk that is done ended, by what its checksums' file says.

        Raises `Damaged`.
        """
        try:
            words = self.path(chunk, "sha256").read_text(encoding="utf-8").splitlines()[0].split()
            return Counted(int(words[2]), int(words[4]), int(words[6]))
        except (*UNREADABLE, IndexError):
            raise Damaged("its checksums are missing or damaged") from None

    def _whole_files(self, chunk: int) -> dict[str, bytes]:
        sums = self.sums(chunk)
        data = {}
        for name, digest in sums.items():
            try:
                data[name] = self.table(chunk, name).read_bytes()
            except OSError as error:
                raise Damaged(f"its table {name} cannot be read: {error.strerror}") from None
            if not data[name]:
                raise Damaged(f"its table {name} is empty")
            if hashlib.sha256(data[name]).hexdigest() != digest:
                raise Damaged(f"its table {name} has another checksum than was written")
        return data

    def keep_finished(self, chunk: int, frames: Frames) -> None:
        """Write the finished runs of a chunk that is not done, for whoever goes on with it.

        Raises `UserError`.
        """
        self._make_room(chunk)
        data = {name: self._encoded(chunk, name, frames[name]) for name in (*self.keep, RUNS)}
        write_atomically(self.path(chunk, "partial"), _packed(data))

    def finished(self, chunk: int) -> Frames | None:
        """The finished runs of a chunk that is not done; nothing if there are none, or if what is
        there cannot be trusted.
        """
        try:
            data = self._unpacked(self.path(chunk, "partial"))
            frames = {name: self._decoded(chunk, name, found) for name, found in data.items()}
            if {made_by(found) for found in data.values()} != {self.made_by}:
                return None
            mine = ["run", "cell", "seed", *self.kinds]
            planned = (
                self.planned(chunk)
                .select(mine)
                .filter(pl.col("run").is_in(frames[RUNS]["run"].implode()))
            )
            return frames if frames[RUNS].select(mine).equals(planned) else None
        except (*UNREADABLE, zipfile.BadZipFile, Damaged, EOFError, NotImplementedError):
            return None

    def reopen(self, chunk: int) -> int:
        """Turn a chunk with failed runs into one that is not done and lacks those.

        Tells how many. Raises `UserError`, `Damaged`.

        What did not fail is written first as finished runs of the chunk, so that nothing is lost at
        any moment.
        """
        done = self.is_done(chunk)
        frames = self.read(chunk) if done else self.finished(chunk)
        if frames is None:
            return 0
        failed = frames[RUNS].filter(pl.col("status") == FAILED)["run"]
        if failed.len():
            self.keep_finished(
                chunk,
                {
                    name: frame.filter(~pl.col("run").is_in(failed.implode()))
                    for name, frame in frames.items()
                },
            )
            if done:
                self.remove(chunk)
        return failed.len()

    def remove(self, chunk: int, *, partial: bool = False) -> None:
        """Remove the files of a chunk, its runs first, so that it is not done from then on.

        Raises `UserError`.
        """
        endings = [
            COMMIT,
            f"{RUNS}.parquet",
            "sha256",
            *(f"{name}.parquet" for name in self.keep),
            *(["partial"] if partial else []),
        ]
        paths = [self.path(chunk, ending) for ending in endings]
        for folder in (self.folder / "parts", paths[0].parent):
            refuse_link(folder)
        try:
            for path in paths:
                path.unlink(missing_ok=True)
            sync_folder(paths[0].parent)
        except OSError as error:
            raise unwritable(paths[0].parent, error) from None

    def checkpoint(self, chunk: int, run: int, control: str) -> Path:
        """Where a long run, or one of its controls, is kept when it is stopped in its middle."""
        self._make_room(chunk)
        return self.path(chunk, f"run-{run}{'-' if control else ''}{control}.checkpoint")

    def _make_room(self, chunk: int) -> None:
        """The folder of a chunk.

        Only this one is made: if what it lies in has vanished, that must be noticed.
        """
        refuse_link(self.folder / "parts")
        make_folder(self.path(chunk, "partial").parent)

    def _encoded(self, chunk: int, name: str, frame: pl.DataFrame) -> bytes:
        """A table as bytes that depend on its content and nothing else."""
        facts = {
            "schema": str(SCHEMA_VERSION),
            "sweep": self.digest,
            "sources": self.made_by,
            "chunk": str(chunk),
            "table": name,
        }
        return encoded(frame, facts)

    def _decoded(self, chunk: int, name: str, data: bytes) -> pl.DataFrame:
        """The table in some bytes. Raises `Damaged` if it is another one."""
        try:
            facts = pl.read_parquet_metadata(io.BytesIO(data))
            wanted = {
                "schema": str(SCHEMA_VERSION),
                "sweep": self.digest,
                "chunk": str(chunk),
                "table": name,
            }
            for key, value in wanted.items():
                if facts.get(PREFIX + key) != value:
                    raise Damaged(
                        f"its table {name} belongs to another {key}: {facts.get(PREFIX + key)}, not"
                        f" {value}"
                    )
            check_size(data, MOST_ROWS * self.size(chunk))
            return pl.read_parquet(io.BytesIO(data))
        except UNREADABLE:
            raise Damaged(f"its table {name} cannot be read") from None


def _packed(data: dict[str, bytes]) -> bytes:
    """Tables as one file, which depends on nothing else."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as pack:
        for name, table in data.items():
            pack.writestr(zipfile.ZipInfo(f"{name}.parquet"), table)
    return out.getvalue()


def clear(paths: Iterable[Path]) -> None:
    """Remove what is no longer needed.

    Another process may have been quicker; `check` finds what is left.
    """
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink()


def encoded(frame: pl.DataFrame, facts: dict[str, str]) -> bytes:
    """A frame as Parquet with facts in the file's own metadata. Equal content gives equal bytes."""
    out = io.BytesIO()
    # In one piece: pieces of memory would become row groups, and how many there are depends on who
    # computed what.
    frame.rechunk().write_parquet(
        out, compression="zstd", metadata={PREFIX + key: value for key, value in facts.items()}
    )
    return out.getvalue()


def made_by(table: bytes | Path) -> str | None:
    """The digest of the sources that made a table."""
    return pl.read_parquet_metadata(io.BytesIO(table) if isinstance(table, bytes) else table).get(
        f"{PREFIX}sources"
    )


def chunk_of(name: str) -> int | None:
    """The chunk that a file's name belongs to."""
    match = NAMED.fullmatch(name)
    return int(match[1]) if match else None


def checksum(facts: dict[str, Any]) -> str:
    """SHA-256 of what sweep.json says, without itself."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _read_facts(folder: Path) -> dict[str, Any]:
    path = folder / "sweep.json"
    refuse_other_kind(folder, SWEEP_FOLDER)
    if not folder.is_dir():
        raise UserError(
            f"a sweep must be a folder, but {folder} is not one. Check the path with 'ls"
            " results/sweeps'."
        )
    try:
        facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if facts.pop("checksum") != checksum(facts):
            raise ValueError
        for key in (
            "digest",
            "sources",
            "keep",
            "parameters",
            "chunks",
            "runs",
            "plan",
            "tree",
            "name",
            "packages",
            "evosim",
        ):
            facts[key]
    except FileNotFoundError:
        raise UserError(
            f"{folder} must be a sweep's folder, but has no sweep.json. Check the path with 'ls"
            " results/sweeps'."
        ) from None
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(
            f"{path} must be readable, but is damaged. Remove it and do the sweep again to write it"
            " anew."
        ) from None
    if facts.get("schema_version") != SCHEMA_VERSION:
        raise UserError(
            f"{folder} must be of schema version {SCHEMA_VERSION}, but is of"
            f" {facts.get('schema_version')}. Do the sweep to another --out."
        )
    return facts
