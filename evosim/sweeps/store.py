"""The folder of a sweep.

Every file is written whole under a temporary name, synced and renamed; none is appended to.

```
sweep.toml, sweep.json, plan.parquet          the plan; written first, sweep.json last
parts/0000/chunk-0000000.TABLE.parquet        kept tables of a chunk's runs
parts/0000/chunk-0000000.sha256               their checksums and that of the runs (`sha256sum -c`)
parts/0000/chunk-0000000.runs.parquet         one row per run, written last: the chunk is done if
                                              this file exists and is not empty
parts/0000/chunk-0000000.commit               all these tables, from the process that came first;
                                              removed when they are in place
parts/0000/chunk-0000000.partial              finished runs of a chunk that is not done
parts/0000/chunk-0000000.run-12.checkpoint    checkpoint of a long run (or `-CONTROL` of it)
logs/HOST-PID-NS.jsonl                        events of each process; no result depends on it
```

There are no locks. Of two processes on one chunk the first to write `.commit` wins. Both put its
tables in place, because different processors may give other last digits. `docs/sweeps.md` describes
all files.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
from collections.abc import Iterable
from functools import cached_property
from importlib import metadata
from pathlib import Path

import polars as pl

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
from evosim.sweeps.chunk_files import (
    UNREADABLE,
    UNREADABLE_PACK,
    Frames,
    RunOutcomes,
    chunk_of,
    labels_of,
    pack,
    parquet_bytes,
    sources_of,
    unpack,
)
from evosim.sweeps.manifest import CollectedManifest, SweepManifest
from evosim.sweeps.plan import SCHEMA_VERSION, PlannedRun, choices_of, planned_runs
from evosim.sweeps.schema import KEEPABLE

RUNS = "runs"
PER_FOLDER = 256
COMPUTING = ("numpy", "numba", "scipy", "polars")
FAILED = "failed"
COMMIT = "commit"
TRIES = 10  # to commit a chunk; a second one is needed if another process ended in between
MOST_ROWS = 2**24  # of one run in one of its tables


class Store:
    """The files of a sweep that has begun.

    Attributes
    ----------
    folder : Path
        The folder.
    manifest : SweepManifest
        The content of `sweep.json`.
    unwritten, unwritten_manifest : dict[str, polars.LazyFrame]
        Collected tables and their manifest, if this user may not write into the folder.

    Raises
    ------
    UserError
        If `sweep.json` is missing or damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = SweepManifest.read(folder)
        self.digest = self.manifest.digest
        self.sources = self.manifest.sources
        self.keep = self.manifest.keep
        for name in self.keep:  # the names are parts of file names
            if name not in KEEPABLE:
                raise unknown(f"a table that {folder / 'sweep.json'} keeps", str(name), KEEPABLE)
        self.kinds = self.manifest.parameters
        self.chunks = self.manifest.chunks
        self.runs = self.manifest.runs
        self.unwritten: dict[str, pl.LazyFrame] = {}
        self.unwritten_manifest: CollectedManifest | None = None

    # The plan

    @cached_property
    def plan(self) -> pl.DataFrame:
        """One row per run, in order. Raises `UserError` if the file is damaged."""
        path = self.folder / "plan.parquet"
        try:
            data = path.read_bytes()
            if hashlib.sha256(data).hexdigest() != self.manifest.plan:
                raise ValueError
            return pl.read_parquet(io.BytesIO(data))
        except UNREADABLE:
            raise UserError(
                f"{path} is missing or damaged. Remove sweep.json next to it and run the"
                " sweep again, which rewrites both. Or give another --out."
            ) from None

    @cached_property
    def made_by(self) -> str:
        """Digest of the code that runs now: evosim, and the packages that this sweep uses."""
        return sources_digest(*choices_of(self.manifest.tree, self.plan, self.kinds))

    def check_sources(self, *, other_sources: bool = False) -> None:
        """Refuse to mix runs of different code or packages.

        Parameters
        ----------
        other_sources : bool
            The user allows it.

        Raises
        ------
        UserError
            If the code or a package differs from those that began the sweep.
        """
        if other_sources:
            return
        if self.made_by != self.sources:
            raise UserError(
                f"other code began {self.folder}: sources {self.sources}, evosim"
                f" {self.manifest.evosim}; this code has sources {self.made_by}. Give another"
                " --out, or --other-sources if the change cannot alter results."
            )
        for name in COMPUTING:
            begun, here = self.manifest.packages.get(name), metadata.version(name)
            if begun != here:
                raise UserError(
                    f"{self.folder} began with {name} {begun}, but {here} is installed. Install"
                    f" {name}=={begun}, give another --out, or --other-sources if the last digits"
                    " do not matter."
                )

    @cached_property
    def starts(self) -> list[int]:
        """The first run of each chunk, and at the end the number of runs."""
        lengths = self.plan.group_by("chunk", maintain_order=True).len()["len"]
        return [0, *lengths.cum_sum().to_list()]

    def planned(self, chunk: int) -> pl.DataFrame:
        """The rows of the plan for one chunk."""
        return self.plan[self.starts[chunk] : self.starts[chunk + 1]]

    def runs_of(self, chunk: int) -> list[PlannedRun]:
        """The planned runs of one chunk."""
        return planned_runs(self.planned(chunk))

    def size(self, chunk: int) -> int:
        """The number of runs of a chunk."""
        return self.starts[chunk + 1] - self.starts[chunk]

    # Paths

    def path(self, chunk: int, ending: str) -> Path:
        """A file of a chunk: `runs.parquet`, `TABLE.parquet`, `sha256`, `commit` or `partial`."""
        return self.folder / "parts" / f"{chunk // PER_FOLDER:04d}" / f"chunk-{chunk:07d}.{ending}"

    def table(self, chunk: int, name: str) -> Path:
        """The file of a table of a chunk."""
        return self.path(chunk, f"{name}.parquet")

    def checkpoint(self, chunk: int, run: int, control: str) -> Path:
        """The checkpoint of a long run, or of one of its controls. Makes the folder."""
        self._make_folder(chunk)
        return self.path(chunk, f"run-{run}{'-' if control else ''}{control}.checkpoint")

    def _make_folder(self, chunk: int) -> None:
        """Make the folder of a chunk; fail if the folder above it has vanished."""
        refuse_link(self.folder / "parts")
        make_folder(self.path(chunk, "partial").parent)

    # Stored results

    def collected(self, name: str) -> pl.LazyFrame:
        """Scan a table of all runs that are done.

        Parameters
        ----------
        name : str
            `runs`, or a table that the sweep keeps.

        Returns
        -------
        pl.LazyFrame
            The table that `collect` wrote, or the rows of the chunks if it could not write.
        """
        if name in self.unwritten:
            return self.unwritten[name]
        return pl.scan_parquet(self.folder / f"{name}.parquet", glob=False)

    def done(self) -> list[int]:
        """The chunks that are done, from the files in the folder."""
        ending = f".{RUNS}.parquet"
        chunks = (
            chunk_of(entry.name)
            for entry in self.entries()
            if entry.name.endswith(ending) and entry.stat().st_size
        )
        return sorted(chunk for chunk in chunks if chunk is not None and chunk < self.chunks)

    def is_done(self, chunk: int) -> bool:
        """Whether a chunk is done."""
        with contextlib.suppress(OSError):
            return self.table(chunk, RUNS).stat().st_size > 0
        return False

    def entries(self) -> Iterable[os.DirEntry[str]]:
        """Every file below `parts`.

        Raises
        ------
        UserError
            If a folder cannot be listed or is a link.
        """
        refuse_link(self.folder / "parts")
        try:
            for part in sorted(os.scandir(self.folder / "parts"), key=lambda e: e.name):
                refuse_link(Path(part.path))
                if part.is_dir():
                    yield from sorted(os.scandir(part.path), key=lambda e: e.name)
        except OSError as error:
            raise UserError(
                f"{self.folder / 'parts'} cannot be read: {error.strerror}. Restore the folder, or"
                " run the sweep again with another --out."
            ) from None

    # Reading a chunk

    def read(self, chunk: int) -> Frames:
        """The tables of a chunk that is done, checked against checksums and plan.

        Raises
        ------
        Damaged
            If a table is not the one that was written.
        """
        data = self._verified_bytes(chunk)
        frames = {name: self._decode(chunk, name, table) for name, table in data.items()}
        columns = ["run", "cell", "seed", *self.kinds]
        if not set(columns) <= set(frames[RUNS].columns) or not frames[RUNS].select(columns).equals(
            self.planned(chunk).select(columns)
        ):
            raise Damaged("holds other runs than planned")
        return frames

    def sums(self, chunk: int) -> dict[str, str]:
        """The checksum of each table of a chunk that is done. Raises `Damaged`."""
        try:
            lines = self.path(chunk, "sha256").read_text(encoding="utf-8").splitlines()
            parts = (line.partition("  ") for line in lines if not line.startswith("#"))
            sums = {name: digest for digest, _, name in parts}
            return {table: sums[self.table(chunk, table).name] for table in (*self.keep, RUNS)}
        except UNREADABLE:
            raise Damaged("its checksums are missing or damaged") from None

    def outcomes(self, chunk: int) -> RunOutcomes:
        """How the runs of a chunk that is done ended, by its file of checksums.

        Raises `Damaged`.
        """
        try:
            text = self.path(chunk, "sha256").read_text(encoding="utf-8")
            return RunOutcomes.from_line(text.splitlines()[0])
        except (*UNREADABLE, IndexError):
            raise Damaged("its checksums are missing or damaged") from None

    def _verified_bytes(self, chunk: int) -> dict[str, bytes]:
        data = {}
        for name, digest in self.sums(chunk).items():
            try:
                data[name] = self.table(chunk, name).read_bytes()
            except OSError as error:
                raise Damaged(f"its table {name} cannot be read: {error.strerror}") from None
            if not data[name]:
                raise Damaged(f"its table {name} is empty")
            if hashlib.sha256(data[name]).hexdigest() != digest:
                raise Damaged(f"its table {name} has another checksum than was written")
        return data

    def _is_whole(self, chunk: int) -> bool:
        """Whether a chunk is done and undamaged."""
        try:
            return self.is_done(chunk) and bool(self._verified_bytes(chunk))
        except Damaged:
            return False

    def _decode(self, chunk: int, name: str, data: bytes) -> pl.DataFrame:
        """The table in some bytes. Raises `Damaged` if it is not the table `name` of the chunk."""
        try:
            labels = labels_of(data)
            for key, value in self._labels(chunk, name).items():
                if labels.get(key) != value:
                    raise Damaged(
                        f"its table {name} belongs to another {key}: {labels.get(key)}, not {value}"
                    )
            check_size(data, MOST_ROWS * self.size(chunk))
            return pl.read_parquet(io.BytesIO(data))
        except UNREADABLE:
            raise Damaged(f"its table {name} cannot be read") from None

    def _labels(self, chunk: int, name: str) -> dict[str, str]:
        return {
            "schema": str(SCHEMA_VERSION),
            "sweep": self.digest,
            "chunk": str(chunk),
            "table": name,
        }

    # Writing a chunk

    def commit(self, chunk: int, frames: Frames) -> None:
        """Write the tables of a chunk, its checksums, and last its runs: then it is done.

        The first writer wins. It writes all its tables into one file before any of them is in its
        place. Another process on the same chunk puts these tables in place and drops its own. So
        the tables of a chunk come from one process, and a chunk that is done never changes.

        Raises
        ------
        UserError
            If the folder cannot be written.
        """
        self._make_folder(chunk)
        path = self.path(chunk, COMMIT)
        data = self._encode(chunk, frames)
        for _ in range(TRIES):
            if self._is_whole(chunk):
                break
            if write_once(path, pack(data)):
                # another process may have ended between the check and the write
                if not self._is_whole(chunk):
                    self._put_in_place(chunk, data)
                break
            if self.complete(chunk):
                break
        else:
            raise UserError(
                f"{path} can be neither read nor removed. Remove it by hand, and run the same"
                " command again."
            )
        clear([path, self.path(chunk, "partial")])

    def complete(self, chunk: int) -> bool:
        """Finish the commit of another process, which may have been killed.

        Returns
        -------
        Whether the chunk is done now.
        """
        path = self.path(chunk, COMMIT)
        try:
            data = unpack(path, (*self.keep, RUNS))
            for name, table in data.items():
                self._decode(chunk, name, table)
        except FileNotFoundError:
            return self._is_whole(chunk)
        except UNREADABLE_PACK:
            clear([path])  # evosim writes no such file
            return False
        if not self._is_whole(chunk):
            self._put_in_place(chunk, data)
        clear([path])
        return True

    def _put_in_place(self, chunk: int, data: dict[str, bytes]) -> None:
        """Write the files of a chunk. Equal tables give equal files, so two processes may do it."""
        status = self._decode(chunk, RUNS, data[RUNS])["status"]
        outcomes = RunOutcomes(
            len(status), int((status == FAILED).sum()), int((status == "extinct").sum())
        )
        sums = [
            f"{hashlib.sha256(data[name]).hexdigest()}  {self.table(chunk, name).name}\n"
            for name in data
        ]
        for name in self.keep:
            write_atomically(self.table(chunk, name), data[name])
        write_atomically(self.path(chunk, "sha256"), (outcomes.line() + "".join(sums)).encode())
        write_atomically(self.table(chunk, RUNS), data[RUNS])

    def _encode(self, chunk: int, frames: Frames) -> dict[str, bytes]:
        """Each table as bytes that depend only on its content."""
        labels = {"sources": self.made_by}
        return {
            name: parquet_bytes(frames[name], _in_file_order(self._labels(chunk, name) | labels))
            for name in (*self.keep, RUNS)
        }

    def write_finished(self, chunk: int, frames: Frames) -> None:
        """Write the finished runs of a chunk that is not done. Raises `UserError`."""
        self._make_folder(chunk)
        write_atomically(self.path(chunk, "partial"), pack(self._encode(chunk, frames)))

    def finished(self, chunk: int) -> Frames | None:
        """The finished runs of a chunk that is not done.

        Returns
        -------
        The tables; None if there are none, if the file is damaged, or if other code wrote it.
        """
        try:
            data = unpack(self.path(chunk, "partial"), (*self.keep, RUNS))
            frames = {name: self._decode(chunk, name, table) for name, table in data.items()}
            if {sources_of(table) for table in data.values()} != {self.made_by}:
                return None
            columns = ["run", "cell", "seed", *self.kinds]
            planned = (
                self.planned(chunk)
                .select(columns)
                .filter(pl.col("run").is_in(frames[RUNS]["run"].implode()))
            )
            return frames if frames[RUNS].select(columns).equals(planned) else None
        except UNREADABLE_PACK:
            return None

    def reopen(self, chunk: int) -> int:
        """Remove the failed runs of a chunk, so that they are computed again.

        The other runs are first written as finished runs, so that no result is ever lost.

        Returns
        -------
        The number of failed runs.

        Raises
        ------
        UserError, Damaged
            If the folder cannot be written, or if the chunk is damaged.
        """
        done = self.is_done(chunk)
        frames = self.read(chunk) if done else self.finished(chunk)
        if frames is None:
            return 0
        failed = frames[RUNS].filter(pl.col("status") == FAILED)["run"]
        if failed.len():
            others = ~pl.col("run").is_in(failed.implode())
            self.write_finished(
                chunk, {name: frame.filter(others) for name, frame in frames.items()}
            )
            if done:
                self.remove(chunk)
        return failed.len()

    def remove(self, chunk: int, *, partial: bool = False) -> None:
        """Remove the files of a chunk, its runs first, so that it is not done any more.

        Parameters
        ----------
        chunk : int
            The chunk.
        partial : bool
            Also remove its finished runs.

        Raises
        ------
        UserError
            If a file cannot be removed.
        """
        endings = [COMMIT, f"{RUNS}.parquet", "sha256", *(f"{name}.parquet" for name in self.keep)]
        endings += ["partial"] if partial else []
        paths = [self.path(chunk, ending) for ending in endings]
        for folder in (self.folder / "parts", paths[0].parent):
            refuse_link(folder)
        try:
            for path in paths:
                path.unlink(missing_ok=True)
            sync_folder(paths[0].parent)
        except OSError as error:
            raise unwritable(paths[0].parent, error) from None


def _in_file_order(labels: dict[str, str]) -> dict[str, str]:
    """Labels in the order in which files have always had them, so that bytes stay equal."""
    return {key: labels[key] for key in ("schema", "sweep", "sources", "chunk", "table")}


def clear(paths: Iterable[Path]) -> None:
    """Remove files that are no longer needed.

    Another process may remove them first. `check` finds files that remain.
    """
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink()
