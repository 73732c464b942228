"""Files: written whole or not at all, and there after a power loss once this returns."""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from evosim.errors import FULL, UserError

TEMPORARY = ".tmp"


class Unwritable(UserError):
    """A file cannot be written: the disk is full, broken, or not ours. No mistake in what is to be done."""


class Full(Unwritable):
    """There is no room, for now. What was kept before stays: a command that meets this ends at once, and can be resumed."""


def free_at(folder: Path) -> int | None:
    """Count the free bytes of the disk that a folder is on, or will be on.

    Parameters
    ----------
    folder: a path; it, and folders above it, need not exist yet.

    Returns
    -------
    Bytes that this user may fill, without quotas, which are not asked for; nothing if the disk does not say.
    """
    there = folder.absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    with contextlib.suppress(OSError):
        return shutil.disk_usage(there).free
    return None


def check_room(folder: Path, needed: float) -> None:
    """Refuse to begin what would not fit.

    Parameters
    ----------
    folder: where it will be written.
    needed: bytes, about.

    Raises
    ------
    Full: less is free.
    """
    from evosim.progress import size

    free = free_at(folder)
    if free is not None and free < needed:
        raise Full(f"{folder} must have room for about {size(needed)}, but {size(free)} are free. Free some space, or give another --out.")


def write_atomically(path: Path, data: bytes | memoryview) -> None:
    """Put `data` at `path`: whoever looks sees the old bytes or all of the new ones, never a part, whenever this is killed.

    Written to `.NAME.HOST.PID.NS.tmp` in the same folder, synced, renamed, and the folder synced. If it fails, what was at
    `path` stays and the temporary file goes. Raises `Unwritable`, a `UserError`.
    """
    _write(path, data, _replace)


def write_once(path: Path, data: bytes | memoryview) -> bool:
    """Put data at a path, whole or not at all, unless something is there.

    Parameters
    ----------
    path : Path
        Where the file will be. Of several processes one succeeds, also on network file systems.
    data : bytes or memoryview
        What it will hold.

    Returns
    -------
    bool
        Whether it was written. False: something is there already, and stays.

    Raises
    ------
    Unwritable
        If the file cannot be written.
    """
    try:
        _write(path, data, _link)
    except _Taken:
        return False
    return True


class _Taken(Exception):
    """A name is in use."""


def _write(path: Path, data: bytes | memoryview, put: Callable[[Path, Path], None]) -> None:
    """Write a temporary file and `put` it in place. Raises `Unwritable`, and `_Taken` where `put` does."""
    temporary = path.with_name(f".{path.name}.{platform.node()}.{os.getpid()}.{time.time_ns()}{TEMPORARY}")
    try:
        try:
            with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            put(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise unwritable(path, error) from None


def _link(temporary: Path, path: Path) -> None:
    """Give a file its name if that is free. Raises `_Taken`."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        if not os.path.samefile(temporary, path):  # a network file system may send a request twice
            raise _Taken from None
    except OSError as error:
        if error.errno in FULL:
            raise
        if path.exists():  # this file system has no links; two processes must meet within this line to disagree
            raise _Taken from None
        os.replace(temporary, path)
        return
    temporary.unlink()


def make_folder(folder: Path) -> None:
    """Make a folder in one that is there, if it is not there yet. Raises `Unwritable`."""
    try:
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)
    except OSError as error:
        raise unwritable(folder, error) from None


def must_be_free(path: Path, what: str, remedy: str) -> None:
    """Refuse to write over what is there.

    Parameters
    ----------
    path : Path
        Where something is to be written.
    what : str
        What it is, in words.
    remedy : str
        What a user can do instead, as a sentence.

    Raises
    ------
    UserError
        If a file, a folder or a link is there.
    """
    if path.exists() or path.is_symlink():
        raise UserError(f"{what} must not be written over what is there, but {path} exists. {remedy}")


def sync_folder(folder: Path) -> None:
    """Make names in a folder (new, renamed, removed ones) outlast a power loss, where the file system knows how."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def _replace(temporary: Path, path: Path) -> None:
    """Rename. A network file system that sends a rename twice says that there is nothing to rename, although it was done."""
    try:
        os.replace(temporary, path)
    except FileNotFoundError:
        if temporary.exists() or not path.exists():
            raise


def unwritable(path: Path, error: OSError) -> Unwritable:
    """What is said of a path that cannot be written."""
    kind, remedy = (Full, "Free some space") if error.errno in FULL else (Unwritable, "Mend the disk or its permissions")
    return kind(f"{path} must be writable, but is not: {error.strerror}. {remedy}, and do it again.")
