"""Files that are written whole or not at all, and survive a power loss."""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import shlex
import shutil
import stat
import time
from collections.abc import Callable
from pathlib import Path, PureWindowsPath

from evosim.errors import FULL, UserError

TEMPORARY = ".tmp"
NOT_OURS = (errno.EROFS, errno.EACCES, errno.EPERM)


class Unwritable(UserError):
    """A file cannot be written: the disk is full or broken, or permission is missing.

    The command itself is valid.
    """


class Full(Unwritable):
    """Disk full or quota exceeded.

    Files written before stay. The command ends at once, and can be resumed.
    """


class ReadOnly(Unwritable):
    """This user may read here but not write. Results computed in memory are still shown."""


def may_write(folder: Path) -> bool:
    """Whether this user may create files in a folder.

    Parameters
    ----------
    folder : Path
        An existing folder.

    Returns
    -------
    bool
        False on a file system that is mounted read-only, for root too.
    """
    return os.access(
        folder, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids
    )


def free_at(folder: Path) -> int | None:
    """Count the free bytes of the disk that a folder is on, or will be on.

    Parameters
    ----------
    folder: a path; it, and folders above it, need not exist yet.

    Returns
    -------
    Bytes that this user may fill, without quotas, which are not asked for; nothing if the disk does
    not say.
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
    from evosim.runtime.progress import size

    free = free_at(folder)
    if free is not None and free < needed:
        raise Full(
            f"{folder} must have room for about {size(needed)}, but {size(free)} are free. Free"
            " some space, or give another --out."
        )


def write_atomically(path: Path, data: bytes | memoryview) -> None:
    """Replace the bytes of a file: readers see all the old or all the new bytes, even after a kill.

    A link at `path` is replaced, and its target stays. The bytes go to `.NAME.HOST.PID.NS.tmp` in
    the same folder. This file is synced and renamed, and the folder is synced. If this fails, the
    old file stays and the temporary file is removed. Raises `Unwritable`, a `UserError`.
    """

    def write(temporary: Path) -> None:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:
            file.write(data)

    produce_atomically(path, write)


def write_once(path: Path, data: bytes | memoryview) -> bool:
    """Write a whole file or none, unless the path exists.

    Parameters
    ----------
    path : Path
        Path of the file. One of several processes succeeds, also on network file systems.
    data : bytes or memoryview
        Content of the file.

    Returns
    -------
    bool
        Whether the file was written. False: the path exists and is unchanged.

    Raises
    ------
    Unwritable
        If the file cannot be written.
    """

    def write(temporary: Path) -> None:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:
            file.write(data)

    try:
        produce_atomically(path, write, _link)
    except _Taken:
        return False
    return True


class _Taken(Exception):
    """A name is in use."""


def produce_atomically(
    path: Path, write: Callable[[Path], object], put: Callable[[Path, Path], None] | None = None
) -> None:
    """Let `write` produce a file at a temporary path, then rename it to `path`.

    `put` renames the temporary file; by default it replaces an existing one. Raises `Unwritable`,
    and `_Taken` where `put` does.
    """
    temporary = path.with_name(
        f".{path.name}.{platform.node()}.{os.getpid()}.{time.time_ns()}{TEMPORARY}"
    )
    try:
        try:
            write(temporary)
            handle = os.open(temporary, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
            (put or _replace)(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise unwritable(path, error) from None


def inside(folder: Path, name: str, what: str = "a file's name") -> Path:
    """Path in a folder for a name that was read from a file; never outside the folder.

    Parameters
    ----------
    folder : Path
        Folder that must contain the path.
    name : str
        One plain name, without a folder.
    what : str
        Description of the name in messages.

    Returns
    -------
    Path
        The name in the folder.

    Raises
    ------
    UserError
        If the name has a separator or a drive, is `..`, or links to a place outside the folder.
    """
    plain = isinstance(name, str) and name not in ("", ".", "..") and not set(name) & set("/\\:\0")
    if not plain or PureWindowsPath(name).name != name:
        raise UserError(
            f"{what} must be a plain name in {folder}, but is {name!r}. The folder was edited or is"
            " damaged: make it again, or ask for another copy."
        )
    place = folder / name
    if place.is_symlink() and not place.resolve().is_relative_to(folder.resolve()):
        raise UserError(
            f"{place} must lie in its folder, but is a link to {os.readlink(place)}. "
            "Put a copy in its place, or remove it."
        )
    return place


def refuse_link(path: Path) -> None:
    """Refuse to write through a link: the sender of a folder chose the target of its links.

    Parameters
    ----------
    path : Path
        The file to be written, or its folder.

    Raises
    ------
    UserError
        If it is a symbolic link.
    """
    if path.is_symlink():
        raise UserError(
            f"{path} must be no link to be written, but leads to {os.readlink(path)}. "
            f"Remove it with 'rm {shlex.quote(str(path))}', and do it again."
        )


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
        # This file system has no links; two processes must meet within this line to disagree
        if path.exists():
            raise _Taken from None
        os.replace(temporary, path)
        return
    temporary.unlink()


def make_folder(folder: Path) -> None:
    """Make a folder in one that is there, if it is not there yet.

    Raises `Unwritable`, and `UserError` for a link.
    """
    refuse_link(folder)
    if folder.is_dir():
        return
    try:
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)
    except OSError as error:
        raise unwritable(folder, error) from None


def who_else_writes(place: Path) -> tuple[str, str] | None:
    """Say what lets other users decide what is at a path.

    Each folder on the way counts, because its owner can put another one in the place of the next.
    A folder with the sticky bit, such as /tmp, protects what others have in it.

    Parameters
    ----------
    place : Path
        A file or a folder, which need not exist yet. Symbolic links are followed.

    Returns
    -------
    tuple[str, str] | None
        What is wrong, and what to do; nothing if only this user and root decide.

    Raises
    ------
    OSError
        If the way to the path cannot be read.
    """
    trusted = (0, os.getuid())
    if place.is_symlink() and place.lstat().st_uid not in trusted:
        return f"{place} is another user's link", "give a path of your own"
    real = place.resolve()
    for step in (real, *real.parents):
        try:
            facts = step.stat()
        except FileNotFoundError:
            continue  # made later, for this user alone
        if facts.st_uid not in trusted:
            return f"{step} belongs to user {facts.st_uid}", "give a path of your own"
        if facts.st_mode & 0o022 and (step == real or not facts.st_mode & stat.S_ISVTX):
            return f"others can write to {step}", f"do 'chmod go-w {shlex.quote(str(step))}'"
    return None


def must_be_free(path: Path, what: str, remedy: str) -> None:
    """Refuse to overwrite an existing path.

    Parameters
    ----------
    path : Path
        Path to be written.
    what : str
        Description of the new content in messages.
    remedy : str
        A sentence that says what the user can do instead.

    Raises
    ------
    UserError
        If a file, a folder or a link is there.
    """
    if path.exists() or path.is_symlink():
        raise UserError(
            f"{what} must not be written over what is there, but {path} exists. {remedy}"
        )


def sync_folder(folder: Path) -> None:
    """Make new, renamed and removed names in a folder survive a power loss, where supported."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def _replace(temporary: Path, path: Path) -> None:
    """Rename.

    A network file system that sends a rename twice says that there is nothing to rename, although
    it was done.
    """
    try:
        os.replace(temporary, path)
    except FileNotFoundError:
        if temporary.exists() or not path.exists():
            raise


def unwritable(path: Path, error: OSError) -> Unwritable:
    """The error, with a remedy, for a path that cannot be written."""
    kind, remedy = (
        (Full, "Free some space")
        if error.errno in FULL
        else (Unwritable, "Repair the disk or its permissions")
    )
    kind = ReadOnly if error.errno in NOT_OURS else kind
    return kind(
        f"{path} must be writable, but is not: {error.strerror}. {remedy}, and do it again."
    )
