"""The one place that says how kernels are compiled, and where compiled code is kept.

Numba's cache does not notice a change in another file than the cached function's own, and would then return results
of old code. The folder is therefore named by a hash of all kernel sources; a change of any of them starts a new one.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

_HERE = Path(__file__).resolve().parent


def sources_digest() -> str:
    """Hash of every source that compiled code depends on, and of the compiler's version."""
    digest = hashlib.blake2b(numba.__version__.encode(), digest_size=8)
    for path in [*sorted(_HERE.glob("*.py")), _HERE.parent / "streams.py"]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def cache_folder() -> Path:
    """A writable folder for compiled code: NUMBA_CACHE_DIR, else the user's cache, else a temporary folder."""
    given = os.environ.get("NUMBA_CACHE_DIR")
    home = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))
    fallback = Path(tempfile.gettempdir()) / f"evosim-{os.getuid() if hasattr(os, 'getuid') else 'cache'}"
    for root in ([Path(given)] if given else []) + [home / "evosim", fallback]:
        folder = root / f"kernels-{sources_digest()}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    return Path(tempfile.mkdtemp(prefix="evosim-kernels-"))


numba.config.CACHE_DIR = str(cache_folder())

# A thread that waits for another sleeps: on a busy machine it would else burn the time that the other needs.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# error_model="numpy" spares the zero-division checks; fastmath stays off, because it may reorder sums and break NaN.
_COMMON: dict[str, Any] = {"cache": True, "error_model": "numpy"}

# Waking a second thread, and waiting for it, costs more than fewer individuals than this do: where newborns are made, and
# where genotypes are only read. Either way gives the same bytes.
THREADED = 2**12
THREADED_READING = 2**16


def serial(function: Callable[..., Any]) -> Any:
    """Compile a function that runs on one thread."""
    return numba.njit(**_COMMON)(function)


def parallel(function: Callable[..., Any]) -> Any:
    """Compile a function whose `prange` loops run on several threads; items must be independent."""
    return numba.njit(parallel=True, **_COMMON)(function)


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a function into its callers: for the small steps of hot loops, whose calls would cost more than they do."""
    return numba.njit(forceinline=True, **_COMMON)(function)


def make(some: Callable[..., Any], every: Callable[..., Any], n: int, *how: Any) -> None:
    """Make `n` newborns: by `some(start, stop, *how)` on this thread if they are few, else by `every(n, *how)`."""
    if n < THREADED:
        some(0, n, *how)
    else:
        every(n, *how)


def read(some: Callable[..., Any], every: Callable[..., Any], n: int, *how: Any) -> None:
    """The same for reading `n` individuals."""
    if n < THREADED_READING:
        some(0, n, *how)
    else:
        every(n, *how)
