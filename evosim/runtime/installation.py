"""Check that Python finds evosim's own packages and the standard library where they belong."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import sysconfig
from pathlib import Path
from types import TracebackType
from typing import Any

from evosim.errors import UserError, in_one_line

COMMAND = "EVOSIM_COMMAND"  # set in processes of the command line and those that they start
ROOT = Path(__file__).resolve().parents[2]
# The second, which Dask imports, takes the place of the first
METADATA = ("importlib.metadata", "importlib_metadata")
OWN = {"worlds": b"InvalidWorld", "genomes": b"InvalidGenome"}  # and what is in the file of each


def begin() -> None:
    """Prepare a process of the command line, before it imports what others have written."""
    os.environ[COMMAND] = "1"
    sys.excepthook = _told
    tolerate()


def _told(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
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


def check() -> None:
    """Refuse to work with a module of another program in place of a package of evosim's.

    Raises
    ------
    UserError
        Which file was found, and where the right one is.
    """
    for name, sign in OWN.items():
        found, own = _file_of(name), ROOT / name / "__init__.py"
        if found is None or not _same(found, own):
            where = f"'import {name}' finds {found}" if found else f"'import {name}' finds nothing"
            raise UserError(
                f"evosim must find its own package '{name}' ({own}), but {where}. "
                "Rename or move that, or take its folder out of PYTHONPATH."
            )
        with contextlib.suppress(OSError):  # a package in an archive
            if sign not in own.read_bytes():
                raise UserError(
                    f"{own} must be evosim's own package '{name}', but another distribution of that"
                    " name wrote over it. Uninstall that one, then do 'pip install"
                    " --force-reinstall --no-deps evosim-lab'."
                )


def stray() -> str:
    """Find a file that was imported in place of a module of the standard library.

    Returns
    -------
    str
        What to do, in one line; empty if there is none.
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


def _file_of(name: str) -> Path | None:
    """The file that `import name` runs, without running it."""
    module = sys.modules.get(name)
    if module is not None:
        file = getattr(module, "__file__", None)
        return Path(file) if file else None
    with contextlib.suppress(ImportError, ValueError, AttributeError):
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.has_location and spec.origin:
            return Path(spec.origin)
    return None


def _same(one: Path, other: Path) -> bool:
    with contextlib.suppress(OSError):
        return one.samefile(other)
    return one.resolve() == other.resolve()
