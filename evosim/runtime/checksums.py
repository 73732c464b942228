"""Check that files are what was written: checksums, sizes before unpacking, JSON of a known shape.

A checksum finds what a disk or a hand changed. It is no signature: it can be forged. So all that is
read is also compared with what the experiment can have.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
from collections.abc import Iterable, Mapping
from io import BufferedReader
from pathlib import Path
from typing import Any, TypeVar

import polars as pl
from pydantic import BaseModel, ConfigDict, ValidationError

from evosim.runtime import parquet_size
from evosim.runtime.atomic_files import TEMPORARY, write_atomically

SUMS = "sums.sha256"
MAX_JSON = 2**28  # Bytes. The longest file so far has 2**20.
SMALL = 2**20  # Bytes that a table may take whatever its number of rows.
OF_A_CELL = 256  # Bytes. Names are texts.
UNREADABLE = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
)

M = TypeVar("M", bound=BaseModel)


class Strictly(BaseModel):
    """A shape of JSON in which a text is no number and a number no text."""

    model_config = ConfigDict(strict=True)


class Damaged(Exception):
    """A file is not what was written.

    The message says in a few words what is wrong, and follows on the file's name.
    """


# Checksums


def sum_of(file: BufferedReader) -> str:
    """Hash an open file as a stream, from its beginning.

    Parameters
    ----------
    file : BufferedReader
        A file that is open for reading; afterwards it stands at its beginning again.

    Returns
    -------
    str
        SHA-256, as 64 hexadecimal digits.
    """
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    file.seek(0)
    return digest


def read_sums(folder: Path) -> dict[str, str]:
    """Read the checksums of a folder.

    Parameters
    ----------
    folder : Path
        A folder with a file `SUMS`, as `sha256sum -c` reads it.

    Returns
    -------
    dict
        By path in the folder, the checksum. Empty if the file is missing or cannot be read.
    """
    try:
        lines = (folder / SUMS).read_bytes().decode(errors="replace").splitlines()
    except OSError:
        return {}
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines) if name}


def write_sums(folder: Path, names: Iterable[str], known: Mapping[str, str]) -> None:
    """Write the checksums of a folder.

    Parameters
    ----------
    folder : Path
        The folder.
    names : iterable of str
        Paths of files in it that are hashed now.
    known : Mapping
        Checksums of others, by path.

    Raises
    ------
    UserError
        If the file cannot be written.
    """
    sums = dict(known)
    for name in names:
        with (folder / name).open("rb") as file:
            sums[name] = sum_of(file)
    lines = [f"{sums[name]}  {name}\n" for name in sorted(sums)]
    write_atomically(folder / SUMS, "".join(lines).encode())


def files_in(folder: Path, *parts: str) -> list[str]:
    """List files of a folder.

    Parameters
    ----------
    folder : Path
        The folder.
    *parts : str
        Files in it, and folders whose files are meant, at any depth.

    Returns
    -------
    list of str
        Paths in the folder, of the files that are there.
    """
    files = [
        path
        for part in parts
        for path in ([folder / part] if (folder / part).is_file() else (folder / part).rglob("*"))
    ]
    return sorted(
        path.relative_to(folder).as_posix()
        for path in files
        if path.is_file() and path.suffix != TEMPORARY
    )


def check_sum(file: BufferedReader, expected: str | None) -> None:
    """Compare an open file with its checksum.

    Parameters
    ----------
    file : BufferedReader
        A file that is open for reading.
    expected : str or None
        The expected result of `sum_of`. None: no checksum is known, so the file is not checked.

    Raises
    ------
    Damaged
        If the checksum differs.
    """
    if expected is not None and sum_of(file) != expected:
        raise Damaged("has another checksum than was written")


# Reading


def read_table(path: Path, expected: str | None = None, rows: int | None = None) -> pl.DataFrame:
    """Read a table from a file, whatever its name is, if it is what was written.

    Parameters
    ----------
    path : Path
        A Parquet file.
    expected : str, optional
        Its checksum.
    rows : int, optional
        How many rows it may have.

    Returns
    -------
    pl.DataFrame
        The table.

    Raises
    ------
    Damaged
        If it is missing, another file, too large, or no table.
    """
    try:
        with path.open(
            "rb"
        ) as file:  # by the file and not by its name, in which polars expands `~` and stars
            check_sum(file, expected)
            if os.fstat(file.fileno()).st_size:
                with (
                    mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
                    memoryview(data) as view,
                ):
                    check_size(view, rows)
            return pl.read_parquet(file)
    except FileNotFoundError:
        raise Damaged("is missing") from None
    except IsADirectoryError:
        raise Damaged("is a folder") from None
    except OSError as error:
        raise Damaged(f"cannot be read ({error.strerror or error})") from None
    except UNREADABLE:
        raise Damaged("is no table that can be read") from None


def table_from(data: bytes, rows: int | None = None) -> pl.DataFrame:
    """Read a table from bytes. Parameters, returns and raises as `read_table`."""
    try:
        check_size(data, rows)
        return pl.read_parquet(data)
    except UNREADABLE:
        raise Damaged("is no table that can be read") from None


def check_size(data: parquet_size.Buffer, rows: int | None) -> None:
    """Refuse a table that would take more memory than it can need, before it is read.

    Parameters
    ----------
    data : bytes or memoryview
        A Parquet file.
    rows : int or None
        How many rows it may have. None: as many as it has bytes of pages, eight times over.

    Raises
    ------
    Damaged
        If it has more, or larger ones.
    ValueError
        If it is not Parquet.
    """
    size = parquet_size.size_of(data)
    if rows is not None and size.rows > rows:
        raise Damaged(f"has {size.rows:,} rows, and not at most {rows:,}")
    if size.data > SMALL + OF_A_CELL * size.rows * max(size.columns, 1):
        raise Damaged(f"holds {size.data:,} bytes in {size.rows:,} rows")


def read_json(path: Path, expected: str | None = None) -> Any:
    """Read JSON from a file.

    Parameters
    ----------
    path : Path
        A file.
    expected : str, optional
        Its checksum.

    Returns
    -------
    Any
        Lists, dictionaries, texts, numbers.

    Raises
    ------
    FileNotFoundError
        If it is missing.
    Damaged
        If it cannot be read, is not JSON, or has numbers that are none.
    """
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size > MAX_JSON:
                raise Damaged(f"is larger than {MAX_JSON:,} bytes")
            check_sum(file, expected)
            return json.loads(file.read().decode(), parse_constant=_no_number)
    except FileNotFoundError:
        raise
    except IsADirectoryError:
        raise Damaged("is a folder") from None
    except OSError as error:
        raise Damaged(f"cannot be read ({error.strerror or error})") from None
    except (ValueError, RecursionError):
        raise Damaged("is not JSON") from None


def _no_number(name: str) -> Any:
    raise ValueError(name)


def shaped(data: Any, model: type[M]) -> M:
    """Compare data with a shape.

    Parameters
    ----------
    data : Any
        A value from `read_json`.
    model : type
        A pydantic model.

    Returns
    -------
    BaseModel
        The data as the model has it.

    Raises
    ------
    Damaged
        If they do not fit; the message names the first place.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        raise Damaged(
            f"has another shape ({place}: {first['msg'][:1].lower()}{first['msg'][1:]})"
        ) from None
