"""Bytes of the files of a chunk: Parquet tables with labels, and packs of several tables."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from evosim.runtime.checksums import Damaged

PREFIX = "evosim."
# raised by what reads a damaged table
UNREADABLE = (
    OSError,
    ValueError,
    KeyError,
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
)
# raised by what reads a damaged pack
UNREADABLE_PACK = (*UNREADABLE, zipfile.BadZipFile, Damaged, EOFError, NotImplementedError)
CHUNK_FILE = re.compile(
    r"chunk-(\d{7,})\.(?:([a-z_]+)\.parquet|sha256|partial|commit|run-\d+(?:-[a-z_]+)?\.checkpoint)"
)
UNFINISHED = (".partial", ".checkpoint", ".commit")

Frames = dict[str, pl.DataFrame]


@dataclass(frozen=True)
class RunOutcomes:
    """How the runs of a chunk ended."""

    runs: int
    failed: int
    extinct: int

    def line(self) -> str:
        """The first line of the file of checksums."""
        return f"# runs {self.runs} failed {self.failed} extinct {self.extinct}\n"

    @classmethod
    def from_line(cls, line: str) -> RunOutcomes:
        """Read that line. Raises `IndexError` or `ValueError`."""
        words = line.split()
        return cls(int(words[2]), int(words[4]), int(words[6]))


def chunk_of(name: str) -> int | None:
    """The chunk that a file name belongs to."""
    match = CHUNK_FILE.fullmatch(name)
    return int(match[1]) if match else None


def parquet_bytes(frame: pl.DataFrame, labels: dict[str, str]) -> bytes:
    """A frame as Parquet, with labels in the file's own metadata. Equal content: equal bytes."""
    out = io.BytesIO()
    # Rechunk: memory chunks become row groups, and their number depends on how the frame was made.
    frame.rechunk().write_parquet(
        out, compression="zstd", metadata={PREFIX + key: value for key, value in labels.items()}
    )
    return out.getvalue()


def labels_of(table: bytes | Path) -> dict[str, str]:
    """The labels of a table. Raises one of `UNREADABLE`."""
    source = io.BytesIO(table) if isinstance(table, bytes) else table
    metadata = pl.read_parquet_metadata(source)
    return {
        key.removeprefix(PREFIX): value for key, value in metadata.items() if key.startswith(PREFIX)
    }


def sources_of(table: bytes | Path) -> str | None:
    """Digest of the code that computed a table."""
    return labels_of(table).get("sources")


def pack(tables: dict[str, bytes]) -> bytes:
    """Tables as one file. Its bytes depend only on the tables."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, table in tables.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.parquet"), table)
    return out.getvalue()


def unpack(path: Path, names: tuple[str, ...]) -> dict[str, bytes]:
    """The tables in a pack.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    Exception
        One of `UNREADABLE_PACK`, if it is damaged.
    """
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        if any(
            member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size
            for member in archive.infolist()
        ):
            raise Damaged("its finished runs are compressed, but evosim stores them as they are")
        return {name: archive.read(f"{name}.parquet") for name in names}
