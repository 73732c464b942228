"""Output folders: who writes there, which files evosim wrote, and how new results are put in place.

A lock says who writes in a folder. The file STATUS counts only if no lock is visible: on another
machine, or without locks of the file system. Files that evosim did not write stay where they are.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import platform
import re
import shlex
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from evosim import accounts
from evosim.errors import UserError
from evosim.runtime.atomic_files import sync_folder, write_atomically

PARTIAL, STATUS = ".partial", "STATUS"
RUNNING = "being written by process"
# Seconds between signs of life, and without one until a process on another machine counts as gone.
BEAT, GONE = 30.0, 180.0
FOLDERS = ("tables", "controls", "analysis", "figures", "checkpoint")  # in the folder of a run
# Own files of those folders; all others are a user's. Tests compare these names with the files
# that are written.
ACCOUNTS = tuple(accounts.TABLES)
FIGURES = (*accounts.FIGURES, *accounts.SEARCH_FIGURES)
SIZES, FORMATS = ("screen", "one", "two"), ("png", "svg", "pdf", "html")
REPORT_MARK, REPORT_HEAD = b'<meta name="evosim-report"', 4096  # bytes in which it stands
OF_THE_DISK = ("lost+found",)  # some file systems put it into an empty disk
_SAYS = re.compile(RUNNING + r" (\d{1,10}) on (.*?); not whole")
_LONGEST = 1000  # bytes of STATUS that are read

Own = Callable[[tuple[str, ...]], bool]


def check_place(path: Path, option: str = "--out") -> None:
    """Refuse a folder behind a link that leads nowhere, before anything is computed.

    Parameters
    ----------
    path : Path
        A folder, which need not exist yet.
    option : str
        Name of the option in messages.

    Raises
    ------
    UserError
        A link in the path leads nowhere.
    """
    instead = f"give another {option}" if option.startswith("--") else "remove the link"
    for part in (path, *path.parents):
        if part.is_symlink() and not part.exists():
            leads = Path(os.path.abspath(part.parent / os.readlink(part)))
            raise UserError(
                f"{option} must lead to a folder that is there, but the link {part} leads to"
                f" {leads}, which is not. Make it first ('mkdir -p {shlex.quote(str(leads))}'), or"
                f" {instead}."
            )
        if part.exists():
            return


def must_be_writable(folder: Path, option: str = "--out") -> None:
    """Make a folder, and refuse one in which no file can be made.

    Parameters
    ----------
    folder : Path
        Made with the folders above it.
    option : str
        Name of the option in messages.

    Raises
    ------
    UserError
        A link leads nowhere, a file is in the way, or the disk refuses.
    """
    check_place(folder, option)
    if folder.exists() and not folder.is_dir():
        raise UserError(
            f"{option} must be a folder, but {folder} is a file. Give another {option}."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise UserError(
            f"{option} must be writable, but {folder} is not: {error.strerror}. Give another"
            f" {option}."
        ) from None


def partial_of(folder: Path) -> Path:
    """Folder in which a run is written until it is complete.

    A new folder is written next to its final path, and renamed. An existing folder is written in
    place. It may be a mount point or a link, hold other files, or forbid renaming.

    Parameters
    ----------
    folder : Path
        Folder of the run.

    Returns
    -------
    Path
        `FOLDER.partial`, or `FOLDER/.partial`.
    """
    if folder.name in ("", ".."):
        folder = folder.resolve()
    inside, next_to = (
        folder / PARTIAL,
        (folder.with_name(folder.name + PARTIAL) if folder.name else folder / PARTIAL),
    )
    if inside.is_dir() or (folder.is_dir() and not next_to.is_dir()):
        return inside
    return next_to


def folder_of(partial: Path) -> Path | None:
    """The run's folder by the name of its partial one; nothing if it is none."""
    if partial.name == PARTIAL:
        return partial.parent
    return partial.with_suffix("") if partial.suffix == PARTIAL else None


def others_in(folder: Path) -> list[str]:
    """Names in a folder, but for a partial run, and for what file systems put there themselves."""
    return sorted(
        path.name for path in folder.iterdir() if path.name not in (PARTIAL, *OF_THE_DISK)
    )


def in_use(partial: Path) -> bool:
    """Whether another process writes in a folder."""
    with contextlib.suppress(OSError):
        handle = os.open(partial, os.O_RDONLY | os.O_DIRECTORY)
        try:
            return not _locked(handle, partial)
        finally:
            os.close(handle)
    return False


def lock(partial: Path) -> int:
    """Lock a folder for as long as this process lives, or until the handle is closed.

    Parameters
    ----------
    partial : Path
        A folder that exists.

    Returns
    -------
    int
        The handle that holds the lock.

    Raises
    ------
    BlockingIOError
        Another process writes there, or has just renamed or removed it.
    OSError
        The folder cannot be opened.
    """
    handle = os.open(partial, os.O_RDONLY | os.O_DIRECTORY)
    try:
        locked = _locked(handle, partial) and os.path.samestat(os.fstat(handle), os.stat(partial))
    except FileNotFoundError:
        locked = False
    except BaseException:
        os.close(handle)
        raise
    if not locked:
        os.close(handle)
        raise BlockingIOError
    return handle


def _locked(handle: int, partial: Path) -> bool:
    """Lock an open folder, unless another process has it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # no locks on this file system
        return writer(partial, locks=False) is None
    return writer(partial, locks=True) is None


def writer(partial: Path, *, locks: bool = True) -> tuple[int, str] | None:
    """The process that writes in a folder, by its STATUS.

    Parameters
    ----------
    partial : Path
        The folder.
    locks : bool
        Whether a lock of this machine would be seen. Then STATUS counts only if it names another
        machine.

    Returns
    -------
    tuple of int and str, or None
        Process and machine. None if STATUS is missing, has another form, is too old or lies in the
        future. None also if it names this process or one that has ended.
    """
    status = partial / STATUS
    try:
        if not status.is_file():
            return None
        with status.open("rb") as file:
            words, seen = (
                file.read(_LONGEST).decode(errors="replace"),
                os.fstat(file.fileno()).st_mtime,
            )
    except OSError:
        return None
    match, age = _SAYS.match(words), _now(partial) - seen
    if not match or not -BEAT <= age <= GONE:
        return None
    pid, node = int(match[1]), match[2]
    if node == platform.node() and (locks or pid == os.getpid() or not _is_alive(pid)):
        return None
    return pid, node


def _now(folder: Path) -> float:
    """The time by the clock of the machine that keeps a folder's files."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            return os.fstat(file.fileno()).st_mtime
    except OSError:
        return time.time()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return pid > 0


def files_in(folder: Path, own: Own, *, only_own: bool = True) -> Iterator[Path]:
    """Files and links below a folder that evosim wrote, or (`only_own=False`) that it did not.

    Links are not followed.
    """
    for root, folders, names in os.walk(folder):
        links = [name for name in folders if os.path.islink(os.path.join(root, name))]
        if Path(root) == folder and PARTIAL in folders:
            folders.remove(PARTIAL)
        for name in sorted([*names, *links]):
            path = Path(root, name)
            if own(path.relative_to(folder).parts) == only_own:
                yield path


def clear(folder: Path, own: Own) -> None:
    """Remove what evosim wrote in a folder, and the folders in it that are empty then.

    All else stays.

    Parameters
    ----------
    folder : Path
        It stays itself.
    own : callable
        Says of the parts of a path in it whether evosim wrote it.

    Raises
    ------
    OSError
        A file cannot be removed.
    """
    paths = list(files_in(folder, own))
    for path in paths:
        path.unlink(missing_ok=True)
    _prune(paths, folder)


def _prune(paths: list[Path], root: Path) -> None:
    """Remove the folders of files that have gone, and those of a run, as far as they are empty.

    `root` stays.
    """
    parents = {
        parent for path in paths for parent in path.relative_to(root).parents if parent.parts
    } | set(map(Path, FOLDERS))
    for parent in sorted(parents, key=lambda path: len(path.parts), reverse=True):
        with contextlib.suppress(OSError):
            (root / parent).rmdir()


def move_in(partial: Path, folder: Path, own: Own, first: str, last: str) -> None:
    """Replace what evosim wrote in a folder by the content of another one.

    Files of the user stay in both.

    If this is interrupted, call it again. `last` is removed at once and moved last: a folder that
    has it is whole. As long as `first` is in `partial`, nothing has been moved, and what evosim
    wrote in `folder` is old.

    Parameters
    ----------
    partial : Path
        Holds the new files, with `last`. It may lie in `folder`, or on another disk. It goes, if
        nothing is left in it.
    folder : Path
        Exists.
    own : callable
        Says of the parts of a path in it whether evosim wrote it.
    first, last : str
        Names of files that every such folder has.

    Raises
    ------
    OSError
        A file cannot be moved.
    """
    if (partial / first).exists():
        (folder / last).unlink(missing_ok=True)
        sync_folder(folder)
        clear(folder, own)
    new = [path.relative_to(partial) for path in files_in(partial, own)]
    new.sort(key=lambda path: path != Path(first))
    of_the_user = [path.relative_to(partial) for path in files_in(partial, own, only_own=False)]
    moved = [
        *(path for path in new if path != Path(last)),
        *(path for path in of_the_user if not os.path.lexists(folder / path)),
    ]
    for path in moved:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        _move(partial / path, folder / path)
    for parent in {folder, *((folder / path).parent for path in moved)}:
        sync_folder(parent)
    _move(partial / last, folder / last)
    sync_folder(folder)
    _prune([partial / path for path in moved], partial)
    with contextlib.suppress(OSError):
        partial.rmdir()


def _move(source: Path, target: Path) -> None:
    """Rename a file, or copy it to another disk, whole or not at all."""
    try:
        os.replace(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        if source.is_symlink():
            target.symlink_to(os.readlink(source))
        else:
            write_atomically(target, source.read_bytes())
        source.unlink()


def is_figure(size: list[str], stem: str, ending: str) -> bool:
    """Whether evosim draws this figure, in the folder of figures or in one for a column width."""
    return (
        (not size or (len(size) == 1 and size[0] in SIZES))
        and ending in FORMATS
        and stem in FIGURES
    )


def is_report(path: Path) -> bool:
    """Whether a file is a report of evosim. One that cannot be read is none."""
    try:
        with path.open("rb") as file:
            return REPORT_MARK in file.read(REPORT_HEAD)
    except OSError:
        return False
