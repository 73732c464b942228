"""Compilation of kernels, and the folder of compiled code.

Numba's own cache notices only changes in the file of a function, so it could return results of
outdated code. The name of the folder therefore contains a hash of all kernel sources. Numba also
trusts the files that it finds. `evosim.kernels.compiled_cache` verifies them.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import logging
import os
import re
import shutil
import sys
import tempfile
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba

from evosim.kernels.compiled_cache import Kept
from evosim.runtime.atomic_files import who_else_writes
from evosim.runtime.machine import check_addresses

_HERE = Path(__file__).resolve().parent
_FOLDER = re.compile("kernels-[0-9a-f]{16}")
KEPT_VERSIONS, KEPT_SECONDS = 4, 86_400.0
SAID = (  # a variable: what was said of the folder, for processes that this one starts
    "EVOSIM_CACHE_SAID"
)


def sources_digest() -> str:
    """Hash of every source that compiled code depends on, and of the compiler's version."""
    digest = hashlib.blake2b(numba.__version__.encode(), digest_size=8)
    for path in [*sorted(_HERE.glob("*.py")), _HERE.parent / "rng.py"]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def cache_folder(tell: Callable[[str], object] = lambda words: None) -> Path | None:
    """Choose a folder for compiled code, mark it as used, and remove old folders.

    Compiled code is unpickled and executed. A folder to which other users can write is therefore
    never read.

    Parameters
    ----------
    tell : Callable[[str], object]
        Called with one line in three cases. Other users can write to a folder, `NUMBA_CACHE_DIR`
        cannot be used, or no folder is left.

    Returns
    -------
    Path | None
        A folder to which only this user can write. None if there is no such folder.
    """
    refused: list[str] = []
    for root, wanted in _places():
        try:
            why = refusal(root)
            if why is None:
                folder = root.resolve() / f"kernels-{sources_digest()}"
                fresh = not folder.exists()
                # `parents=True` would not set their modes
                for step in reversed((folder, *folder.parents)):
                    if not step.exists():
                        step.mkdir(mode=0o700, exist_ok=True)
                why = refusal(folder)
            if why is not None:
                refused.append(why)
                continue
            # Permissions are not enough: quotas and some mounts refuse only a real file.
            tempfile.TemporaryFile(dir=folder).close()
        except (OSError, ValueError, RuntimeError) as error:
            if wanted:
                reason = getattr(error, "strerror", None) or error
                refused.append(
                    f"NUMBA_CACHE_DIR must be writable, but {root} is not ({reason}); set another"
                )
            continue
        with contextlib.suppress(OSError):
            os.utime(folder)
            if fresh:
                clear(root, but=folder)
        if refused:
            tell(f"{refused[0]}. Until then compiled code is kept in {root}.")
        return folder
    where = (
        f"{refused[0]}"
        if refused
        else "HOME or TMPDIR must be a writable folder, but neither is; set one"
    )
    tell(
        f"{where}. Until then compiled code is not kept, and each command compiles for about a"
        " minute."
    )
    return None


def _places() -> Iterator[tuple[Path, bool]]:
    """Possible folders for compiled code, best first, and whether the user named the folder."""
    if given := os.environ.get("NUMBA_CACHE_DIR"):
        with contextlib.suppress(OSError):  # a relative path, where the current folder is gone
            yield Path(given).absolute(), True
    with contextlib.suppress(RuntimeError):  # some users have no home
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        if cache.is_absolute():
            yield cache / "evosim", False
    with contextlib.suppress(OSError):  # nor a folder for temporary files
        yield Path(tempfile.gettempdir()).absolute() / f"evosim-{os.getuid()}", False


def refusal(place: Path) -> str | None:
    """The reason not to read code from a folder, with a remedy.

    None if only this user and root can write there.
    """
    found = who_else_writes(place)
    return found and f"compiled code must lie where only you can write, but {found[0]}; {found[1]}"


def clear(root: Path, *, but: Path) -> None:
    """Remove folders of other versions that are unused for a day, except the newest few.

    A process that uses such a folder has its code in memory. Code that it compiles afterwards is
    not stored.
    """
    others = [
        folder
        for folder in root.iterdir()
        if folder != but and _FOLDER.fullmatch(folder.name) and folder.is_dir()
    ]
    for folder in sorted(others, key=lambda f: f.stat().st_mtime, reverse=True)[KEPT_VERSIONS:]:
        if folder.stat().st_mtime < time.time() - KEPT_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def ask_for_blas() -> None:
    """Let the compiler check that SciPy has BLAS, without loading all of `scipy.linalg`.

    Loading it takes longer than the kernels of a run. The compiler imports one file of that
    package. An empty module replaces the package during that import.
    """
    place = importlib.util.find_spec("scipy")
    if "scipy.linalg" in sys.modules or place is None or not place.submodule_search_locations:
        return
    stand_in = types.ModuleType("scipy.linalg")
    stand_in.__path__ = [
        str(Path(folder) / "linalg") for folder in place.submodule_search_locations
    ]
    sys.modules["scipy.linalg"] = stand_in
    try:
        importlib.import_module("numba.np.arraymath")
    finally:
        for name in [
            name
            for name in sys.modules
            if name == "scipy.linalg" or name.startswith("scipy.linalg.")
        ]:
            del sys.modules[name]
        if "scipy" in sys.modules:
            vars(sys.modules["scipy"]).pop("linalg", None)


ask_for_blas()


check_addresses()


def _say(words: str) -> None:
    """Warn once. Processes that this one starts do not repeat the warning."""
    if os.environ.get(SAID) != words:
        os.environ[SAID] = words
        logging.getLogger("evosim").warning("evosim: %s", words)


FOLDER = cache_folder(_say)

# A waiting thread sleeps. On a busy machine, it would otherwise use the time of other threads.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# error_model="numpy" omits checks for division by zero. fastmath stays off, because it may reorder
# sums and break NaN.
_COMMON: dict[str, str] = {"error_model": "numpy"}

# Fewer individuals are faster on one thread: to make newborns, and to read genotypes. The number of
# threads does not change results.
MIN_PARALLEL = 2**12
MIN_PARALLEL_READING = 2**16


def is_compiled(module: str) -> bool:
    """Return whether a process has stored compiled code of a module of kernels in the folder."""
    return FOLDER is not None and any(FOLDER.glob(f"{module}.*"))


def serial(function: Callable[..., Any]) -> Any:
    """Compile a function that runs on one thread."""
    return _kept(numba.njit(**_COMMON)(function))


def parallel(function: Callable[..., Any]) -> Any:
    """Compile a function whose `prange` loops run on several threads; items must be independent."""
    return _kept(numba.njit(parallel=True, **_COMMON)(function))


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a function into its callers: for small steps of hot loops, to avoid calls."""
    return _kept(numba.njit(forceinline=True, **_COMMON)(function))


def _kept(dispatcher: Any) -> Any:
    """Store the code of a compiled function in the folder, if there is one."""
    if FOLDER is not None:
        with contextlib.suppress(OSError, TypeError):  # a function without a file of its own
            dispatcher._cache = Kept(dispatcher.py_func, FOLDER)
    return dispatcher


def run_kernel(
    serial: Callable[..., Any], parallel: Callable[..., Any], n: int, *args: Any
) -> None:
    """Run a kernel over `n` newborns: on the calling thread if they are few, else on several.

    Parameters
    ----------
    serial : Callable
        The kernel for the calling thread. It is called as `serial(start, stop, *args)`.
    parallel : Callable
        The kernel for several threads. It is called as `parallel(n, *args)`.
    n : int
        Number of newborns.
    *args : Any
        Further arguments of both kernels.
    """
    if n < MIN_PARALLEL:
        serial(0, n, *args)
    else:
        parallel(n, *args)


def run_reader(
    serial: Callable[..., Any], parallel: Callable[..., Any], n: int, *args: Any
) -> None:
    """Run a kernel that reads `n` individuals, as `run_kernel` does."""
    if n < MIN_PARALLEL_READING:
        serial(0, n, *args)
    else:
        parallel(n, *args)
