"""Write growing tables to disk in blocks, so that memory does not grow with generations.

A run of at most `BLOCK` generations keeps its tables in memory. A longer one hands over a block of
rows every `BLOCK` generations; each block is one Parquet file a table. The boundaries depend on
generations alone, so a run that was stopped and resumed has the same blocks.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

import polars as pl

from evosim.errors import UserError
from evosim.runtime.atomic_files import Full, make_folder, write_atomically

BLOCK = 4096  # generations
BY_GENERATION = ("generations", "loci", "alleles", "search")


class Blocks:
    """The blocks of one run in a folder of their own.

    Attributes
    ----------
    folder : Path
        Folder of the files.
    names : tuple of str
        Names of the tables.
    seals : list of str
        Item `n` is the hash of all bytes in the first `n` blocks on disk.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: tuple[str, ...] = ()
        self._begin()
        self._waiting: list[dict[str, pl.DataFrame]] = []

    def _begin(self) -> None:
        self._hash = hashlib.blake2b(digest_size=16)
        self.seals = [self._hash.hexdigest()]

    @property
    def written(self) -> int:
        """How many blocks are on disk."""
        return len(self.seals) - 1

    def __len__(self) -> int:
        return self.written + len(self._waiting)

    def add(self, tables: dict[str, pl.DataFrame]) -> None:
        """Write one more block.

        While the disk is full, blocks wait in memory. Raises `Unwritable` for another reason.
        """
        self.names = tuple(tables)
        self._waiting.append(tables)
        try:
            self.settle()
        except Full:  # the run continues; the next block, checkpoint or the end tries again
            return

    def settle(self) -> None:
        """Write the blocks that wait. Raises `Unwritable`."""
        while self._waiting:
            make_folders(self.folder)
            data = {}
            for name, table in self._waiting[0].items():
                file = io.BytesIO()
                table.write_parquet(file, compression="zstd")
                data[name] = file.getbuffer()
                write_atomically(self._path(name, self.written), data[name])
            self._seal(data.values())
            self._waiting.pop(0)

    def _seal(self, parts: Iterable[bytes | memoryview]) -> None:
        for part in parts:
            self._hash.update(part)
        self.seals.append(self._hash.hexdigest())

    def reopen(self, written: int, seal: str, names: tuple[str, ...]) -> None:
        """Continue after `written` blocks; later files are written again.

        Raises `UserError` if a block is missing or damaged.
        """
        self._begin()
        self._waiting, self.names = [], names
        try:
            for i in range(written):
                self._seal(self._path(name, i).read_bytes() for name in names)
        except OSError as error:
            raise UserError(
                f"{error.filename} is not readable ({error.strerror}). Start again from the"
                " beginning with --force."
            ) from None
        if self.seals[-1] != seal:
            raise UserError(f"{self.folder} holds damaged blocks. Start again with --force.")

    def files(self, name: str) -> list[Path]:
        """The files of one table, in order."""
        return [self._path(name, i) for i in range(self.written)]

    def _path(self, name: str, i: int) -> Path:
        return self.folder / f"{name}-{i:05d}.parquet"


def make_folders(folder: Path) -> None:
    """Make a folder and those above it that are missing. Raises `Unwritable`."""
    if not folder.is_dir():
        make_folders(folder.parent)
        make_folder(folder)


def some_rows(tables: Mapping[str, pl.DataFrame], name: str, those: pl.Expr) -> pl.DataFrame:
    """Some rows of a table, in its order.

    Of tables on disk (`evosim.analysis.recorded_run.Tables`) no others are kept in memory.
    """
    read = getattr(tables, "rows", None)
    return read(name, those) if read else tables[name].filter(those)
