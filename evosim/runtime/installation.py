"""Check that Python finds the standard library, and survive damaged packages of others."""

from __future__ import annotations

import importlib
import os
import sys
import sysconfig
from pathlib import Path
from types import TracebackType
from typing import Any

from evosim.errors import in_one_line

COMMAND = "EVOSIM_COMMAND"  # set in command-line processes and their children.
# The second is a replacement of the first; Dask imports it.
METADATA = ("importlib.metadata", "importlib_metadata")


def begin() -> None:
    """Prepare a process of the command line, before it imports what others have written."""
    os.environ[COMMAND] = "1"
    sys.excepthook = _report
    tolerate()


def _report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Say in one line that a file hides a module of the standard library, if that is so."""
    if words := stray():
        os.write(2, f"evosim: {in_one_line(words)}\n".encode())
        os._exit(2)
    sys.__excepthook__(kind, error, trace)


def tolerate() -> None:
    """Let installed packages whose lists of entry points are damaged have none.

    Libraries read the lists of all packages when they are imported, and fail at one that is
    damaged. It holds for programs of evosim's own, not for those that import it: who does that
    decides.
    """
    importlib.import_module("importlib.metadata")  # brings much of the standard library with it
    for name in METADATA:
        if name in sys.modules:
            _tolerate(sys.modules[name])


def _tolerate(metadata: Any) -> None:
    read = metadata.Distribution.entry_points.fget

    def entry_points(dist: Any) -> Any:
        try:
            return read(dist)
        except Exception:  # (what others have installed)
            return metadata.EntryPoints()

    metadata.Distribution.entry_points = property(entry_points)


def stray() -> str:
    """Find a file that was imported in place of a module of the standard library.

    Returns
    -------
    str
        The remedy, in one line; empty if there is none.
    """
    paths = sysconfig.get_paths()
    homes = [Path(paths[key]).resolve() for key in ("stdlib", "platstdlib")]
    others = [Path(paths[key]).resolve() for key in ("purelib", "platlib")]
    for name in sorted(sys.stdlib_module_names & sys.modules.keys()):
        file = getattr(sys.modules[name], "__file__", None)
        if not file or not (path := Path(file).resolve()).is_file():
            continue
        inside = any(path.is_relative_to(home) for home in homes)
        if not inside or any(path.is_relative_to(home) for home in others):
            return (
                f"'import {name}' must find the standard library, but finds {path}. "
                "Rename or move that file, or take its folder out of PYTHONPATH."
            )
    return ""
