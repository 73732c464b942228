"""Check: whether every chunk is what was written, and nothing else lies about; and how to mend it.

What is looked for: chunks that are empty, truncated, changed, of another sweep or in another
chunk's place; chunks that are missing; files that do not belong there; temporary files and finished
runs that nobody needs any more.
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
from evosim.sweeps.store import RUNS, Store

STALE_AFTER = 86_400.0  # seconds
_WRITER = re.compile(r"\..*\.([^.]*(?:\.[^.]+)*?)\.(\d+)\.(\d+)" + re.escape(TEMPORARY))


@dataclass
class Found:
    """What a check found.

    Attributes:
        done, missing: chunks.
        damaged: chunks that are there and wrong, with why.
        strange: files that belong to no chunk of this sweep.
        stale: temporary files whose writer is gone, and finished runs of chunks that are done
        since. young: temporary files that somebody may be writing. failed: runs that failed, in
        whole chunks.
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
        """Whether what is there is right, if not all."""
        return not (self.damaged or self.strange)


def check(store: Store, progress: Callable[[int, int], None] | None = None) -> Found:
    """Read every file of a sweep and hold it against its checksum and the plan.

    Raises `UserError`.
    """
    found = Found()
    sizes = {Path(entry.path): entry.stat().st_size for entry in store.entries()}
    for chunk in range(store.chunks):
        runs = store.table(chunk, RUNS)
        if runs not in sizes:
            found.missing.append(chunk)
        elif not sizes[runs]:
            found.damaged[chunk] = f"its table {RUNS} is empty"
        else:
            try:
                found.failed += int((store.read(chunk)[RUNS]["status"] == "failed").sum())
                found.done += 1
            except Damaged as error:
                found.damaged[chunk] = str(error)
        if progress:
            progress(chunk + 1, store.chunks)
    for path in sizes:
        _sort(store, path, found)
    for path in store.folder.glob(f".*{TEMPORARY}"):
        _sort(store, path, found)
    return found


def _sort(store: Store, path: Path, found: Found) -> None:
    """A file that is no table of a chunk that was looked at: what is it?"""
    if path.name.startswith(".") and path.name.endswith(TEMPORARY):
        (found.stale if _is_stale(path) else found.young).append(path)
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
        found.strange.append(path)
    elif path.suffix in UNFINISHED and chunk not in found.missing and chunk not in found.damaged:
        found.stale.append(path)


def _is_stale(path: Path) -> bool:
    """Whether nobody can be writing a temporary file: its process is gone from this machine, or it
    is a day old.
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


def repair(store: Store, found: Found) -> None:
    """Remove what is damaged, strange or stale, so that the next `evosim sweep run` computes it
    again. Raises `UserError`.
    """
    for chunk in found.damaged:
        store.remove(chunk, partial=False)
    for path in [*found.strange, *found.stale]:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise UserError(
                f"{path} must be removable, but is not: {error.strerror}. Remove it by hand."
            ) from None
