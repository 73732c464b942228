"""Check the files of a sweep, and remove what is damaged or not needed.

A check finds damaged and missing chunks, files that belong to no chunk, and temporary files. A
chunk is damaged if a file is empty, truncated, changed, or belongs to another sweep or chunk.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from evosim.errors import UserError
from evosim.runtime.atomic_files import TEMPORARY
from evosim.runtime.checksums import Damaged
from evosim.sweeps.chunk_files import CHUNK_FILE, UNFINISHED
from evosim.sweeps.store import FAILED, RUNS, Store

STALE_AFTER = 86_400.0  # seconds
_WRITER = re.compile(r"\..*\.([^.]*(?:\.[^.]+)*?)\.(\d+)\.(\d+)" + re.escape(TEMPORARY))


@dataclass
class CheckResult:
    """The result of a check.

    Attributes
    ----------
    done : int
        Chunks that are done and undamaged.
    missing : list of int
        Chunks that are not done.
    damaged : dict
        Damaged chunks, and why.
    strange : list of Path
        Files that belong to no chunk of this sweep.
    stale : list of Path
        Temporary files without a writer, and finished runs of chunks that are done.
    young : list of Path
        Temporary files that a process may be writing.
    failed : int
        Failed runs in undamaged chunks.
    """

    done: int = 0
    missing: list[int] = field(default_factory=list)
    damaged: dict[int, str] = field(default_factory=dict)
    strange: list[Path] = field(default_factory=list)
    stale: list[Path] = field(default_factory=list)
    young: list[Path] = field(default_factory=list)
    failed: int = 0

    @property
    def sound(self) -> bool:
        """Whether nothing is damaged or strange. Chunks may be missing."""
        return not (self.damaged or self.strange)


def check(store: Store, progress: Callable[[int, int], None] | None = None) -> CheckResult:
    """Read every file of a sweep and compare it with its checksum and the plan.

    Parameters
    ----------
    store : Store
        The sweep.
    progress : Callable, optional
        Receives the number of chunks that are checked, and of all.

    Raises
    ------
    UserError
        If a folder cannot be read.
    """
    result = CheckResult()
    sizes = {Path(entry.path): entry.stat().st_size for entry in store.entries()}
    for chunk in range(store.chunks):
        runs = store.table(chunk, RUNS)
        if runs not in sizes:
            result.missing.append(chunk)
        elif not sizes[runs]:
            result.damaged[chunk] = f"its table {RUNS} is empty"
        else:
            try:
                result.failed += int((store.read(chunk)[RUNS]["status"] == FAILED).sum())
                result.done += 1
            except Damaged as error:
                result.damaged[chunk] = str(error)
        if progress:
            progress(chunk + 1, store.chunks)
    for path in [*sizes, *store.folder.glob(f".*{TEMPORARY}")]:
        _classify(store, path, result)
    return result


def _classify(store: Store, path: Path, result: CheckResult) -> None:
    """Add a file to the result, unless it is a table of a chunk of this sweep."""
    if path.name.startswith(".") and path.name.endswith(TEMPORARY):
        (result.stale if _is_stale(path) else result.young).append(path)
        return
    match = CHUNK_FILE.fullmatch(path.name)
    chunk = int(match[1]) if match else -1
    tables = (*store.keep, RUNS, None)
    if (
        not match
        or not 0 <= chunk < store.chunks
        or store.path(chunk, "").parent != path.parent
        or match[2] not in tables
    ):
        result.strange.append(path)
    elif path.suffix in UNFINISHED and chunk not in result.missing and chunk not in result.damaged:
        result.stale.append(path)


def _is_stale(path: Path) -> bool:
    """Whether no process can be writing a temporary file.

    Its process has ended on this machine, or the file is a day old.
    """
    match = _WRITER.fullmatch(path.name)
    if match and path.name.endswith(f".{platform.node()}.{match[2]}.{match[3]}{TEMPORARY}"):
        try:
            os.kill(int(match[2]), 0)
        except ProcessLookupError:
            return True
        except (PermissionError, OverflowError):
            pass
    with contextlib.suppress(OSError):
        return time.time() - path.stat().st_mtime > STALE_AFTER
    return False


def repair(store: Store, result: CheckResult) -> None:
    """Remove damaged, strange and stale files. `evosim sweep run` then computes them again.

    Parameters
    ----------
    store : Store
        The sweep.
    result : CheckResult
        The result of its check.

    Raises
    ------
    UserError
        If a file cannot be removed.
    """
    for chunk in result.damaged:
        store.remove(chunk, partial=False)
    for path in [*result.strange, *result.stale]:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise UserError(
                f"{path} cannot be removed: {error.strerror}. Remove it by hand: 'rm {path}'."
            ) from None
